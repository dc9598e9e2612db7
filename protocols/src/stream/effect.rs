//! What a server's stream asks of whoever drives it.

use std::time::Duration;

use bytes::Bytes;

use super::StreamError;
use crate::jid::{BareJid, FullJid};
use crate::sasl::{Mechanism, SaslCondition};
use crate::stanza::{RefusedReason, Stanza};

/// One thing to do. They are to be done in the order in which they come.
#[derive(Debug)]
pub enum Effect {
    /// Write these octets to the client.
    Send(Bytes),

    /// Write what was sent so far, then let TLS begin on the connection, as the server; what was
    /// read before is not the client's any more. Answer with `tls_established`, or with
    /// `input_ended` if the handshake fails.
    StartTls,

    /// Look up what is kept of this user's password and answer with `found`. Nothing more is read
    /// until then. The user may not exist.
    LookUp {
        /// The user.
        user: BareJid,
        /// What it is checked by.
        mechanism: Mechanism,
    },

    /// The client is this user. It opens a new stream next. To send it elsewhere (SES-2), call
    /// `fail` with `see-other-host` now: it is told as soon as its stream is open.
    Authenticated {
        /// The user.
        user: BareJid,
        /// The mechanism that was used.
        mechanism: Mechanism,
    },

    /// An attempt failed, and the client was told. To be counted per address and per user (XMPP-3);
    /// attempts on this connection are counted here.
    AuthenticationFailed {
        /// The name that was tried, if it came so far; it may be nobody's.
        user: Option<String>,
        /// What the client was told.
        condition: SaslCondition,
    },

    /// The client wants a resource. Answer with `bound`, with this address or another, or with
    /// `bind_refused`. Nothing more is read until then. What happens to another session of the
    /// same address is the caller's rule.
    Bind {
        /// The address asked for.
        wanted: FullJid,
        /// The client left the choice to the server, so the resource is random.
        generated: bool,
    },

    /// The client wants an inactive session (SES-7). Answer with `inactive_granted` or
    /// `inactive_refused`. Nothing more is read until then. Once it is granted the client has all the
    /// time in the world; it activates the session by binding or resuming.
    Inactive {
        /// The user.
        user: BareJid,
    },

    /// The client wants to resume a session instead of binding (XEP-0198, section 5). Answer with
    /// `resumed` or `resume_failed`. Nothing more is read until then.
    Resume {
        /// The user.
        user: BareJid,
        /// Name of the session.
        previd: String,
        /// Stanzas the client has handled in it.
        h: u32,
    },

    /// The client wants stream management (XEP-0198, section 3). Answer with `sm_enabled` or
    /// `sm_refused`. Nothing more is read until then. Stanzas that come after this effect count.
    Enable {
        /// The client wants to be able to resume.
        resume: bool,
        /// For how long at most, in seconds, if it said so.
        max: Option<u32>,
    },

    /// The client has handled so many stanzas (XEP-0198).
    Acked {
        /// Stanzas handled, modulo 2³².
        h: u32,
    },

    /// The client asks how many stanzas were handled; send a `sm::Nonza::Ack`.
    AckRequested,

    /// The client tells whether it is in use (XEP-0352).
    ClientState(crate::csi::ClientState),

    /// A stanza of the bound client. `from` is its full address, `lang` that of the stream if it
    /// had none; `to` is as the client said, so it may be missing.
    Stanza(Box<Stanza>),

    /// A stanza of the bound client that cannot be processed. It counts as handled; the reply, if
    /// there is one, goes back to the client as a stanza.
    RefusedStanza {
        /// Why.
        reason: RefusedReason,
        /// The error for the client.
        reply: Option<Box<Stanza>>,
    },

    /// Start this timer, or start it anew; when it is over, call `expired`.
    Arm(Timer, Duration),

    /// Stop this timer; nothing, if it is over already.
    Disarm(Timer),

    /// Write what was sent so far, then close the connection. The last effect.
    Close(Cause),
}

/// A time that a stream waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// The client has until then to bind or resume.
    Negotiation,
    /// The element that has begun has until then to end.
    Element,
    /// The peer has until then to close its stream after we closed ours.
    Closing,
}

/// Why a connection is closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The client closed its stream.
    Client,
    /// `close` was called, and the client has closed its stream too.
    Server,
    /// `close` was called, and the client did not close its stream in time.
    ClosingTimeout,
    /// The client was told this error.
    Error(StreamError),
    /// The client sent this error.
    ClientError(StreamError),
    /// STARTTLS was asked for and is not offered.
    NoTls,
    /// The octets ended without an end of the stream: the connection was lost.
    Lost,
}
