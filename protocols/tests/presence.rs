//! Presence as conversations (RFC 6121, section 4).

use takeover_protocols::jid::{self, BareJid, FullJid};
use takeover_protocols::presence::{self, PresenceEffect, Shown};
use takeover_protocols::roster::subscription::State;
use takeover_protocols::roster::{Roster, RosterItem, RosterLimits};
use takeover_protocols::stanza::Stanza;

fn stanza(xml: &str) -> Stanza {
    Stanza::parse(xml).unwrap()
}

/// Juliet's contacts: romeo (both), nurse (to), mercutio (from), benvolio (asked).
fn roster() -> Roster {
    let contacts = [
        ("romeo@example.net", State::Both),
        ("nurse@example.com", State::To),
        ("mercutio@example.org", State::From),
        ("benvolio@example.org", State::NonePendingIn),
    ];
    let items = contacts.map(|(jid, state)| RosterItem {
        state,
        ..RosterItem::new(BareJid::new(jid).unwrap())
    });
    let owner = BareJid::new("juliet@example.com").unwrap();
    Roster::load(owner, items, 1, RosterLimits::default())
}

fn full(resource: &str) -> FullJid {
    FullJid::new(&format!("juliet@example.com/{resource}")).unwrap()
}

/// Juliet's resources, as a server keeps them.
struct Presences(Vec<(FullJid, Shown)>);

impl Presences {
    fn sent(&mut self, resource: &str, stanza: &Stanza, roster: &Roster) -> Vec<PresenceEffect> {
        presence::sent(&mut self.0, &full(resource), stanza.clone(), roster)
    }

    fn disconnected(&mut self, resource: &str, roster: &Roster) -> Vec<PresenceEffect> {
        let from = full(resource);
        let Some(at) = self.0.iter().position(|(jid, _)| *jid == from) else {
            return Vec::new();
        };
        let (_, was) = self.0.remove(at);
        presence::ended(&self.0, &from, was, roster)
    }

    fn shown(&self, resource: &str) -> &Shown {
        let from = full(resource);
        &self.0.iter().find(|(jid, _)| *jid == from).unwrap().1
    }
}

fn juliet() -> Presences {
    let resources = ["balcony", "chamber"];
    Presences(resources.map(|name| (full(name), Shown::default())).into())
}

fn lines(effects: &[PresenceEffect]) -> Vec<String> {
    let of = |stanza: &Stanza| format!("{} from {}", stanza.kind, stanza.from.as_ref().unwrap());
    let line = |effect: &PresenceEffect| match effect {
        PresenceEffect::Broadcast { stanza, to }
        | PresenceEffect::Directed { stanza, to }
        | PresenceEffect::Probe { stanza, to } => {
            assert_eq!(stanza.to, None);
            let to: Vec<&str> = to.iter().map(|jid| jid.as_str()).collect();
            format!("{} to {}", of(stanza), to.join(" "))
        }
        PresenceEffect::Own { stanza, resources } => {
            let names: Vec<&str> = resources.iter().map(|r| r.resource().as_str()).collect();
            format!("{} to own {}", of(stanza), names.join(" "))
        }
        PresenceEffect::Send(stanza) => {
            format!("{} to {}", of(stanza), stanza.to.as_ref().unwrap())
        }
        PresenceEffect::Arrived {
            resource,
            initial,
            takes_messages,
        } => {
            format!("arrived {} {initial} {takes_messages}", resource.resource())
        }
    };
    effects.iter().map(line).collect()
}

/// RFC 6121, sections 4.2.2 and 4.3.1: initial presence, with probes; then a second resource, which
/// learns of the first.
#[test]
fn initial_presence() {
    let (mut presences, roster) = (juliet(), roster());
    let effects = presences.sent("balcony", &stanza("<presence/>"), &roster);
    assert_eq!(
        lines(&effects),
        [
            "arrived balcony true true",
            "presence probe from juliet@example.com/balcony to nurse@example.com romeo@example.net",
            "presence from juliet@example.com/balcony to mercutio@example.org romeo@example.net",
            "presence from juliet@example.com/balcony to own balcony",
        ]
    );
    let low = stanza("<presence><priority>-1</priority></presence>");
    let effects = presences.sent("chamber", &low, &roster);
    assert_eq!(lines(&effects)[0], "arrived chamber true false");
    assert_eq!(
        lines(&effects)[2],
        "presence from juliet@example.com/balcony to own chamber"
    );
    assert_eq!(
        lines(&effects)[4],
        "presence from juliet@example.com/chamber to own balcony chamber"
    );
    // RFC 6121, section 4.4.2: later presence goes to the same, without probes; a priority that
    // becomes non-negative lets messages in.
    let effects = presences.sent("chamber", &stanza("<presence/>"), &roster);
    assert_eq!(lines(&effects).len(), 3);
    assert_eq!(lines(&effects)[0], "arrived chamber false true");
    let effects = presences.sent("chamber", &stanza("<presence/>"), &roster);
    assert_eq!(lines(&effects).len(), 2);
}

/// RFC 6121, section 4.5.2: unavailable presence, and the end of a session without it.
#[test]
fn unavailable() {
    for by_itself in [true, false] {
        let (mut presences, roster) = (juliet(), roster());
        presences.sent("balcony", &stanza("<presence/>"), &roster);
        presences.sent("chamber", &stanza("<presence/>"), &roster);
        let effects = if by_itself {
            presences.sent(
                "balcony",
                &stanza("<presence type='unavailable'/>"),
                &roster,
            )
        } else {
            presences.disconnected("balcony", &roster)
        };
        let own = if by_itself {
            "chamber balcony"
        } else {
            "chamber"
        };
        assert_eq!(
            lines(&effects),
            [
                &format!("presence unavailable from juliet@example.com/balcony to own {own}"),
                "presence unavailable from juliet@example.com/balcony to mercutio@example.org \
                 romeo@example.net",
            ]
        );
        assert!(
            !by_itself
                || presences
                    .shown("balcony")
                    .stanza(&full("balcony"))
                    .is_none()
        );
        assert_eq!(presences.shown("chamber").priority(), Some(0));
        // Told once is enough.
        assert_eq!(lines(&presences.disconnected("balcony", &roster)), [""; 0]);
    }
}

/// RFC 6121, section 4.6: who got directed presence hears of the end, also if the resource never
/// was available for others; who sees the user anyway hears it once.
#[test]
fn directed_presence() {
    let (mut presences, roster) = (juliet(), roster());
    let to = |to: &str| stanza(&format!("<presence to='{to}'/>"));
    let room = "cave@muc.example.org/juliet";
    let effects = presences.sent("balcony", &to(room), &roster);
    assert_eq!(
        lines(&effects),
        ["presence from juliet@example.com/balcony to cave@muc.example.org/juliet"]
    );
    let known = |presences: &Presences, who: &str| {
        let who = jid::parse(who).unwrap();
        presence::is_known_to(presences.shown("balcony"), &who, &roster)
    };
    assert!(known(&presences, room) && known(&presences, "romeo@example.net/x"));
    assert!(known(&presences, "juliet@example.com/chamber"));
    // A room carries requests of one occupant to another under the asker's name.
    assert!(known(&presences, "cave@muc.example.org/other"));
    assert!(!known(&presences, "den@muc.example.org/other"));
    assert!(!known(&presences, "nurse@example.com/x"));
    presences.sent("balcony", &to("romeo@example.net"), &roster);
    presences.sent("balcony", &to("tybalt@example.net/x"), &roster);
    let left = stanza("<presence to='tybalt@example.net/x' type='unavailable'/>");
    presences.sent("balcony", &left, &roster);
    assert_eq!(
        lines(&presences.disconnected("balcony", &roster)),
        [
            "presence unavailable from juliet@example.com/balcony to cave@muc.example.org/juliet \
             romeo@example.net",
        ]
    );
}

/// RFC 6121, section 4.3.2: probes of those who may see, those who may not, and of the user.
#[test]
fn probes() {
    let (mut presences, roster) = (juliet(), roster());
    let probe = |presences: &Presences, from: &str, to: &str| {
        let xml = format!("<presence from='{from}' to='{to}' type='probe'/>");
        lines(&presence::probed(&presences.0, &stanza(&xml), &roster))
    };
    let bare = "juliet@example.com";
    assert_eq!(
        probe(&presences, "romeo@example.net/o", bare),
        ["presence unavailable from juliet@example.com to romeo@example.net/o"]
    );
    presences.sent("balcony", &stanza("<presence/>"), &roster);
    presences.sent("chamber", &stanza("<presence/>"), &roster);
    assert_eq!(
        probe(&presences, "romeo@example.net", bare),
        [
            "presence from juliet@example.com/balcony to romeo@example.net",
            "presence from juliet@example.com/chamber to romeo@example.net",
        ]
    );
    assert_eq!(
        probe(
            &presences,
            "romeo@example.net",
            "juliet@example.com/chamber"
        )
        .len(),
        1
    );
    assert_eq!(probe(&presences, "juliet@example.com/x", bare).len(), 2);
    for stranger in [
        "nurse@example.com",
        "benvolio@example.org",
        "tybalt@example.net",
    ] {
        assert_eq!(
            probe(&presences, stranger, bare),
            [format!(
                "presence unsubscribed from juliet@example.com to {stranger}"
            )]
        );
    }
}

/// RFC 6121, sections 3.1.5 and 3.2.2: a contact who is let in sees all resources, one who is shut
/// out sees all of them go.
#[test]
fn shown_and_hidden() {
    let (mut presences, roster) = (juliet(), roster());
    presences.sent(
        "balcony",
        &stanza("<presence><show>away</show></presence>"),
        &roster,
    );
    let contact = BareJid::new("benvolio@example.org").unwrap();
    let line = |stanza: Stanza| lines(&[PresenceEffect::Send(Box::new(stanza))]).remove(0);
    let shown: Vec<String> = presence::shown_to(&presences.0, &contact)
        .into_iter()
        .map(line)
        .collect();
    assert_eq!(
        shown,
        ["presence from juliet@example.com/balcony to benvolio@example.org"]
    );
    let hidden: Vec<String> = presence::hidden_from(&presences.0, &contact)
        .into_iter()
        .map(line)
        .collect();
    assert_eq!(
        hidden,
        ["presence unavailable from juliet@example.com/balcony to benvolio@example.org"]
    );
}

/// HA-17: a resource that is left out is gone for all who saw it, and what it says to all reaches nobody;
/// it keeps its priority, so that messages find it, and its end is told to its rooms only.
#[test]
fn a_resource_that_is_left_out() {
    let (roster, mut juliet) = (roster(), juliet());
    juliet.sent("chamber", &stanza("<presence/>"), &roster);
    let here = stanza("<presence><priority>2</priority></presence>");
    juliet.sent("balcony", &here, &roster);
    let room = jid::parse("garden@rooms.example.com/juliet").unwrap();
    let entering = stanza("<presence to='garden@rooms.example.com/juliet'/>");
    juliet.sent("balcony", &entering, &roster);

    let effects = presence::left_out(&mut juliet.0, &full("balcony"), &roster);
    let told = |effects: &[PresenceEffect]| {
        effects.iter().any(|effect| match effect {
            PresenceEffect::Broadcast { stanza, .. } => stanza.from == Some(full("balcony").into()),
            _ => false,
        })
    };
    assert!(told(&effects), "{effects:?}");
    let shown = juliet.shown("balcony");
    assert_eq!(shown.priority(), Some(2));
    assert!(shown.stanza(&full("balcony")).is_none());
    assert!(presence::left_out(&mut juliet.0, &full("balcony"), &roster).is_empty());

    let back = juliet.sent(
        "balcony",
        &stanza("<presence type='unavailable'/>"),
        &roster,
    );
    let to_rooms = |effect: &PresenceEffect| match effect {
        PresenceEffect::Directed { to, .. } => to.contains(&room),
        _ => false,
    };
    assert!(matches!(&back[..], [one] if to_rooms(one)), "{back:?}");
    let again = juliet.sent("balcony", &here, &roster);
    assert!(
        matches!(again[..], [PresenceEffect::Arrived { .. }]),
        "{again:?}"
    );
    let probe = stanza("<presence type='probe' from='romeo@example.net/orchard'/>");
    let answers = presence::probed(&juliet.0, &probe, &roster);
    let of_chamber = |effect: &PresenceEffect| match effect {
        PresenceEffect::Send(stanza) => stanza.from == Some(full("chamber").into()),
        _ => false,
    };
    assert!(
        matches!(&answers[..], [one] if of_chamber(one)),
        "{answers:?}"
    );
    assert!(juliet.disconnected("balcony", &roster).is_empty());
}

/// Presence that says nothing but that it is there need not be kept, and is shown as any other.
#[test]
fn plain_presence_is_shown_as_it_was_said() {
    let said = |presence: &str| {
        let mut juliet = juliet();
        juliet.sent("balcony", &stanza(presence), &roster());
        let shown = juliet.shown("balcony");
        let stanza = shown.stanza(&full("balcony")).expect("it is available");
        (shown.priority(), stanza.to_bytes())
    };
    let from =
        |rest: &str| format!("<presence from='juliet@example.com/balcony'{rest}").into_bytes();
    assert_eq!(said("<presence/>"), (Some(0), from("/>").into()));
    let more = "<presence><priority>0</priority></presence>";
    assert_eq!(
        said(more),
        (Some(0), from("><priority>0</priority></presence>").into())
    );
}
