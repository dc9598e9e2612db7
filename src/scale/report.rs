//! What was measured.

use serde::Serialize;

use super::ScaleSpec;

/// What is aimed at, on two cores.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Targets {
    /// Octets of memory for a session, all included.
    pub bytes_per_session: u64,
    /// Octets in all, for 2.25 million sessions.
    pub bytes: u64,
    /// Seconds of life until all are logged in.
    pub boot_s: f64,
    /// Users that move, and are back, in a second of life.
    pub moved_per_second: f64,
}

impl Targets {
    /// 1.5 KiB a session, 4 GiB, 120 s, and a million moved sessions in 10 s.
    pub const GIVEN: Self = Self {
        bytes_per_session: 1536,
        bytes: 4 << 30,
        boot_s: 120.0,
        moved_per_second: 100_000.0,
    };
}

/// What was measured in one run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The deployment.
    #[serde(flatten)]
    pub spec: ScaleSpec,
    /// Users that were logged in before the failover.
    pub sessions: u64,
    /// Growth of the resident memory from before the boot until all are logged in, by session.
    pub bytes_per_session: Option<u64>,
    /// The same in all.
    pub bytes: Option<u64>,
    /// The most resident memory of the process in the whole run.
    pub peak_bytes: Option<u64>,
    /// Seconds of life until all were logged in.
    pub boot_s: f64,
    /// Protocol seconds that pass in a second of life while nothing happens but talk.
    pub virtual_seconds_per_second: f64,
    /// Users that had to move.
    pub to_move: u64,
    /// Those that the other node owned in the end.
    pub moved: u64,
    /// Seconds of life from the power cut until the last user had moved.
    pub moved_s: f64,
    /// Seconds of life from the power cut until the last client was back.
    pub back_s: f64,
    /// Protocol seconds from the power cut until the last client was back.
    pub back_virtual_s: f64,
    /// Users moved in a second of life, until the last had moved.
    pub moved_per_second: f64,
    /// Users moved and logged in again in a second of life, until the last client was back.
    pub back_per_second: f64,
    /// Sessions of the moved ones that went on; others began anew.
    pub resumed: u64,
    /// Users without a session in the end, or hosted by nobody who runs.
    pub users_lost: u64,
    /// Messages between sample users.
    pub messages: u64,
    /// Those that nobody has heard.
    pub messages_lost: u64,
    /// How often one was heard again.
    pub messages_doubled: u64,
    /// The journal's digest: equal runs, equal digests.
    pub digest: String,
    /// What is aimed at.
    pub targets: Targets,
}

impl Report {
    /// Whether nobody and nothing was lost, and nothing came twice.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.users_lost == 0
            && self.moved == self.to_move
            && self.messages_lost == 0
            && self.messages_doubled == 0
    }
}
