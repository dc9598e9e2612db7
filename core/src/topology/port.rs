//! The ports of a node (chapter 1, "Ports"). Each can be blocked on a link.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a node listens for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Port {
    /// SRM to its peer SRM; parameter *Service Port*.
    Srm,
    /// SRM administration; parameter *Admin RPC Port*.
    AdminRpc,
    /// The AXL web service.
    Axl,
    /// XMPP between XCP routers.
    Router,
    /// SIP over UDP and TCP.
    Sip,
    /// SIP over TLS.
    SipTls,
    /// XMPP clients.
    XmppClient,
    /// XMPP federation.
    XmppServer,
    /// BOSH over HTTP.
    Bosh,
    /// BOSH over HTTPS.
    BoshTls,
}

impl Port {
    /// Every port.
    pub const ALL: [Port; 10] = [
        Port::Srm,
        Port::AdminRpc,
        Port::Axl,
        Port::Router,
        Port::Sip,
        Port::SipTls,
        Port::XmppClient,
        Port::XmppServer,
        Port::Bosh,
        Port::BoshTls,
    ];

    /// The number, where nothing else is configured.
    #[must_use]
    pub const fn number(self) -> u16 {
        match self {
            Port::Srm => 22001,
            Port::AdminRpc => 20075,
            Port::Axl => 8443,
            Port::Router => 7400,
            Port::Sip => 5060,
            Port::SipTls => 5061,
            Port::XmppClient => 5222,
            Port::XmppServer => 5269,
            Port::Bosh => 7335,
            Port::BoshTls => 7443,
        }
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.number())
    }
}
