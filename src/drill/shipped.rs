//! The drills that come with the program.

use super::{Drill, ScriptError, parse};

macro_rules! drills {
    ($($name:literal),* $(,)?) => {
        /// Name and text of each drill that comes with the program.
        pub const SHIPPED: &[(&str, &str)] = &[
            $(($name, include_str!(concat!("../../drills/", $name, ".drill")))),*
        ];
    };
}

drills![
    "authentication-monitored",
    "authentication-not-monitored",
    "auto-recovery-database",
    "auto-recovery-service",
    "automatic-fallback",
    "backup-loses-a-service",
    "backup-loses-a-service-alone",
    "both-lose-power",
    "chat-8",
    "chat-9",
    "critical-service",
    "database-failure",
    "enabled-with-a-sick-node",
    "enabled-with-two-sick-nodes",
    "enabled-without-replication",
    "failover-under-delay",
    "firewall",
    "ha-off",
    "ha-off-on-one-node",
    "ha-on-too-early",
    "home-not-seen",
    "home-not-seen-and-sick",
    "idle-never-falls-back",
    "manual-failover",
    "multiple-devices",
    "no-persistent-chat",
    "older-release",
    "older-release-cut",
    "one-way-cut",
    "power-loss",
    "process-kill",
    "reboot",
    "service-back-in-time",
    "services-do-not-start",
    "short-cut",
    "shutdown",
    "split-brain",
    "srm-crashes",
    "srm-restarts-backup",
    "srm-restarts-idle",
    "srm-restarts-in-failed-mode",
    "srm-restarts-taking-back",
    "srm-restarts-taking-over",
    "srm-stops",
    "take-back-fails",
    "take-back-fails-at-home",
    "take-over-fails",
    "take-over-hangs",
    "two-pairs",
];

/// The drills that come with the program, read.
///
/// # Errors
/// Never for a program that passed its tests.
pub fn shipped() -> Result<Vec<Drill>, ScriptError> {
    let read = |(name, text): &(&str, &str)| parse(&format!("drills/{name}.drill"), name, text);
    SHIPPED.iter().map(read).collect()
}
