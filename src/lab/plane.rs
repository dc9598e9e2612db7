//! The data plane of a lab: users, sessions and rooms on its nodes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use takeover_actors::board::Board;
use takeover_actors::plane::{Limits, NodeSpec, Plane, PlaneSpec, PushRules};
use takeover_actors::rt::{ChildSpec, Standing, World};
use takeover_actors::session::{Dual, Mover, SessionSettings};
use takeover_actors::user_mover::UserOrder;
use takeover_core::ha::Reason;
use takeover_core::id::NodeId;
use takeover_core::params::{Param, Params};
use takeover_core::topology::Deployment;
use takeover_protocols::datetime::Timestamp;
use takeover_protocols::jid::{self, BareJid};
use takeover_protocols::push::Content;
use takeover_protocols::sasl::{Password, SaltedCache};
use takeover_protocols::stream::{C2sConfig, C2sLimits, Secret};
use takeover_protocols::xml::Bounds;

use super::LabError;
use super::accounts::{ConfiguredAccounts, ITERATIONS};
use super::chat::ChatDatabases;
use super::stores::Stores;
use crate::config::{LabConfig, LimitsConfig, UserConfig};

/// Stanzas that a session may have queued and unacknowledged.
const SESSION_QUEUE: usize = 10_000;
/// Messages that may wait for a user.
const OFFLINE: usize = 10_000;
/// Accounts whose keys are made before a lab with a fast clock starts: there the milliseconds that it takes
/// to make them are seconds of a login's time.
const EAGER: usize = 16;
/// Salted passwords that are remembered, so that a login storm costs no PBKDF2.
const SALTED: usize = 65_536;
/// Real time that a client has to read its farewell.
const FAREWELL: Duration = Duration::from_millis(500);
/// Real time that clients which do not go have when their connection manager stops.
const DRAIN: Duration = Duration::from_secs(2);
/// How much longer than the re-login window a session is kept for its client.
const MARGIN: Duration = Duration::from_secs(60);

/// The data plane, and what a node needs to take part in it.
pub(super) struct DataPlane {
    pub(super) plane: Arc<Plane>,
    pub(super) settings: SessionSettings,
    /// The accounts of each cluster.
    pub(super) accounts: Vec<Arc<ConfiguredAccounts>>,
    pub(super) mover: Standing<UserOrder>,
}

/// What the data plane is made from.
pub(super) struct Ground<'g> {
    pub(super) config: &'g LabConfig,
    pub(super) deployment: &'g Deployment,
    pub(super) params: &'g Params,
    pub(super) homes: &'g [(UserConfig, NodeId)],
    pub(super) board: &'g Board,
    pub(super) stores: &'g Stores,
    pub(super) chat: &'g ChatDatabases,
    pub(super) wall_start: Timestamp,
    pub(super) run: u64,
    pub(super) economy: Economy,
}

/// What a lab spends on its clients, beside what it does for them.
#[derive(Clone, Copy)]
pub(super) struct Economy {
    /// Rounds of PBKDF2 in the keys of its accounts.
    pub(super) iterations: u32,
    /// After so long without an octet a client is asked whether it is there.
    pub(super) idle: Option<Duration>,
}

impl Default for Economy {
    fn default() -> Self {
        Self {
            iterations: ITERATIONS,
            idle: None,
        }
    }
}

impl DataPlane {
    /// Makes the plane and makes every user known at its home.
    pub(super) fn new(ground: &Ground<'_>, world: &World) -> Result<Self, LabError> {
        let users = addresses(ground)?;
        let accounts = accounts(ground, &users);
        let plane = Plane::new(PlaneSpec {
            world: world.clone(),
            domains: vec![ground.config.domain.clone()],
            nodes: nodes(ground, &accounts),
            limits: Limits {
                session_queue: SESSION_QUEUE,
                offline: OFFLINE,
                sessions: sessions(ground),
                carbons: ground.params.is_on(Param::EnableMultipleDeviceMessaging),
            },
            push: pushes(ground.params),
            wall_start: ground.wall_start,
            run: ground.run,
        });
        for (jid, _, home) in &users {
            plane.add_user(jid, *home);
        }
        let settings = settings(ground, world);
        let (moved, by) = (plane.clone(), settings.clone());
        let mover = world.standing(
            move || Mover::new(moved.clone(), by.clone()),
            ChildSpec::new("mover", Mover::MAILBOX),
        );
        Ok(Self {
            plane,
            settings,
            accounts,
            mover,
        })
    }
}

type Address = (BareJid, Password, NodeId);

fn addresses(ground: &Ground<'_>) -> Result<Vec<Address>, LabError> {
    let domain = &ground.config.domain;
    let address = |(user, home): &(UserConfig, NodeId)| {
        let text = format!("{}@{domain}", jid::escape(&user.name));
        let jid = BareJid::new(&text).map_err(|error| LabError::Name {
            what: "user",
            name: user.name.clone(),
            why: error.to_string(),
        })?;
        Ok((jid, Password::new(user.password.clone()), *home))
    };
    ground.homes.iter().map(address).collect()
}

fn accounts(ground: &Ground<'_>, users: &[Address]) -> Vec<Arc<ConfiguredAccounts>> {
    let deployment = ground.deployment;
    deployment
        .clusters()
        .iter()
        .map(|cluster| {
            let here = |(jid, password, home): &Address| {
                let home = deployment.node(*home);
                (home.cluster == cluster.id).then(|| (jid.to_string(), password.clone()))
            };
            let passwords: BTreeMap<String, Password> = users.iter().filter_map(here).collect();
            let below = ground.stores.users(&cluster.name);
            let (seed, rounds) = (ground.config.seed, ground.economy.iterations);
            let accounts = ConfiguredAccounts::new(below, seed, rounds, passwords);
            if ground.config.speed > 1.0 {
                accounts.make_first(EAGER);
            }
            Arc::new(accounts)
        })
        .collect()
}

fn nodes(ground: &Ground<'_>, accounts: &[Arc<ConfiguredAccounts>]) -> Vec<NodeSpec> {
    let deployment = ground.deployment;
    let persistent = ground.params.is_on(Param::EnablePersistentChat);
    let spec = |node: &takeover_core::topology::Node| {
        let cluster = deployment.cluster(node.cluster);
        let place = 1 + cluster
            .nodes
            .iter()
            .position(|id| *id == node.id)
            .unwrap_or(0);
        NodeSpec {
            id: node.id,
            name: node.name.to_string(),
            cluster: node.cluster,
            group: node.group,
            peer: deployment.peer_of(node.id),
            users: accounts[node.cluster.index()].clone(),
            alias: format!(
                "conference-{place}-{}.{}",
                label(&cluster.name),
                deployment.domain()
            ),
            chat: persistent.then(|| ground.chat.of(node.id)).flatten(),
        }
    };
    deployment.nodes().iter().map(spec).collect()
}

/// A name as a label of a domain.
fn label(name: &str) -> String {
    let fit = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    name.chars()
        .map(fit)
        .collect::<String>()
        .trim_matches('-')
        .to_owned()
}

fn settings(ground: &Ground<'_>, world: &World) -> SessionSettings {
    let limits = &ground.config.limits;
    let mut rng = world.rng("lab/secrets");
    let mut secret = || {
        let mut octets = [0; 32];
        rng.fill(&mut octets);
        octets
    };
    let mut c2s = C2sConfig::new(ground.config.domain.clone(), Secret(secret()));
    c2s.allow_plaintext = ground.config.endpoints.allow_plaintext;
    c2s.dual = ground.params.is_on(Param::EnableClientTls);
    c2s.iterations = ground.economy.iterations;
    c2s.salted = Arc::new(SaltedCache::new(SALTED, secret()));
    c2s.limits = C2sLimits {
        octets: limits.stanza_bytes,
        bounds: Bounds {
            depth: limits.stanza_depth,
            ..Bounds::default()
        },
        negotiation: Duration::from_secs(limits.login_seconds),
        ..C2sLimits::default()
    };
    let upper = ground
        .deployment
        .nodes()
        .iter()
        .map(|node| ground.params.re_login_limits(node.id).1);
    let mut settings = SessionSettings::new(c2s);
    settings.relogin = upper.max().unwrap_or_default() + MARGIN;
    settings.unauthenticated = limits.unauthenticated;
    // A farewell needs real octets on real wires, however fast protocol time passes.
    let real = world
        .clock()
        .speed()
        .map_or(Duration::ZERO, |speed| FAREWELL.mul_f64(speed));
    settings.farewell = settings.farewell.max(real);
    settings.drain = world.clock().speed().map(|speed| DRAIN.mul_f64(speed));
    settings.rate = rate(limits);
    settings.dual = dual(ground);
    settings.logins_per_second =
        (limits.logins_per_minute > 0).then(|| f64::from(limits.logins_per_minute) / 60.0);
    settings.idle = ground.economy.idle.unwrap_or(settings.idle);
    settings
}

/// SES-1: the parameter counts where it was set, else the limit of the configuration.
fn sessions(ground: &Ground<'_>) -> usize {
    let param = Param::MaximumLogonSessions;
    if ground.params.get(param, None) == param.spec().default {
        return ground.config.limits.sessions_per_user;
    }
    usize::try_from(ground.params.number(param)).unwrap_or(usize::MAX)
}

/// SES-7: inactive sessions are for groups with high availability, and not without TLS for clients.
fn dual(ground: &Ground<'_>) -> Dual {
    if !ground.params.is_on(Param::EnableClientTls) {
        return Dual::off();
    }
    let board = ground.board.clone();
    Dual::at(move |node| {
        let ha = board.ha(node);
        ha.is_some_and(|ha| ha.reason != Reason::HaNotEnabled)
    })
}

/// SES-10: what is pushed to clients that are away, and how fast their sessions are composed.
fn pushes(params: &Params) -> PushRules {
    let word = params.get(Param::PushContent, None).to_string();
    PushRules {
        // The words of the parameter are the names of the contents; a test shows it.
        content: Content::named(&word).unwrap_or_default(),
        composed_per_minute: u32::try_from(params.number(Param::PushSessionRate))
            .unwrap_or(u32::MAX),
        ..PushRules::default()
    }
}

fn rate(limits: &LimitsConfig) -> u32 {
    if limits.stanzas_per_second == 0 {
        u32::MAX
    } else {
        limits.stanzas_per_second
    }
}
