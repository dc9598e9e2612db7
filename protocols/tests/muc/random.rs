//! Rooms under anything: random stanzas of random users, a database that is slow, late and broken.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use takeover_protocols::jid::{BareJid, FullJid};
use takeover_protocols::muc::{
    Affiliation, OccupantRecord, Phase, Role, RoomConfig, RoomWrite, StoreFailure, Ticket,
};
use takeover_protocols::stanza::{IqType, MessageType, Stanza, StanzaKind};

use crate::stage::{Heard, ROOM, Stage};

/// One step of a story.
#[derive(Clone, Debug)]
enum Step {
    Send {
        user: usize,
        client: usize,
        what: What,
    },
    Confirm,
    Fail(StoreFailure),
    SessionEnds {
        user: usize,
        client: usize,
    },
    Move,
}

#[derive(Clone, Debug)]
enum What {
    Join { nick: usize, old_protocol: bool },
    Leave { nick: usize },
    Say,
    Subject,
    Whisper { nick: usize },
    Affiliate { user: usize, affiliation: usize },
    Role { nick: usize, role: usize },
    Configure { field: usize, value: usize },
    Register { nick: usize },
    List { affiliation: usize },
    Ask { nick: usize },
    Invite { user: usize },
    Bounce { gone: bool },
    RequestVoice,
    Destroy,
    Wild(String),
}

const CLIENTS: usize = 2;
const USERS: usize = 5;
const NICKS: usize = 4;

fn user(index: usize) -> String {
    format!("user{index}@example.org")
}

fn client(user_index: usize, client: usize) -> String {
    format!("{}/{client}", user(user_index))
}

fn what() -> impl Strategy<Value = What> {
    let wild = "<(iq|message|presence)[a-z ='/]{0,20}/?>";
    prop_oneof![
        6 => (0..NICKS, prop::bool::weighted(0.1))
            .prop_map(|(nick, old_protocol)| What::Join { nick, old_protocol }),
        2 => (0..NICKS).prop_map(|nick| What::Leave { nick }),
        8 => Just(What::Say),
        1 => Just(What::Subject),
        2 => (0..=NICKS).prop_map(|nick| What::Whisper { nick }),
        4 => (0..USERS, 0..5_usize)
            .prop_map(|(user, affiliation)| What::Affiliate { user, affiliation }),
        4 => (0..=NICKS, 0..4_usize).prop_map(|(nick, role)| What::Role { nick, role }),
        3 => (0..8_usize, 0..2_usize).prop_map(|(field, value)| What::Configure { field, value }),
        1 => (0..NICKS).prop_map(|nick| What::Register { nick }),
        1 => (0..5_usize).prop_map(|affiliation| What::List { affiliation }),
        1 => (0..=NICKS).prop_map(|nick| What::Ask { nick }),
        1 => (0..USERS).prop_map(|user| What::Invite { user }),
        1 => any::<bool>().prop_map(|gone| What::Bounce { gone }),
        1 => Just(What::RequestVoice),
        1 => prop::bool::weighted(0.05).prop_map(|d| if d { What::Destroy } else { What::Say }),
        1 => wild.prop_map(What::Wild),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        30 => (0..USERS, 0..CLIENTS, what())
            .prop_map(|(user, client, what)| Step::Send { user, client, what }),
        20 => Just(Step::Confirm),
        2 => prop_oneof![Just(StoreFailure::Unreachable), Just(StoreFailure::Failed)]
            .prop_map(Step::Fail),
        1 => (0..USERS, 0..CLIENTS)
            .prop_map(|(user, client)| Step::SessionEnds { user, client }),
        1 => Just(Step::Move),
    ]
}

fn xml(from: &str, what: &What, id: usize) -> String {
    let nick = |index: &usize| format!("nick{index}");
    let affiliation = |index: &usize| Affiliation::ALL[*index].as_str();
    let iq = |kind: &str, space: &str, inside: &str| {
        format!(
            "<iq from='{from}' to='{ROOM}' id='q{id}' type='{kind}'><query xmlns='{space}'>{inside}\
             </query></iq>"
        )
    };
    let admin = "http://jabber.org/protocol/muc#admin";
    let owner = "http://jabber.org/protocol/muc#owner";
    match what {
        What::Join {
            nick: n,
            old_protocol: true,
        } => {
            format!("<presence from='{from}' to='{ROOM}/{}'/>", nick(n))
        }
        What::Join {
            nick: n,
            old_protocol: false,
        } => format!(
            "<presence from='{from}' to='{ROOM}/{}'><x xmlns='http://jabber.org/protocol/muc'/>\
             </presence>",
            nick(n)
        ),
        What::Leave { nick: n } => {
            format!(
                "<presence from='{from}' to='{ROOM}/{}' type='unavailable'/>",
                nick(n)
            )
        }
        What::Say => {
            format!(
                "<message from='{from}' to='{ROOM}' type='groupchat'><body>m{id}</body></message>"
            )
        }
        What::Subject => format!(
            "<message from='{from}' to='{ROOM}' type='groupchat'><subject>m{id}</subject></message>"
        ),
        What::Whisper { nick: n } => {
            format!(
                "<message from='{from}' to='{ROOM}/{}' type='chat'><body>p</body></message>",
                nick(n)
            )
        }
        What::Affiliate {
            user: u,
            affiliation: a,
        } => iq(
            "set",
            admin,
            &format!(
                "<item affiliation='{}' jid='{}'/>",
                affiliation(a),
                user(*u)
            ),
        ),
        What::Role { nick: n, role } => {
            let role = Role::ALL[*role].as_str();
            iq(
                "set",
                admin,
                &format!("<item nick='{}' role='{role}'/>", nick(n)),
            )
        }
        What::Configure { field, value } => {
            let names = [
                "membersonly",
                "moderatedroom",
                "whois",
                "changesubject",
                "maxusers",
                "persistentroom",
                "roomname",
                "passwordprotectedroom",
            ];
            let value = match names[*field] {
                "whois" => ["moderators", "anyone"][*value].to_owned(),
                "maxusers" => ["3", "none"][*value].to_owned(),
                "persistentroom" | "passwordprotectedroom" => "1".to_owned(),
                _ => value.to_string(),
            };
            let field = format!(
                "<x xmlns='jabber:x:data' type='submit'><field var='muc#roomconfig_{}'><value>{value}\
                 </value></field></x>",
                names[*field]
            );
            iq("set", owner, &field)
        }
        What::Register { nick: n } => iq(
            "set",
            "jabber:iq:register",
            &format!(
                "<x xmlns='jabber:x:data' type='submit'><field var='muc#register_roomnick'><value>{}\
                 </value></field></x>",
                nick(n)
            ),
        ),
        What::List { affiliation: a } => iq(
            "get",
            admin,
            &format!("<item affiliation='{}'/>", affiliation(a)),
        ),
        What::Ask { nick: n } => format!(
            "<iq from='{from}' to='{ROOM}/{}' id='r{id}' type='get'><ping xmlns='urn:xmpp:ping'/></iq>",
            nick(n)
        ),
        What::Invite { user: u } => format!(
            "<message from='{from}' to='{ROOM}'><x xmlns='http://jabber.org/protocol/muc#user'>\
             <invite to='{}'/></x></message>",
            user(*u)
        ),
        What::Bounce { gone } => {
            let condition = if *gone {
                "service-unavailable"
            } else {
                "not-acceptable"
            };
            format!(
                "<message from='{from}' to='{ROOM}' type='error'><error type='cancel'>\
                 <{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
            )
        }
        What::RequestVoice => format!(
            "<message from='{from}' to='{ROOM}'><x xmlns='jabber:x:data' type='submit'>\
             <field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#request</value></field>\
             <field var='muc#role'><value>participant</value></field></x></message>"
        ),
        What::Destroy => iq("set", owner, "<destroy/>"),
        What::Wild(xml) => xml.clone(),
    }
}

/// What must be true after every step.
struct Watch {
    sent: usize,
    /// Bodies and subjects of messages that the database has confirmed, in order.
    confirmed: Vec<String>,
    /// Bodies and subjects as one observer would hear them: of each broadcast once.
    reflected: Vec<String>,
    /// Answers to each iq request.
    answers: BTreeMap<String, usize>,
    requests: BTreeSet<String>,
}

fn text(stanza: &Stanza) -> Option<String> {
    stanza.body().or_else(|| stanza.text_of("subject"))
}

impl Watch {
    fn hear(&mut self, stage: &Stage, heard: &Heard) {
        let mut last = None;
        for stanza in &heard.stanzas {
            match stanza.kind {
                StanzaKind::Message(MessageType::Groupchat) => {
                    let late = stanza.has_child("delay", "urn:xmpp:delay");
                    let Some(text) = text(stanza).filter(|text| !text.is_empty()) else {
                        continue;
                    };
                    let on_disk = !stage.room.is_durable() || self.confirmed.contains(&text);
                    assert!(on_disk, "{text} was shown before it was written");
                    if !late && last.as_ref() != Some(&text) {
                        self.reflected.push(text.clone());
                        last = Some(text);
                    }
                }
                StanzaKind::Iq(IqType::Result | IqType::Error) => {
                    *self.answers.entry(stanza.id.clone().unwrap()).or_default() += 1;
                }
                StanzaKind::Message(_) | StanzaKind::Presence(_) | StanzaKind::Iq(_) => {}
            }
        }
    }

    /// Every invariant of a room that can be seen from outside.
    fn check(&self, stage: &Stage) {
        let room = &stage.room;
        let occupants = room.occupants();
        let mut user_of: BTreeMap<&str, BareJid> = BTreeMap::new();
        let mut jids: BTreeSet<&FullJid> = BTreeSet::new();
        for OccupantRecord {
            jid, nick, role, ..
        } in &occupants
        {
            assert!(jids.insert(jid), "{jid} has two nicknames");
            let user = user_of.entry(nick).or_insert_with(|| jid.to_bare());
            assert_eq!(*user, jid.to_bare(), "two users are {nick}");
            let affiliation = room.record().affiliation(&jid.to_bare());
            assert_ne!(affiliation, Affiliation::Outcast, "{jid} is banned, and in");
            assert_ne!(*role, Role::None, "{jid} is in without a role");
            if affiliation >= Affiliation::Admin {
                assert_eq!(*role, Role::Moderator, "{jid} is {affiliation}");
            }
            if room.record().config.members_only {
                assert!(affiliation >= Affiliation::Member, "{jid} is no member");
            }
        }
        let by_jid = |records: &[OccupantRecord]| -> BTreeMap<FullJid, OccupantRecord> {
            records
                .iter()
                .map(|record| (record.jid.clone(), record.clone()))
                .collect()
        };
        assert_eq!(
            by_jid(&stage.soft),
            by_jid(&occupants),
            "the soft state lags behind"
        );
        if room.phase() == Phase::Open {
            let mut entries = room.record().affiliations.values();
            assert!(
                entries.any(|e| e.affiliation == Affiliation::Owner),
                "nobody owns the room"
            );
        }
        let mut seqs = room.history().map(|entry| entry.seq);
        assert!(seqs.by_ref().is_sorted());
    }

    /// What must be true when nothing is under way any more.
    fn check_end(&self, stage: &Stage) {
        let mut tickets = stage.handled.clone();
        tickets.sort_unstable();
        let all: Vec<Ticket> = (1..=stage.ticket).map(Ticket).collect();
        assert_eq!(tickets, all, "each ticket comes back exactly once");
        for request in &self.requests {
            let rerouted = matches!(stage.room.phase(), Phase::Closed(_));
            let answers = self.answers.get(request).copied().unwrap_or_default();
            assert!(
                answers == 1 || (rerouted && answers == 0),
                "{request}: {answers} answers"
            );
        }
        if stage.room.is_durable() {
            let in_order: Vec<&String> = self
                .confirmed
                .iter()
                .filter(|text| self.reflected.contains(text))
                .collect();
            let reflected: Vec<&String> = self
                .reflected
                .iter()
                .filter(|text| self.confirmed.contains(text))
                .collect();
            assert_eq!(
                reflected, in_order,
                "reflections are not in the order of the database"
            );
        }
    }
}

/// The messages that a write makes durable.
fn written(write: &RoomWrite) -> Vec<String> {
    let mut entries = match write {
        RoomWrite::Message(entry) | RoomWrite::Subject(entry) => vec![entry],
        RoomWrite::Create { record, history } => history.iter().chain(&record.subject).collect(),
        RoomWrite::Config { .. } | RoomWrite::Affiliations(_) | RoomWrite::Delete => Vec::new(),
    };
    entries.sort_by_key(|entry| entry.seq);
    entries
        .into_iter()
        .filter_map(|entry| text(&Stanza::parse(&entry.stanza).unwrap()))
        .collect()
}

/// Plays a story; the database confirms only what a step says, and everything in the end.
fn play(steps: Vec<Step>, persistent: bool) {
    let mut stage = Stage::vacant(RoomConfig {
        persistent,
        ..RoomConfig::default()
    });
    stage.prompt = false;
    let mut watch = Watch {
        sent: 0,
        confirmed: Vec::new(),
        reflected: Vec::new(),
        answers: BTreeMap::new(),
        requests: BTreeSet::new(),
    };
    let opening = [
        What::Join {
            nick: 0,
            old_protocol: false,
        },
        What::Configure { field: 6, value: 0 },
    ];
    let opening = opening.map(|what| Step::Send {
        user: 0,
        client: 0,
        what,
    });
    let opening = opening.into_iter().chain([Step::Confirm]);
    for step in opening.chain(steps) {
        perform(&mut stage, &mut watch, step);
        watch.check(&stage);
    }
    while !stage.outstanding.is_empty() && !matches!(stage.room.phase(), Phase::Closed(_)) {
        perform(&mut stage, &mut watch, Step::Confirm);
        watch.check(&stage);
    }
    watch.check_end(&stage);
}

fn perform(stage: &mut Stage, watch: &mut Watch, step: Step) {
    let heard = match step {
        Step::Send {
            user,
            client: c,
            what,
        } => {
            watch.sent += 1;
            let xml = xml(&client(user, c), &what, watch.sent);
            let Ok(stanza) = Stanza::parse(&xml) else {
                return;
            };
            if stanza.kind.is_request() && stanza.id.as_deref().is_some_and(|i| i.starts_with('q'))
            {
                watch.requests.extend(stanza.id);
            }
            stage.send(&xml)
        }
        Step::Confirm if stage.outstanding.is_empty() => return,
        Step::Confirm => {
            // The stage keeps all writes asked for, in order; the oldest not reported is this one.
            let write = &stage.database[stage.database.len() - stage.outstanding.len()];
            watch.confirmed.extend(written(write));
            stage.confirm()
        }
        Step::Fail(_) if stage.outstanding.is_empty() => return,
        Step::Fail(cause) => {
            let at = stage.database.len() - stage.outstanding.len();
            stage.database.remove(at);
            stage.fail(cause)
        }
        Step::SessionEnds { user, client: c } => {
            let effects = stage
                .room
                .session_ended(&FullJid::new(&client(user, c)).unwrap());
            stage.perform(effects)
        }
        Step::Move => {
            if stage.room.is_durable() && !stage.room.is_waiting() {
                let moved = stage.moved();
                assert_eq!(moved.room.record(), stage.room.record());
                assert_eq!(moved.room.occupants(), stage.room.occupants());
                let old = std::mem::replace(stage, moved);
                stage.handled = old.handled;
            }
            return;
        }
    };
    watch.hear(stage, &heard);
}

proptest! {
    /// CHAT-10, CHAT-12, XMPP-2 and the rules of XEP-0045, sections 5 and 7.2, whatever anybody does.
    #[test]
    fn anything_goes(steps in prop::collection::vec(step(), 1..120), persistent: bool) {
        play(steps, persistent);
    }
}
