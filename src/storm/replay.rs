//! One failover and the logins that follow.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde::Serialize;
use takeover_core::profile::{Mode, logins_per_second};
use takeover_core::topology::OvaSize;

use crate::client::Client;
use crate::config::LabConfig;
use crate::lab::{Lab, LabError};

/// The node that fails, and the one that all come to.
const HOME: &str = "1A";
const BACKUP: &str = "1B";
const SECOND: Duration = Duration::from_secs(1);
/// Protocol seconds after the upper limit after which no more logins are waited for.
const PATIENCE: u64 = 7200;

/// Re-login limits in seconds (SES-5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// *Client Re-Login Lower Limit*.
    pub lower_s: u32,
    /// *Client Re-Login Upper Limit*.
    pub upper_s: u32,
}

impl Limits {
    /// What the parameters are when nobody sets them.
    pub const DEFAULT: Self = Self {
        lower_s: 120,
        upper_s: 537,
    };

    /// Logins per second that come while `users` log in with these limits; nothing where all come
    /// at once.
    #[must_use]
    pub fn arrivals_per_second(self, users: u32) -> Option<f64> {
        let span = self.upper_s.saturating_sub(self.lower_s);
        (span > 0).then(|| f64::from(users) / f64::from(span))
    }
}

/// What is replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StormSpec {
    /// The size of the nodes.
    pub ova: OvaSize,
    /// How users are spread; with the size it tells how many logins a node serves in a second.
    pub mode: Mode,
    /// The users of the node that fails.
    pub users: u32,
    /// The limits that the clients keep.
    pub limits: Limits,
    /// Seed of the clients' chance.
    pub seed: u64,
}

impl StormSpec {
    /// Logins that a node serves in a second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        logins_per_second(self.ova, self.mode)
    }
}

/// What came of it, second by second after the failure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Replay {
    /// The limits.
    #[serde(flatten)]
    pub limits: Limits,
    /// Logins per second that the limits make come, on average over the window; nothing where all
    /// come at once.
    pub arrivals_per_second: Option<f64>,
    /// Logins that came to a session, in each second.
    pub logins: Vec<u32>,
    /// Logins that waited at the end of each second.
    pub queue: Vec<u32>,
    /// The most logins in a second.
    pub peak_logins: u32,
    /// The longest queue.
    pub peak_queue: u32,
    /// Attempts that were turned away because too many waited.
    pub turned_away: u64,
    /// Users that are back.
    pub back: u32,
    /// The second in which the last one was back.
    pub last_s: u32,
}

/// Plays one failover, until all are back or nobody comes any more.
///
/// # Errors
/// [`LabError`] where the lab does not come up.
pub fn replay(spec: &StormSpec) -> Result<Replay, LabError> {
    let mut lab = build(spec)?;
    let clients = crowd(&mut lab, spec)?;
    lab.node(HOME)?.kill()?;
    let measured = measure(&mut lab, spec)?;
    drop(clients);
    Ok(measured)
}

fn build(spec: &StormSpec) -> Result<Lab, LabError> {
    let mut config = LabConfig::default();
    // The queue is all that limits logins here.
    config.limits.unauthenticated = spec.users as usize + 1;
    config.limits.logins_per_minute = (spec.rate() * 60.0) as u32;
    config.clusters.clear();
    config.users.list.clear();
    Lab::virtual_time(spec.seed)
        .config(config)
        .cluster("storm", |cluster| {
            cluster.ova(spec.ova.users()).pair("pair", HOME, BACKUP)
        })
        .users(u64::from(spec.users))
        .parameter("User Assignment Mode", "active-standby")
        .parameter("Client Re-Login Lower Limit", spec.limits.lower_s)
        .parameter("Client Re-Login Upper Limit", spec.limits.upper_s)
        .start()
}

/// All users of the home node, logged in as fast as it serves them.
fn crowd(lab: &mut Lab, spec: &StormSpec) -> Result<Vec<Client>, LabError> {
    let each = SECOND.div_f64(spec.rate());
    let mut clients = Vec::with_capacity(spec.users as usize);
    for number in 1..=spec.users {
        let client = lab.client_with(&format!("user{number}"), |client| {
            client.hands_over = true;
        })?;
        client.log_in();
        clients.push(client);
        lab.pass(each);
    }
    lab.pass(SECOND);
    Ok(clients)
}

fn measure(lab: &mut Lab, spec: &StormSpec) -> Result<Replay, LabError> {
    let backup = lab.node_id(BACKUP)?;
    let mut replay = Replay {
        limits: spec.limits,
        arrivals_per_second: spec.limits.arrivals_per_second(spec.users),
        logins: Vec::new(),
        queue: Vec::new(),
        peak_logins: 0,
        peak_queue: 0,
        turned_away: 0,
        back: 0,
        last_s: 0,
    };
    let read = |lab: &Lab| {
        let counters = &lab.plane().node(backup).counters;
        let read = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        let logins = u32::try_from(read(&counters.logins)).unwrap_or(u32::MAX);
        let waiting = u32::try_from(read(&counters.logins_waiting)).unwrap_or(u32::MAX);
        (logins, waiting, read(&counters.crowded_out))
    };
    let end = u64::from(spec.limits.upper_s) + PATIENCE;
    for second in 1..=end {
        lab.pass(SECOND);
        let (logins, waiting, turned_away) = read(lab);
        let new = logins - replay.back;
        if new > 0 {
            replay.last_s = u32::try_from(second).unwrap_or(u32::MAX);
        }
        replay.back = logins;
        replay.logins.push(new);
        replay.queue.push(waiting);
        replay.turned_away = turned_away;
        if logins >= spec.users {
            break;
        }
    }
    replay.peak_logins = replay.logins.iter().copied().max().unwrap_or(0);
    replay.peak_queue = replay.queue.iter().copied().max().unwrap_or(0);
    Ok(replay)
}
