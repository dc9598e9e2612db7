//! Who a client is and how it behaves.

use std::time::Duration;

use takeover_protocols::jid::BareJid;

/// What a client does when it has lost its node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reconnect {
    /// Waits a random protocol time between these limits (SES-5), then logs in again.
    Window {
        /// *Client Re-Login Lower Limit*.
        lower: Duration,
        /// *Client Re-Login Upper Limit*.
        upper: Duration,
    },
    /// Logs in again at once.
    Promptly,
    /// Stays away.
    Never,
}

impl Default for Reconnect {
    /// The window with the parameters' defaults, 120 s to 537 s.
    fn default() -> Self {
        Self::Window {
            lower: Duration::from_secs(120),
            upper: Duration::from_secs(537),
        }
    }
}

/// Dual registration (SES-7), for clients of release 14 or later: an inactive session at the backup
/// node, which is activated when the node of the active one fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dual {
    /// The inactive session is opened a random protocol time after the login: from this …
    pub lower: Duration,
    /// … to this (the re-login window of SES-5).
    pub upper: Duration,
    /// *Inactive_Connection_Activation_Timer*: how long after the loss of its connection the client
    /// activates the inactive session. Sent there by its node it does so at once.
    pub activation: Duration,
}

impl Default for Dual {
    /// The default window, and activation at once.
    fn default() -> Self {
        Self {
            lower: Duration::from_secs(120),
            upper: Duration::from_secs(537),
            activation: Duration::ZERO,
        }
    }
}

/// Who a client is and how it behaves.
#[derive(Debug, Clone)]
pub struct ClientSpec {
    /// Its name in journal, oracle and reports; the account's local part unless set otherwise.
    pub name: String,
    /// Its account.
    pub user: BareJid,
    /// The account's password.
    pub password: String,
    /// The resource it asks for.
    pub resource: String,
    /// The places it tries, in order: its home node, then the backup.
    pub places: Vec<String>,
    /// Whether it asks for stream management with resumption (XEP-0198).
    pub stream_management: bool,
    /// Whether it takes its session up again where the server still knows it; else it always begins
    /// a new one.
    pub resumption: bool,
    /// What it does when it has lost its node.
    pub reconnect: Reconnect,
    /// Whether it sends initial presence after login.
    pub available: bool,
    /// What it does when its session is ended by `see-other-host`, because its user has moved: it
    /// goes there at once, as RFC 6120 has it (section 4.9.3.19), or waits as if it had lost its node.
    pub waits_when_sent: bool,
    /// *EnableDualConnections* (SES-7); `None` is off.
    pub dual: Option<Dual>,
    /// The name of its device at the push gateway (SES-10); `None` is a client that is never away.
    pub push: Option<String>,
    /// How long it waits when no place lets it in.
    pub retry: Duration,
    /// Whether it hands its stanzas to the node as they are: no octets, no XML, no password. For
    /// large runs; below that all is the same.
    pub hands_over: bool,
    /// Protocol time that a word is under way to its node, or from there, for a client that hands its
    /// stanzas over; what is under way when the connection breaks is lost.
    pub distance: Duration,
}

impl ClientSpec {
    /// A client of `user` that behaves as the rules say and tries `places` in order.
    pub fn new(user: BareJid, password: &str, places: Vec<String>) -> Self {
        Self {
            name: user
                .node()
                .map_or_else(|| user.to_string(), ToString::to_string),
            user,
            password: password.to_owned(),
            resource: "takeover".to_owned(),
            places,
            stream_management: true,
            resumption: true,
            reconnect: Reconnect::default(),
            available: true,
            waits_when_sent: false,
            dual: None,
            push: None,
            retry: Duration::from_secs(10),
            hands_over: false,
            distance: Duration::ZERO,
        }
    }
}
