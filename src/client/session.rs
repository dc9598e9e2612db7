//! A client's life: connect, log in, serve, lose the node, wait, come back.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use takeover_actors::rt::Rng;
use takeover_actors::session::{ClientHand, Word};
use takeover_core::time::Moment;
use takeover_protocols::jid::BareJid;
use takeover_protocols::sasl::SaltedCache;
use takeover_protocols::stanza::Stanza;
use takeover_protocols::stream::Secret;
use tokio::sync::mpsc;

use super::doubt::Doubt;
use super::far::FarHand;
use super::manners::{Manners, Next};
use super::outbound::Managed;
use super::shared::Shared;
use super::standby::{self, ACTIVATION, Held, Opening, Standby, Turn as StandbyTurn, granted};
use super::stream::fit;
use super::{Away, ClientSpec, ClientState, Dialer, Target};

/// What a client is told to do.
pub(super) enum Command {
    LogIn,
    LogOut,
    /// Loses the connection without a word, as by a cut cable.
    Cut,
    /// Goes away without leaving (SES-10).
    GoAway(Away),
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
    /// Searches for a user (SES-9).
    Search(BareJid),
}

/// Posting numbered messages by itself.
pub(super) struct Talk {
    pub(super) every: Duration,
    pub(super) targets: Vec<Target>,
}

/// How a stream ended.
pub(super) enum Ended {
    LoggedOut,
    Away(Away),
    Redirected(String),
    Lost(String),
    Refused(String),
}

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
    pub(super) standby: Standby,
    /// What it may be sent again though it has it.
    pub(super) doubt: Doubt,
    /// When it has searched for whom.
    pub(super) searched: BTreeMap<BareJid, Moment>,
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
            standby: Standby::Off,
            doubt: Doubt::default(),
            searched: BTreeMap::new(),
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
                Command::LogOut | Command::Cut | Command::GoAway(_) => {}
                other => self.pending.push_back(other),
            }
        }
        false
    }

    async fn stay_online(&mut self) {
        let mut manners = Manners::default();
        let mut places = self.spec.places.clone();
        loop {
            let (mut ended, was_ready) = self.try_places(&places).await;
            if let Ended::Away(how) = ended {
                if !self.stay_away(how).await {
                    return self.rest(ClientState::Idle);
                }
                places.clone_from(&self.spec.places);
                continue;
            }
            if was_ready {
                ended = self.fall_back_on_standby(ended).await;
            }
            match manners.next(&self.spec, ended, was_ready, &mut self.rng) {
                Next::Rest { refused: None } => return self.rest(ClientState::Idle),
                Next::Rest { refused: Some(why) } => {
                    return self.rest(ClientState::Refused { why });
                }
                Next::Try {
                    places: next,
                    after,
                    why,
                } => {
                    places = next;
                    if !after.is_zero() && !self.wait(after, why).await {
                        return self.rest(ClientState::Idle);
                    }
                }
            }
        }
    }

    /// SES-7: as long as there is an inactive session when the active one is lost, it becomes the
    /// active one.
    async fn fall_back_on_standby(&mut self, mut ended: Ended) -> Ended {
        loop {
            let dialer = self.dialer.clone();
            let Some((place, held)) = self.standby.take_for(&ended, |to| dialer.name_of(to)) else {
                return ended;
            };
            self.shared.view.lock().inactive_at = None;
            ended = self.activate(&place, held, &ended).await;
        }
    }

    async fn activate(&mut self, place: &str, held: Held, ended: &Ended) -> Ended {
        let timer = self.spec.dual.map(|dual| dual.activation);
        let timer = timer.filter(|timer| !timer.is_zero());
        if let (Some(timer), Ended::Lost(why)) = (timer, ended)
            && !self.wait(timer, why.clone()).await
        {
            return Ended::LoggedOut;
        }
        self.shared.turn(ClientState::Connecting {
            place: place.to_owned(),
        });
        let mut was_ready = false;
        match held {
            Held::Hand(hand) => {
                let hand = self.far(hand);
                hand.say(Word::Activate(self.wish()));
                let serving = self.serve_hand(place, hand, &mut was_ready, ACTIVATION);
                serving.await
            }
            Held::Wire(wire) => {
                let (mut machine, line) = *wire;
                let resumable = self.managed.as_ref().filter(|_| self.spec.resumption);
                let effects = machine.activate(resumable.and_then(Managed::earlier));
                let begun = (machine, line, effects);
                Box::pin(self.go_on(place, begun, &mut was_ready, ACTIVATION)).await
            }
        }
    }

    fn far(&self, hand: ClientHand) -> FarHand {
        FarHand::new(hand, self.shared.world.clone(), self.spec.distance)
    }

    /// The session has begun: an inactive one is to follow.
    pub(super) fn plan_standby(&mut self) {
        if let Some(dual) = self.spec.dual {
            let after = self.rng.between(dual.lower, dual.upper);
            self.standby = Standby::Due(self.shared.now() + after);
        }
    }

    /// Something has become of the inactive session, while the active one is at `place`.
    pub(super) fn on_standby(&mut self, turn: StandbyTurn, place: &str) {
        match turn {
            StandbyTurn::Open => {
                let other = self.spec.places.iter().find(|other| *other != place);
                match other.cloned() {
                    Some(other) => {
                        let opening = self.opening(&other);
                        self.standby = Standby::Opening {
                            place: other,
                            opening,
                        };
                    }
                    None => self.standby = Standby::Off,
                }
            }
            StandbyTurn::Opened => {
                if let Standby::Up { place, .. } = &self.standby {
                    self.shared.view.lock().inactive_at = Some(place.clone());
                }
            }
            StandbyTurn::Gone => {
                self.shared.view.lock().inactive_at = None;
                self.plan_standby();
            }
        }
    }

    fn opening(&mut self, place: &str) -> Opening {
        let dialer = self.dialer.clone();
        if self.spec.hands_over {
            let (user, resource) = (self.spec.user.clone(), self.spec.resource.clone());
            return match dialer.hand(place, user, resource, None) {
                Ok(hand) => Box::pin(granted(hand)),
                Err(error) => Box::pin(std::future::ready(Err(error.to_string()))),
            };
        }
        let mut login = self.login();
        login.inactive = true;
        login.earlier = None;
        let fit = |layer, can_upgrade| fit(login, layer, can_upgrade);
        let (seed, world) = (secret(&mut self.rng), self.shared.world.clone());
        Box::pin(standby::open(dialer, place.to_owned(), fit, seed, world))
    }

    fn rest(&mut self, state: ClientState) {
        self.managed = None;
        self.standby = Standby::Off;
        self.shared.view.lock().inactive_at = None;
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
            let mut was_ready = false;
            match self.visit(place, &name, &mut was_ready).await {
                Ended::Lost(why) if !was_ready => last = Ended::Lost(why),
                other => return (other, was_ready),
            }
        }
        (last, false)
    }

    /// Goes to a place, and stays there as long as it is let.
    async fn visit(&mut self, place: &str, name: &str, was_ready: &mut bool) -> Ended {
        let dialer = self.dialer.clone();
        let unreachable = |error: std::io::Error| Ended::Lost(format!("{place}: {error}"));
        if self.spec.hands_over {
            let (user, resource) = (self.spec.user.clone(), self.spec.resource.clone());
            return match dialer.hand(place, user, resource, Some(self.wish())) {
                Err(error) => unreachable(error),
                Ok(hand) => {
                    let hand = self.far(hand);
                    self.serve_hand(name, hand, was_ready, PATIENCE).await
                }
            };
        }
        match dialer.dial(place).await {
            Err(error) => unreachable(error),
            // The future of a stream is large, and not needed while the client waits.
            Ok(dialed) => Box::pin(self.serve(name, dialed, was_ready)).await,
        }
    }

    /// Waits for so long. False if it was told to log out meanwhile.
    async fn wait(&mut self, span: Duration, why: String) -> bool {
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
                    Some(Command::Cut | Command::GoAway(_)) => {}
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
