//! A client's life: connect, log in, serve, lose the node, wait, come back.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use takeover_actors::rt::Rng;
use takeover_core::time::Moment;
use takeover_protocols::jid::BareJid;
use takeover_protocols::sasl::SaltedCache;
use takeover_protocols::stanza::Stanza;
use takeover_protocols::stream::Secret;
use tokio::sync::mpsc;

use super::outbound::Managed;
use super::shared::Shared;
use super::{ClientSpec, ClientState, Dialer, Reconnect, Target};

/// What a client is told to do.
pub(super) enum Command {
    LogIn,
    LogOut,
    /// Loses the connection without a word, as by a cut cable.
    Cut,
    Enter {
        room: BareJid,
        nick: String,
    },
    Leave {
        room: BareJid,
    },
    Post {
        target: Target,
        body: String,
    },
    Send(Stanza),
    Talk(Option<Talk>),
}

/// Posting numbered messages by itself.
pub(super) struct Talk {
    pub(super) every: Duration,
    pub(super) targets: Vec<Target>,
}

/// How a stream ended.
pub(super) enum Ended {
    LoggedOut,
    Redirected(String),
    Lost(String),
    Refused(String),
}

/// Redirects in a row before a client takes its node for lost.
const REDIRECTS: u32 = 5;
/// Protocol time for a whole login, and for the server's farewell after ours.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

pub(super) struct Session {
    pub(super) spec: ClientSpec,
    pub(super) shared: Arc<Shared>,
    pub(super) managed: Option<Managed>,
    pub(super) rooms: BTreeMap<BareJid, String>,
    /// Rooms it was thrown out of and will enter again.
    pub(super) outside: BTreeSet<BareJid>,
    pub(super) dialer: Arc<dyn Dialer>,
    pub(super) commands: mpsc::UnboundedReceiver<Command>,
    pub(super) pending: VecDeque<Command>,
    pub(super) rng: Rng,
    pub(super) salted: Arc<SaltedCache>,
    pub(super) ids: u64,
    pub(super) talk: Option<Talk>,
    pub(super) talk_turn: usize,
    pub(super) next_talk: Moment,
    pub(super) next_entry: Option<Moment>,
    pub(super) closing: bool,
}

impl Session {
    pub(super) fn new(
        spec: ClientSpec,
        shared: Arc<Shared>,
        dialer: Arc<dyn Dialer>,
        commands: mpsc::UnboundedReceiver<Command>,
    ) -> Self {
        let mut rng = shared.world.rng(&format!("client/{}", spec.name));
        let salted = Arc::new(SaltedCache::new(8, secret(&mut rng).0));
        Self {
            spec,
            shared,
            managed: None,
            rooms: BTreeMap::new(),
            outside: BTreeSet::new(),
            dialer,
            commands,
            pending: VecDeque::new(),
            rng,
            salted,
            ids: 0,
            talk: None,
            talk_turn: 0,
            next_talk: Moment::ZERO,
            next_entry: None,
            closing: false,
        }
    }

    /// The whole life; ends when nobody can give commands any more.
    pub(super) async fn live(mut self) {
        while self.told_to_log_in().await {
            self.shared.view.lock().answers.clear();
            self.stay_online().await;
        }
    }

    /// Waits for [`Command::LogIn`], keeping other commands for later.
    async fn told_to_log_in(&mut self) -> bool {
        while let Some(command) = self.commands.recv().await {
            match command {
                Command::LogIn => return true,
                Command::LogOut | Command::Cut => {}
                other => self.pending.push_back(other),
            }
        }
        false
    }

    async fn stay_online(&mut self) {
        let mut redirect: Option<String> = None;
        let mut redirects = 0;
        loop {
            let places = redirect
                .take()
                .map_or_else(|| self.spec.places.clone(), |to| vec![to]);
            let (ended, was_ready) = self.try_places(&places).await;
            redirects = if was_ready { 0 } else { redirects };
            match ended {
                Ended::LoggedOut => return self.rest(ClientState::Idle),
                Ended::Refused(why) => return self.rest(ClientState::Refused { why }),
                Ended::Redirected(to) if redirects < REDIRECTS => {
                    redirects += 1;
                    redirect = Some(to);
                }
                Ended::Redirected(to) => {
                    redirects = 0;
                    if !self
                        .wait(format!("sent around in circles, last to {to}"), true)
                        .await
                    {
                        return self.rest(ClientState::Idle);
                    }
                }
                Ended::Lost(why) => {
                    if !self.wait(why, was_ready).await {
                        return self.rest(ClientState::Idle);
                    }
                }
            }
        }
    }

    fn rest(&mut self, state: ClientState) {
        self.managed = None;
        self.shared.forget_session();
        self.shared.turn(state);
    }

    /// Tries one place after the other until one lets it in; how the stream there ended, and
    /// whether it had been logged in.
    async fn try_places(&mut self, places: &[String]) -> (Ended, bool) {
        let mut last = Ended::Lost("there is no place to go".to_owned());
        for place in places {
            let dialer = self.dialer.clone();
            let name = dialer.name_of(place);
            self.shared.turn(ClientState::Connecting {
                place: name.clone(),
            });
            match dialer.dial(place).await {
                Err(error) => last = Ended::Lost(format!("{place}: {error}")),
                Ok(dialed) => {
                    let mut was_ready = false;
                    let ended = self.serve(&name, dialed, &mut was_ready).await;
                    match ended {
                        Ended::Lost(why) if !was_ready => last = Ended::Lost(why),
                        other => return (other, was_ready),
                    }
                }
            }
        }
        (last, false)
    }

    /// Waits as the rules say. False if it is to stay away, or was told to log out meanwhile.
    async fn wait(&mut self, why: String, lost_a_session: bool) -> bool {
        let span = match (self.spec.reconnect, lost_a_session) {
            (Reconnect::Never, _) => return false,
            (Reconnect::Window { lower, upper }, true) => self.rng.between(lower, upper),
            (Reconnect::Promptly, true) => Duration::ZERO,
            (Reconnect::Window { .. } | Reconnect::Promptly, false) => self.spec.retry,
        };
        let until = self.shared.now() + span;
        self.shared.turn(ClientState::Waiting { until, why });
        let world = self.shared.world.clone();
        let mut over = std::pin::pin!(world.sleep(span));
        loop {
            tokio::select! {
                biased;
                command = self.commands.recv() => match command {
                    None | Some(Command::LogOut) => return false,
                    Some(Command::LogIn) => return true,
                    Some(Command::Cut) => {}
                    Some(other) => self.pending.push_back(other),
                },
                () = &mut over => return true,
            }
        }
    }
}

pub(super) fn secret(rng: &mut Rng) -> Secret {
    let mut octets = [0; 32];
    rng.fill(&mut octets);
    Secret(octets)
}
