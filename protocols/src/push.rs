//! Push notifications (XEP-0357): what a server tells a push service of messages for a client that is
//! away, and how a client asks for it.
//!
//! A registration holds for the session that asked for it, for as long as the session lives: it is the
//! session that the push is to wake.

use crate::forms::{Field, FieldKind, Form, FormKind};
use crate::jid::{self, BareJid, Jid};
use crate::ns;
use crate::stanza::{Condition, IqType, MessageType, Stanza, StanzaKind};
use crate::xml::Element;

/// The type of the form in a notification (section 7).
const SUMMARY: &str = "urn:xmpp:push:summary";

/// Where pushes for a client go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// The push service.
    pub service: Jid,
    /// What the service knows the client's device by.
    pub node: String,
    /// What the service wants to see with each push: a form of publish options, such as a secret.
    pub options: Option<Form>,
}

/// What a client asks of its server (section 5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Switch {
    /// Pushes for this session from now on.
    Enable(Registration),
    /// None any more.
    Disable {
        /// The service.
        service: Jid,
        /// The device; without one all devices of the service.
        node: Option<String>,
    },
}

/// Reads a request to switch pushes on or off; [`Stanza::result`] answers it.
///
/// # Errors
/// `bad-request` where the service is no address, or no device is named to be pushed to.
#[must_use]
pub fn switch(stanza: &Stanza) -> Option<Result<Switch, Condition>> {
    if stanza.kind != StanzaKind::Iq(IqType::Set) {
        return None;
    }
    let child = stanza.first_child()?;
    if child.is("enable", ns::PUSH) {
        Some(enable(&child).ok_or(Condition::BadRequest))
    } else if child.is("disable", ns::PUSH) {
        Some(disable(&child).ok_or(Condition::BadRequest))
    } else {
        None
    }
}

fn enable(child: &Element) -> Option<Switch> {
    Some(Switch::Enable(Registration {
        service: jid::parse(child.attr("jid")?).ok()?,
        node: child.attr("node")?.to_owned(),
        options: child.children().find_map(Form::from_element),
    }))
}

fn disable(child: &Element) -> Option<Switch> {
    Some(Switch::Disable {
        service: jid::parse(child.attr("jid")?).ok()?,
        node: child.attr("node").map(str::to_owned),
    })
}

/// The request that switches pushes on.
#[must_use]
pub fn enable_request(id: &str, registration: &Registration) -> Stanza {
    let options = registration.options.as_ref().map(Form::to_element);
    let enable = Element::new("enable", ns::PUSH)
        .with_attr("jid", registration.service.as_str())
        .with_attr("node", registration.node.as_str())
        .with_children(options);
    Stanza::iq(IqType::Set, id).with_child(&enable)
}

impl Switch {
    /// Whether this ends a registration.
    #[must_use]
    pub fn ends(&self, registration: &Registration) -> bool {
        match self {
            Self::Enable(_) => false,
            Self::Disable { service, node } => {
                *service == registration.service
                    && node.as_ref().is_none_or(|node| *node == registration.node)
            }
        }
    }
}

/// How much of a message a push tells, all of which passes through the hands of others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Content {
    /// How many messages are unread.
    #[default]
    Count,
    /// Who sent the last one, too.
    Sender,
    /// Its words, too.
    Body,
}

impl Content {
    /// The content of this name: `count`, `sender` or `body`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "count" => Some(Self::Count),
            "sender" => Some(Self::Sender),
            "body" => Some(Self::Body),
            _ => None,
        }
    }
}

/// What a push says (section 7).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Messages that the client has not read (`message-count`).
    pub unread: u64,
    /// Who sent the last one (`last-message-sender`).
    pub sender: Option<Jid>,
    /// Its words (`last-message-body`).
    pub body: Option<String>,
}

/// The unread messages of a client that is away, and how many of them its push service knows.
#[derive(Clone, Debug)]
pub struct Unread {
    registration: Registration,
    count: u64,
    told: u64,
    sender: Option<Jid>,
    body: Option<String>,
}

impl Unread {
    /// Of a client that has read everything.
    #[must_use]
    pub fn new(registration: Registration) -> Self {
        Self {
            registration,
            count: 0,
            told: 0,
            sender: None,
            body: None,
        }
    }

    /// Where its pushes go.
    #[must_use]
    pub fn registration(&self) -> &Registration {
        &self.registration
    }

    /// Takes a stanza into account that the client does not get now. True if there is something
    /// to push since: it is a message with words.
    pub fn missed(&mut self, stanza: &Stanza) -> bool {
        let words = match stanza.kind {
            StanzaKind::Message(
                MessageType::Chat | MessageType::Normal | MessageType::Groupchat,
            ) => stanza.body(),
            StanzaKind::Message(MessageType::Headline | MessageType::Error)
            | StanzaKind::Presence(_)
            | StanzaKind::Iq(_) => None,
        };
        if words.is_none() {
            return false;
        }
        self.count += 1;
        self.sender.clone_from(&stanza.from);
        self.body = words;
        true
    }

    /// What is to be pushed now: once for all that has come since the last push.
    pub fn push(&mut self, content: Content) -> Option<Summary> {
        if self.told == self.count {
            return None;
        }
        self.told = self.count;
        let (sender, body) = match content {
            Content::Count => (None, None),
            Content::Sender => (self.sender.clone(), None),
            Content::Body => (self.sender.clone(), self.body.clone()),
        };
        Some(Summary {
            unread: self.count,
            sender,
            body,
        })
    }

    /// The client is there, and reads what has come.
    pub fn read(&mut self) {
        (self.count, self.told) = (0, 0);
        (self.sender, self.body) = (None, None);
    }

    /// So many of the messages will never be read.
    pub fn lost(&mut self, count: u64) {
        self.count = self.count.saturating_sub(count);
        self.told = self.told.min(self.count);
    }
}

/// A push: what the server of `user` publishes at the push service (section 7).
#[must_use]
pub fn notification(
    id: &str,
    user: &BareJid,
    registration: &Registration,
    summary: &Summary,
) -> Stanza {
    let mut form = Form::new(FormKind::Submit, SUMMARY).with_field(Field::new(
        FieldKind::TextSingle,
        "message-count",
        "",
        [summary.unread.to_string()],
    ));
    if let Some(sender) = &summary.sender {
        form = form.with_field(Field::text("last-message-sender", "", sender.as_str()));
    }
    if let Some(body) = &summary.body {
        form = form.with_field(Field::text("last-message-body", "", body));
    }
    let told = Element::new("notification", ns::PUSH).with_child(form.to_element());
    let item = Element::new("item", ns::PUBSUB).with_child(told);
    let publish = Element::new("publish", ns::PUBSUB)
        .with_attr("node", registration.node.as_str())
        .with_child(item);
    let options = registration.options.as_ref().map(|options| {
        Element::new("publish-options", ns::PUBSUB).with_child(options.to_element())
    });
    let pubsub = Element::new("pubsub", ns::PUBSUB)
        .with_child(publish)
        .with_children(options);
    Stanza::iq(IqType::Set, id)
        .with_from(user.clone())
        .with_to(registration.service.clone())
        .with_child(&pubsub)
}

/// Reads a push as the push service does: the device, and what it is told.
#[must_use]
pub fn read(stanza: &Stanza) -> Option<(String, Summary)> {
    if !stanza.asks(IqType::Set, "pubsub", ns::PUBSUB) {
        return None;
    }
    let pubsub = stanza.child("pubsub", ns::PUBSUB)?;
    let publish = pubsub.child("publish", ns::PUBSUB)?;
    let told = publish
        .child("item", ns::PUBSUB)?
        .child("notification", ns::PUSH)?;
    let form = Form::from_element(told.child("x", ns::DATA_FORMS)?)?;
    if form.form_type() != Some(SUMMARY) {
        return None;
    }
    let summary = Summary {
        unread: form.value("message-count")?.parse().ok()?,
        sender: form
            .value("last-message-sender")
            .and_then(|sender| jid::parse(sender).ok()),
        body: form.value("last-message-body").map(str::to_owned),
    };
    Some((publish.attr("node")?.to_owned(), summary))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registration() -> Registration {
        let options = Form::new(FormKind::Submit, ns::PUBLISH_OPTIONS).with_field(Field::text(
            "secret",
            "",
            "eruio234vzxc2kla-91",
        ));
        Registration {
            service: jid::parse("push-5.client.example").unwrap(),
            node: "yxs32uqsflafdk3iuqo".to_owned(),
            options: Some(options),
        }
    }

    fn message(kind: &str, content: &str) -> Stanza {
        let xml =
            format!("<message from='romeo@x/1' to='juliet@x' type='{kind}'>{content}</message>");
        Stanza::parse(xml).unwrap()
    }

    /// XEP-0357, section 5: examples 9 to 12, and requests that lack what is needed.
    #[test]
    fn switches() {
        let read = |xml: &str| {
            switch(&Stanza::parse(format!("<iq type='set' id='x'>{xml}</iq>")).unwrap())
        };
        let asked = enable_request("x", &registration());
        assert_eq!(switch(&asked), Some(Ok(Switch::Enable(registration()))));
        let off = |xml: &str| match read(xml) {
            Some(Ok(switch)) => switch.ends(&registration()),
            other => panic!("{other:?}"),
        };
        let disable = "<disable xmlns='urn:xmpp:push:0' jid='push-5.client.example'";
        assert!(off(&format!("{disable}/>")));
        assert!(off(&format!("{disable} node='yxs32uqsflafdk3iuqo'/>")));
        assert!(!off(&format!("{disable} node='another'/>")));
        assert!(!Switch::Enable(registration()).ends(&registration()));
        for bad in [
            "<enable xmlns='urn:xmpp:push:0' jid='push.x'/>",
            "<enable xmlns='urn:xmpp:push:0' node='a'/>",
            "<enable xmlns='urn:xmpp:push:0' jid='@' node='a'/>",
            "<disable xmlns='urn:xmpp:push:0'/>",
        ] {
            assert_eq!(read(bad), Some(Err(Condition::BadRequest)), "{bad}");
        }
        assert_eq!(read("<enable xmlns='urn:other'/>"), None);
    }

    /// SES-10: a push tells once of all that has come, by count, and more where that is wanted.
    #[test]
    fn what_is_pushed() {
        let mut unread = Unread::new(registration());
        assert_eq!(unread.push(Content::Body), None);
        assert!(unread.missed(&message("chat", "<body>one</body>")));
        assert!(unread.missed(&message("groupchat", "<body>two</body>")));
        for other in [
            message(
                "chat",
                "<active xmlns='http://jabber.org/protocol/chatstates'/>",
            ),
            message("headline", "<body>news</body>"),
            Stanza::parse("<presence/>").unwrap(),
        ] {
            assert!(!unread.missed(&other));
        }
        let sender = jid::parse("romeo@x/1").ok();
        let body = Some("two".to_owned());
        assert_eq!(
            unread.clone().push(Content::Body),
            Some(Summary {
                unread: 2,
                sender: sender.clone(),
                body
            })
        );
        assert_eq!(
            unread.clone().push(Content::Sender),
            Some(Summary {
                unread: 2,
                sender,
                body: None
            })
        );
        let count = Summary {
            unread: 2,
            sender: None,
            body: None,
        };
        assert_eq!(unread.push(Content::Count), Some(count));
        assert_eq!(unread.push(Content::Count), None, "once");
        unread.lost(2);
        assert!(unread.missed(&message("chat", "<body>three</body>")));
        assert_eq!(unread.push(Content::Count).map(|told| told.unread), Some(1));
        unread.read();
        assert_eq!(unread.push(Content::Count), None);
    }

    /// XEP-0357, section 7: the service reads what the server has written.
    #[test]
    fn the_notification() {
        let summary = Summary {
            unread: 3,
            sender: jid::parse("romeo@x/1").ok(),
            body: Some("but soft".to_owned()),
        };
        let user = BareJid::new("juliet@x").unwrap();
        let push = notification("n1", &user, &registration(), &summary);
        assert_eq!(push.to, Some(registration().service));
        let told = read(&Stanza::parse(push.to_string()).unwrap());
        assert_eq!(told, Some((registration().node, summary)));
        let text = push.to_string();
        assert!(text.contains("eruio234vzxc2kla-91"), "{text}");
        assert_eq!(read(&message("chat", "<body>x</body>")), None);
    }
}
