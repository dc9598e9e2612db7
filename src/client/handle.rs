//! The handle by which a client is told what to do and watched.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use parking_lot::Mutex;
use takeover_actors::rt::{ChildSpec, Recipient, Root, World};
use takeover_core::time::Moment;
use takeover_protocols::jid::{BareJid, Jid};
use takeover_protocols::stanza::{PresenceType, Stanza};
use thiserror::Error;
use tokio::sync::mpsc;

use super::actor::{ClientActor, MAILBOX};
use super::session::{Command, Session, Talk};
use super::shared::Shared;
use super::{Away, ClientSpec, ClientState, Dialer, Noted, Oracle, Received, Target, words};

/// The client is not logged in.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{name} is not logged in: {state}")]
pub struct NotOnline {
    /// The client.
    pub name: String,
    /// How it stands.
    pub state: ClientState,
}

/// A real XMPP client inside the process. Cheap to clone, `Send + Sync`.
///
/// What it is told is done in order; what needs a session waits until there is one.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    spec: Arc<ClientSpec>,
    commands: mpsc::UnboundedSender<Command>,
    root: Arc<Root<()>>,
}

impl Client {
    /// Makes a client that lives in `world`, connects by `dialer` and is in `oracle`'s books. It
    /// does nothing until it is told to log in.
    pub fn start(
        spec: ClientSpec,
        world: &World,
        dialer: Arc<dyn Dialer>,
        oracle: Arc<Mutex<Oracle>>,
    ) -> Self {
        let shared = Shared::new(spec.name.clone(), world.clone(), oracle);
        let (commands, queue) = mpsc::unbounded_channel();
        let session = Session::new(spec.clone(), shared.clone(), dialer, queue);
        let actor = ClientActor {
            session: Some(session),
            shared: shared.clone(),
        };
        let root = world.root(
            actor,
            ChildSpec::new(format!("client/{}", spec.name), MAILBOX),
        );
        let told = shared.clone();
        root.addr().watch(Recipient::from_fn(move |exit| {
            told.ended(&exit);
            Ok(())
        }));
        Self {
            shared,
            spec: Arc::new(spec),
            commands,
            root: Arc::new(root),
        }
    }

    fn tell(&self, command: Command) {
        // A session that ended has said so in its state.
        let _ = self.commands.send(command);
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Its account.
    #[must_use]
    pub fn user(&self) -> &BareJid {
        &self.spec.user
    }

    /// Logs in, or, while it waits, stops waiting.
    pub fn log_in(&self) {
        self.tell(Command::LogIn);
    }

    /// Logs out in order.
    pub fn log_out(&self) {
        self.tell(Command::LogOut);
    }

    /// Loses its connection without a word, as by a cut cable.
    pub fn cut(&self) {
        self.tell(Command::Cut);
    }

    /// Goes away without leaving, as an application on a telephone does (SES-10): its session lives on
    /// at its node. [`Client::to_foreground`] brings it back.
    pub fn go_away(&self, how: Away) {
        self.tell(Command::GoAway(how));
    }

    /// Comes back to the foreground: it connects, to its home or else to the backup.
    pub fn to_foreground(&self) {
        self.tell(Command::LogIn);
    }

    /// Whether it is away, in the background or suspended.
    #[must_use]
    pub fn is_away(&self) -> bool {
        matches!(self.shared.view.lock().state, ClientState::Away { .. })
    }

    /// Sends words to another client, by its name.
    pub fn say(&self, to: &str, body: &str) {
        let target = Target::Client(to.to_owned());
        self.tell(Command::Post {
            target,
            body: body.to_owned(),
        });
    }

    /// Sends words to a room.
    pub fn post(&self, room: &BareJid, body: &str) {
        let target = Target::Room(room.to_string());
        self.tell(Command::Post {
            target,
            body: body.to_owned(),
        });
    }

    /// Enters a room, under its own name, and comes back to it after a new login. A room that does
    /// not exist is made: persistent, or, where no room can be that, ad hoc.
    pub fn enter(&self, room: &BareJid) {
        self.tell(Command::Enter {
            room: room.clone(),
            nick: self.name().to_owned(),
        });
    }

    /// Leaves a room for good.
    pub fn leave(&self, room: &BareJid) {
        self.tell(Command::Leave { room: room.clone() });
    }

    /// Posts a numbered message about `every` so often, to the targets in turn; into a room only
    /// while inside.
    pub fn keep_talking(&self, every: Duration, targets: Vec<Target>) {
        self.tell(Command::Talk(Some(Talk { every, targets })));
    }

    /// Ends [`Client::keep_talking`].
    pub fn fall_silent(&self) {
        self.tell(Command::Talk(None));
    }

    /// Asks for another's presence (RFC 6121, section 3.1).
    pub fn subscribe(&self, to: &BareJid) {
        self.send(words::subscription(PresenceType::Subscribe, to.clone()));
    }

    /// Searches for a user (SES-9): its presence is shown, by [`Client::sees`], until one of the two
    /// gets another node; from then on what was seen last is stale. A second search within 30 s does
    /// nothing.
    pub fn search(&self, user: &BareJid) {
        self.tell(Command::Search(user.clone()));
    }

    /// Sends any stanza. An answer to a request is found by [`Client::answer`].
    pub fn send(&self, stanza: Stanza) {
        self.tell(Command::Send(stanza));
    }

    /// How it stands.
    #[must_use]
    pub fn state(&self) -> ClientState {
        self.shared.view.lock().state.clone()
    }

    /// Whether it is logged in.
    #[must_use]
    pub fn is_online(&self) -> bool {
        matches!(self.shared.view.lock().state, ClientState::Online { .. })
    }

    /// Whether it is logged in at this place.
    #[must_use]
    pub fn is_at(&self, place: &str) -> bool {
        let at = |state: &ClientState| matches!(state, ClientState::Online { place: at, .. } if at == place);
        self.with_state(at)
    }

    /// How it stands, looked at without a copy.
    pub(crate) fn with_state<R>(&self, look: impl FnOnce(&ClientState) -> R) -> R {
        look(&self.shared.view.lock().state)
    }

    /// Where it is logged in.
    ///
    /// # Errors
    /// [`NotOnline`] where it is not.
    pub fn place(&self) -> Result<String, NotOnline> {
        match self.state() {
            ClientState::Online { place, .. } => Ok(place),
            state => Err(NotOnline {
                name: self.name().to_owned(),
                state,
            }),
        }
    }

    /// Where it has an inactive session (SES-7).
    #[must_use]
    pub fn inactive_at(&self) -> Option<String> {
        self.shared.view.lock().inactive_at.clone()
    }

    /// Whether it is in a room.
    #[must_use]
    pub fn is_in(&self, room: &BareJid) -> bool {
        self.shared
            .view
            .lock()
            .rooms
            .get(room)
            .is_some_and(|seen| seen.inside)
    }

    /// The nicknames it sees in a room, in order.
    #[must_use]
    pub fn occupants(&self, room: &BareJid) -> Vec<String> {
        let view = self.shared.view.lock();
        view.rooms
            .get(room)
            .map(|seen| seen.occupants.iter().cloned().collect())
            .unwrap_or_default()
    }

    /// The full JIDs of contacts that it knows to be available, in order.
    #[must_use]
    pub fn available(&self) -> Vec<Jid> {
        let view = self.shared.view.lock();
        view.available.values().flatten().cloned().collect()
    }

    /// Whether it knows a resource of `user` to be available.
    #[must_use]
    pub fn sees(&self, user: &BareJid) -> bool {
        self.shared.view.lock().available.contains_key(user)
    }

    /// The messages received, oldest first.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.shared.view.lock().received.iter().cloned().collect()
    }

    /// Whether it has received these words.
    #[must_use]
    pub fn has_received(&self, body: &str) -> bool {
        self.shared
            .view
            .lock()
            .received
            .iter()
            .any(|message| message.body == body)
    }

    /// The answer (result or error) to the request with this id, if it has come.
    #[must_use]
    pub fn answer(&self, id: &str) -> Option<Stanza> {
        self.shared.view.lock().answers.get(id).cloned()
    }

    /// How many stanzas of its present session the server has not acknowledged (XEP-0198).
    #[must_use]
    pub fn unacknowledged(&self) -> usize {
        self.shared.unacknowledged.load(Ordering::Relaxed)
    }

    /// What happened in its life so far.
    #[must_use]
    pub fn notes(&self) -> Vec<Noted> {
        self.shared.view.lock().notes.clone()
    }

    /// What happened in its life after the first `seen` notes.
    #[must_use]
    pub fn notes_after(&self, seen: usize) -> Vec<Noted> {
        self.shared
            .view
            .lock()
            .notes
            .get(seen..)
            .unwrap_or_default()
            .to_vec()
    }

    /// When it sent messages.
    #[must_use]
    pub fn sent_at(&self) -> Vec<Moment> {
        self.shared.view.lock().sent.clone()
    }

    /// The protocol time it has been without a session since its first login.
    #[must_use]
    pub fn downtime(&self) -> Duration {
        self.shared.view.lock().downtime(self.shared.now())
    }

    /// Ends it at once, as by a crash of its machine.
    pub fn kill(&self) {
        self.root.kill();
    }
}
