//! Namespace names, one constant each, named for what they carry.

macro_rules! namespaces {
    ($($(#[$doc:meta])* $name:ident = $value:literal;)*) => {
        $($(#[$doc])* pub const $name: &str = $value;)*

        /// The constant equal to `name`, so that parsed elements borrow it instead of owning a copy.
        pub(crate) fn interned(name: &str) -> Option<&'static str> {
            match name {
                $($value => Some($value),)*
                _ => None,
            }
        }
    };
}

namespaces! {
    /// The `xml` prefix (`xml:lang`), bound in every document.
    XML = "http://www.w3.org/XML/1998/namespace";
    /// The `xmlns` prefix itself, which nothing may be bound to.
    XMLNS = "http://www.w3.org/2000/xmlns/";
    /// Stream header, features and stream errors (RFC 6120, section 4.8.1).
    STREAM = "http://etherx.jabber.org/streams";
    /// Content namespace between client and server (RFC 6120, section 4.8.2). Inside this
    /// workspace every stanza is in it, whatever stream it came from.
    CLIENT = "jabber:client";
    /// Content namespace between servers (RFC 6120, section 4.8.2).
    SERVER = "jabber:server";
    /// Content namespace of components (XEP-0114).
    COMPONENT = "jabber:component:accept";
    /// Server dialback (XEP-0220).
    DIALBACK = "jabber:server:dialback";
    /// Stream error conditions (RFC 6120, section 4.9.2).
    STREAM_ERRORS = "urn:ietf:params:xml:ns:xmpp-streams";
    /// Stanza error conditions (RFC 6120, section 8.3.2).
    STANZA_ERRORS = "urn:ietf:params:xml:ns:xmpp-stanzas";
    /// STARTTLS (RFC 6120, section 5).
    TLS = "urn:ietf:params:xml:ns:xmpp-tls";
    /// SASL (RFC 6120, section 6).
    SASL = "urn:ietf:params:xml:ns:xmpp-sasl";
    /// Resource binding (RFC 6120, section 7).
    BIND = "urn:ietf:params:xml:ns:xmpp-bind";
    /// Session establishment (RFC 3921, section 3), optional today.
    SESSION = "urn:ietf:params:xml:ns:xmpp-session";
    /// Stream management (XEP-0198).
    SM = "urn:xmpp:sm:3";
    /// Temporary presence subscriptions (SES-9), this deployment's own; see [`search`](crate::search).
    TEMPORARY_PRESENCE = "urn:takeover:search:0";
    /// Inactive sessions at the backup node (SES-7), this deployment's own; see `stream::dual`.
    DUAL = "urn:takeover:dual:0";
    /// Roster (RFC 6121, section 2).
    ROSTER = "jabber:iq:roster";
    /// Stream feature: roster versions (RFC 6121, section 2.6.1).
    ROSTER_VERSIONS = "urn:xmpp:features:rosterver";
    /// Stream feature: subscription pre-approval (RFC 6121, section 3.4.1).
    PRE_APPROVAL = "urn:xmpp:features:pre-approval";
    /// Data forms (XEP-0004).
    DATA_FORMS = "jabber:x:data";
    /// Last activity (XEP-0012).
    LAST_ACTIVITY = "jabber:iq:last";
    /// Flexible offline message retrieval (XEP-0013).
    OFFLINE = "http://jabber.org/protocol/offline";
    /// Privacy lists (XEP-0016).
    PRIVACY = "jabber:iq:privacy";
    /// Service discovery, information (XEP-0030).
    DISCO_INFO = "http://jabber.org/protocol/disco#info";
    /// Service discovery, items (XEP-0030).
    DISCO_ITEMS = "http://jabber.org/protocol/disco#items";
    /// Multi-user chat (XEP-0045).
    MUC = "http://jabber.org/protocol/muc";
    /// Multi-user chat, what occupants see (XEP-0045).
    MUC_USER = "http://jabber.org/protocol/muc#user";
    /// Multi-user chat, what moderators and admins ask (XEP-0045).
    MUC_ADMIN = "http://jabber.org/protocol/muc#admin";
    /// Multi-user chat, what owners ask (XEP-0045).
    MUC_OWNER = "http://jabber.org/protocol/muc#owner";
    /// Paging through results (XEP-0059).
    RSM = "http://jabber.org/protocol/rsm";
    /// vcard-temp (XEP-0054).
    VCARD = "vcard-temp";
    /// Jabber search (XEP-0055).
    SEARCH = "jabber:iq:search";
    /// Publish-subscribe (XEP-0060).
    PUBSUB = "http://jabber.org/protocol/pubsub";
    /// Out of band data in messages (XEP-0066).
    OOB = "jabber:x:oob";
    /// XHTML-IM (XEP-0071).
    XHTML_IM = "http://jabber.org/protocol/xhtml-im";
    /// Software version (XEP-0092).
    VERSION = "jabber:iq:version";
    /// Entity capabilities (XEP-0115).
    CAPS = "http://jabber.org/protocol/caps";
    /// BOSH (XEP-0124).
    BOSH = "http://jabber.org/protocol/httpbind";
    /// Ping (XEP-0199).
    PING = "urn:xmpp:ping";
    /// Delayed delivery (XEP-0203).
    DELAY = "urn:xmpp:delay";
    /// Message carbons (XEP-0280).
    CARBONS = "urn:xmpp:carbons:2";
    /// Stanza forwarding (XEP-0297).
    FORWARD = "urn:xmpp:forward:0";
    /// Client state indication (XEP-0352).
    CSI = "urn:xmpp:csi:0";
    /// Push notifications (XEP-0357).
    PUSH = "urn:xmpp:push:0";
    /// Options of a publication to a push service (XEP-0060, section 7.1.5).
    PUBLISH_OPTIONS = "http://jabber.org/protocol/pubsub#publish-options";
    /// Message archive (XEP-0313).
    MAM = "urn:xmpp:mam:2";
    /// Unique and stable stanza ids (XEP-0359).
    STANZA_ID = "urn:xmpp:sid:0";
}

/// Whether `name` is a content namespace of a stream: the one of its stanzas.
#[must_use]
pub fn is_content(name: &str) -> bool {
    matches!(name, CLIENT | SERVER | COMPONENT)
}
