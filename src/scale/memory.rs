//! What memory the process has, as the system tells.

/// Resident memory in octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Memory {
    /// Now.
    pub(super) resident: u64,
    /// The most that it has been.
    pub(super) peak: u64,
}

/// What the process has now; nothing where the system does not tell.
pub(super) fn read() -> Option<Memory> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let octets = |name: &str| -> Option<u64> {
        let line = status.lines().find(|line| line.starts_with(name))?;
        let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
        Some(kib * 1024)
    };
    Some(Memory {
        resident: octets("VmRSS:")?,
        peak: octets("VmHWM:")?,
    })
}
