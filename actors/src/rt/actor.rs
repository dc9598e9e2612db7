//! What an actor is: its messages, its named timers, and what its parent hears when it ends.

use super::ctx::Ctx;
use super::mailbox::MailboxSpec;
use std::borrow::Cow;
use std::fmt;
use takeover_core::id::NodeId;

/// Identity of an actor or light child: unique within a [`World`](super::World), never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChildId(pub u64);

/// The names of an actor's wake-ups: an enum, so that every timer says why it was armed.
pub trait TimerKey: Copy + Ord + fmt::Debug + Send + 'static {}
impl<T: Copy + Ord + fmt::Debug + Send + 'static> TimerKey for T {}

/// The timer type of an actor that arms none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoTimer {}

/// Something that acts: it owns its state, hears one message at a time, and never blocks.
///
/// Handlers are synchronous. What takes time is a future given to [`Ctx::run`], whose output comes
/// back as a message. A panic in any handler ends the actor alone; its parent hears
/// [`Exit::Panicked`] with the text.
pub trait Actor: Send + Sized + 'static {
    /// What it accepts.
    type Msg: Send + 'static;
    /// The names of its timers ([`NoTimer`] if it has none).
    type Timer: TimerKey;
    /// The field's name for this kind of actor, as the journal prints it.
    const KIND: &'static str;

    /// Whether this timer is journalled when armed, fired and cancelled.
    fn records(_timer: Self::Timer) -> bool {
        false
    }

    /// Runs once, before any message.
    fn started(&mut self, _ctx: &mut Ctx<Self>) {}
    /// Handles one message.
    fn handle(&mut self, msg: Self::Msg, ctx: &mut Ctx<Self>);
    /// A timer armed by this actor has run out (and was neither cancelled nor armed anew).
    fn expired(&mut self, _timer: Self::Timer, _ctx: &mut Ctx<Self>) {}
    /// A child has ended; heard exactly once per child, after everything below it has ended.
    fn child_exited(&mut self, _exit: ChildExited, _ctx: &mut Ctx<Self>) {}
    /// Runs before an orderly end ([`Ctx::stop`]); not when killed, not after a panic.
    fn stopping(&mut self, _ctx: &mut Ctx<Self>) {}
}

/// How an actor or light child ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It stopped by itself, or its future completed.
    Stopped,
    /// A handler, a future it ran, or its state's destructor panicked with this text.
    Panicked(String),
    /// It was ended from above: by its parent, by the end of its parent, or by a power cut.
    Killed,
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped => f.write_str("stopped"),
            Self::Panicked(text) => write!(f, "panicked: {text}"),
            Self::Killed => f.write_str("killed"),
        }
    }
}

/// The one message a parent gets when a child is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildExited {
    /// Which child.
    pub child: ChildId,
    /// Its [`Actor::KIND`], or the kind given to the light child.
    pub kind: &'static str,
    /// The name given in its [`ChildSpec`].
    pub name: String,
    /// How it ended.
    pub exit: Exit,
}

/// How a child is started: its name, its mailbox, and where it lives.
#[derive(Clone, Debug)]
pub struct ChildSpec {
    pub(super) name: Cow<'static, str>,
    pub(super) mailbox: MailboxSpec,
    pub(super) place: Option<usize>,
    pub(super) node: Option<NodeId>,
}

impl ChildSpec {
    /// A child of this name with this mailbox, on its parent's thread and node.
    pub fn new(name: impl Into<Cow<'static, str>>, mailbox: MailboxSpec) -> Self {
        Self {
            name: name.into(),
            mailbox,
            place: None,
            node: None,
        }
    }

    /// Puts the child on thread `place` of the driver (taken modulo the number of threads).
    pub fn on_place(mut self, place: usize) -> Self {
        self.place = Some(place);
        self
    }

    /// The child and all below it belong to `node`: their journal entries carry it.
    pub fn on_node(mut self, node: NodeId) -> Self {
        self.node = Some(node);
        self
    }
}
