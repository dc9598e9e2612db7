//! The routing table of RFC 6121, section 8.5, against a copy of its own.

use takeover_protocols::routing::{Address, Decision, Resource, WithoutTo, without_to};
use takeover_protocols::stanza::{Condition, IqType, MessageType, PresenceType, StanzaKind};

/// What the standard's text says may be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// To all available resources with a non-negative priority.
    AllNonNegative,
    /// To all available resources.
    AllAvailable,
    /// To the resource that matches.
    ThatOne,
    /// `service-unavailable`.
    Error,
    /// To the most available ones or to all with a non-negative priority, as the server likes.
    MostOrAllNonNegative,
    /// Offline storage.
    Offline,
    /// Ignored.
    Silent,
    /// Ignored or `service-unavailable`, as the server likes.
    SilentOrError,
    /// As section 3 says.
    Section3,
    /// As section 4.3 says.
    Section43,
    /// The server's own answer.
    OnBehalf,
    /// Ignored or `unsubscribed`.
    SilentOrUnsubscribed,
}

use Rule::*;

const MESSAGES: [MessageType; 5] = [
    MessageType::Normal,
    MessageType::Chat,
    MessageType::Groupchat,
    MessageType::Headline,
    MessageType::Error,
];

fn none() -> Vec<Resource<'static>> {
    Vec::new()
}

fn connected() -> Vec<Resource<'static>> {
    vec![Resource::connected("r"), Resource::connected("other")]
}

fn negative() -> Vec<Resource<'static>> {
    vec![
        Resource::available("r", -1),
        Resource::available("other", -128),
        Resource::connected("c"),
    ]
}

fn one() -> Vec<Resource<'static>> {
    vec![
        Resource::available("r", 0),
        Resource::available("other", -1),
        Resource::connected("c"),
    ]
}

fn several() -> Vec<Resource<'static>> {
    vec![
        Resource::available("r", 0),
        Resource::available("other", 5),
        Resource::available("third", 5),
        Resource::available("minus", -5),
        Resource::connected("c"),
    ]
}

const FULL: Address<'static> = Address::Full {
    resource: "r",
    known: true,
};
const ABSENT: Address<'static> = Address::Full {
    resource: "absent",
    known: true,
};

fn route(kind: StanzaKind, to: Address<'_>, resources: Option<&[Resource<'_>]>) -> Decision {
    takeover_protocols::routing::route(kind, to, resources.map(|all| all.iter().copied()))
}

/// Who gets it: places in the list.
fn delivered(decision: &Decision, resources: &[Resource<'_>]) -> Option<Vec<usize>> {
    let Decision::Deliver(to) = decision else {
        return None;
    };
    let included = |index: &usize| to.include(*index, resources[*index].priority);
    Some((0..resources.len()).filter(included).collect())
}

fn allowed(rule: Rule, decision: &Decision, resources: &[Resource<'_>]) -> bool {
    let to = delivered(decision, resources);
    let error = Decision::Bounce(Condition::ServiceUnavailable);
    let with = |wanted: &dyn Fn(i8) -> bool| -> Option<Vec<usize>> {
        let chosen: Vec<usize> = (0..resources.len())
            .filter(|i| resources[*i].priority.is_some_and(wanted))
            .collect();
        (!chosen.is_empty()).then_some(chosen)
    };
    match rule {
        AllNonNegative => to.is_some() && to == with(&|p| p >= 0),
        AllAvailable => to.is_some() && to == with(&|_| true),
        ThatOne => to == Some(vec![0]),
        Error => *decision == error,
        MostOrAllNonNegative => {
            let highest = resources.iter().filter_map(|r| r.priority).max().unwrap();
            let most = to == with(&|p| p == highest);
            highest >= 0 && to.is_some() && (most || to == with(&|p| p >= 0))
        }
        Offline => *decision == Decision::Store,
        Silent => *decision == Decision::Drop,
        SilentOrError => [Decision::Drop, error].contains(decision),
        Section3 => *decision == Decision::Subscription,
        Section43 => *decision == Decision::Probe,
        OnBehalf => *decision == Decision::Answer,
        SilentOrUnsubscribed => [Decision::Drop, Decision::Unsubscribed].contains(decision),
    }
}

/// RFC 6121, section 8.5.4 (the summary of message delivery), a row for each condition and form of
/// address, a column for each type; the fifth, `error`, from the text of 8.5.2 and 8.5.3.
#[test]
fn messages() {
    let rows: [(Option<Vec<Resource>>, Address, [Rule; 5]); 13] = [
        // account does not exist
        (
            None,
            Address::Bare,
            [SilentOrError, SilentOrError, Error, SilentOrError, Silent],
        ),
        (
            None,
            FULL,
            [
                SilentOrError,
                SilentOrError,
                SilentOrError,
                SilentOrError,
                Silent,
            ],
        ),
        // account exists, but no active resources
        (
            Some(none()),
            Address::Bare,
            [Offline, Offline, Error, Silent, Silent],
        ),
        (
            Some(none()),
            FULL,
            [SilentOrError, Offline, SilentOrError, SilentOrError, Silent],
        ),
        (
            Some(connected()),
            Address::Bare,
            [Offline, Offline, Error, Silent, Silent],
        ),
        // one or more negative resources, but no non-negative one
        (
            Some(negative()),
            Address::Bare,
            [Offline, Offline, Error, Silent, Silent],
        ),
        (
            Some(negative()),
            FULL,
            [ThatOne, ThatOne, ThatOne, ThatOne, ThatOne],
        ),
        (
            Some(negative()),
            ABSENT,
            [SilentOrError, Offline, SilentOrError, SilentOrError, Silent],
        ),
        // one non-negative resource
        (
            Some(one()),
            Address::Bare,
            [
                MostOrAllNonNegative,
                MostOrAllNonNegative,
                Error,
                AllNonNegative,
                Silent,
            ],
        ),
        (
            Some(one()),
            FULL,
            [ThatOne, ThatOne, ThatOne, ThatOne, ThatOne],
        ),
        (
            Some(one()),
            ABSENT,
            [
                SilentOrError,
                MostOrAllNonNegative,
                SilentOrError,
                SilentOrError,
                Silent,
            ],
        ),
        // several
        (
            Some(several()),
            Address::Bare,
            [
                MostOrAllNonNegative,
                MostOrAllNonNegative,
                Error,
                AllNonNegative,
                Silent,
            ],
        ),
        (
            Some(several()),
            ABSENT,
            [
                SilentOrError,
                MostOrAllNonNegative,
                SilentOrError,
                SilentOrError,
                Silent,
            ],
        ),
    ];
    for (resources, to, rules) in rows {
        for (kind, rule) in MESSAGES.into_iter().zip(rules) {
            let got = route(StanzaKind::Message(kind), to, resources.as_deref());
            let list = resources.as_deref().unwrap_or_default();
            assert!(
                allowed(rule, &got, list),
                "{kind} to {to:?} with {list:?}: {got:?}, {rule:?}"
            );
        }
    }
}

/// RFC 6121, section 8.5.2.1.1: of what the standard allows, all whose priority is not negative get
/// a message to the bare address, and one to a resource that is gone.
#[test]
fn all_devices_get_a_message() {
    let list = several();
    for kind in [MessageType::Normal, MessageType::Chat] {
        let got = route(StanzaKind::Message(kind), Address::Bare, Some(&list));
        assert_eq!(delivered(&got, &list), Some(vec![0, 1, 2]), "{kind}");
    }
    let chat = StanzaKind::Message(MessageType::Chat);
    assert_eq!(
        delivered(&route(chat, ABSENT, Some(&list)), &list),
        Some(vec![0, 1, 2])
    );
}

/// SES-3: a message that can be neither delivered nor stored is not lost in silence where the
/// standard leaves the choice.
#[test]
fn a_message_with_a_body_is_never_lost_in_silence() {
    let silent = [MessageType::Headline, MessageType::Error];
    for kind in MESSAGES.into_iter().filter(|kind| !silent.contains(kind)) {
        for resources in [
            None,
            Some(none()),
            Some(connected()),
            Some(negative()),
            Some(several()),
        ] {
            for to in [Address::Bare, FULL, ABSENT] {
                let got = route(StanzaKind::Message(kind), to, resources.as_deref());
                assert_ne!(got, Decision::Drop, "{kind} to {to:?} with {resources:?}");
            }
        }
    }
}

/// RFC 6121, sections 8.5.1, 8.5.2.1.2, 8.5.2.2.2, 8.5.3.1 and 8.5.3.2.2.
#[test]
fn presence() {
    use PresenceType::{Available, Error as Bad, Probe, Subscribe, Unavailable};
    let subscriptions = [
        Subscribe,
        PresenceType::Subscribed,
        PresenceType::Unsubscribe,
        PresenceType::Unsubscribed,
    ];
    let check = |kind, to, resources: Option<Vec<Resource>>, rule| {
        let got = route(StanzaKind::Presence(kind), to, resources.as_deref());
        let list = resources.as_deref().unwrap_or_default();
        assert!(
            allowed(rule, &got, list),
            "{kind} to {to:?} with {list:?}: {got:?}, {rule:?}"
        );
    };
    for kind in [Available, Unavailable] {
        check(kind, Address::Bare, None, Silent);
        check(kind, Address::Bare, Some(none()), Silent);
        check(kind, Address::Bare, Some(connected()), Silent);
        check(kind, Address::Bare, Some(negative()), AllAvailable);
        check(kind, Address::Bare, Some(several()), AllAvailable);
        check(kind, FULL, Some(several()), ThatOne);
        check(kind, FULL, Some(connected()), ThatOne);
        check(kind, ABSENT, Some(several()), Silent);
    }
    for kind in subscriptions {
        check(kind, Address::Bare, None, Silent);
        for to in [Address::Bare, FULL, ABSENT] {
            check(kind, to, Some(none()), Section3);
            check(kind, to, Some(several()), Section3);
        }
    }
    check(Probe, Address::Bare, None, SilentOrUnsubscribed);
    for to in [Address::Bare, FULL, ABSENT] {
        check(Probe, to, Some(none()), Section43);
        check(Probe, to, Some(several()), Section43);
    }
    check(Bad, FULL, Some(several()), ThatOne);
    check(Bad, ABSENT, Some(several()), Silent);
}

/// RFC 6121, sections 8.5.1, 8.5.2.1.3, 8.5.2.2.3, 8.5.3.1 and 8.5.3.2.3; XMPP-2: a request is
/// delivered, answered or refused, never dropped.
#[test]
fn iq() {
    let check = |kind, to, resources: Option<Vec<Resource>>, rule| {
        let got = route(StanzaKind::Iq(kind), to, resources.as_deref());
        let list = resources.as_deref().unwrap_or_default();
        assert!(
            allowed(rule, &got, list),
            "{kind} to {to:?} with {list:?}: {got:?}, {rule:?}"
        );
    };
    for kind in [IqType::Get, IqType::Set] {
        check(kind, Address::Bare, None, Error);
        check(kind, FULL, None, Error);
        check(kind, Address::Bare, Some(none()), OnBehalf);
        check(kind, Address::Bare, Some(several()), OnBehalf);
        check(kind, FULL, Some(several()), ThatOne);
        check(kind, FULL, Some(connected()), ThatOne);
        check(kind, ABSENT, Some(several()), Error);
        let stranger = Address::Full {
            resource: "r",
            known: false,
        };
        check(kind, stranger, Some(several()), Error);
    }
    for kind in [IqType::Result, IqType::Error] {
        check(kind, Address::Bare, None, Silent);
        check(kind, Address::Bare, Some(several()), Silent);
        check(kind, FULL, Some(several()), ThatOne);
        check(kind, ABSENT, Some(several()), Silent);
    }
}

/// RFC 6121, section 8.1: stanzas without an address.
#[test]
fn without_an_address() {
    let of = without_to;
    assert_eq!(
        of(StanzaKind::Message(MessageType::Chat)),
        WithoutTo::OwnAccount
    );
    assert_eq!(
        of(StanzaKind::Presence(PresenceType::Available)),
        WithoutTo::Broadcast
    );
    assert_eq!(
        of(StanzaKind::Presence(PresenceType::Unavailable)),
        WithoutTo::Broadcast
    );
    assert_eq!(of(StanzaKind::Iq(IqType::Get)), WithoutTo::Answer);
    assert_eq!(of(StanzaKind::Iq(IqType::Set)), WithoutTo::Answer);
    assert_eq!(of(StanzaKind::Iq(IqType::Result)), WithoutTo::Drop);
    let subscribe = of(StanzaKind::Presence(PresenceType::Subscribe));
    assert_eq!(subscribe, WithoutTo::Refuse(Condition::BadRequest));
}
