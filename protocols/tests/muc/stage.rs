//! A room with somebody who does its effects.

use takeover_protocols::datetime::Timestamp;
use takeover_protocols::jid::{BareJid, FullJid};
use takeover_protocols::muc::{
    OccupantChange, OccupantRecord, Recall, Room, RoomConfig, RoomEffect, RoomLimits, RoomWrite,
    StoreFailure, Ticket, WriteId,
};
use takeover_protocols::stanza::{Condition, Stanza};

pub const ROOM: &str = "darkcave@macbeth.shakespeare.lit";
pub const CRONE: &str = "crone1@shakespeare.lit/desktop";
pub const WICCA: &str = "wiccarocks@shakespeare.lit/laptop";
pub const HAG: &str = "hag66@shakespeare.lit/pda";
pub const HECATE: &str = "hecate@shakespeare.lit/broom";

/// A room, its database, its soft state.
pub struct Stage {
    pub room: Room,
    pub now: i64,
    pub ticket: u64,
    /// Whether writes are confirmed at once.
    pub prompt: bool,
    /// Writes asked for and not yet reported.
    pub outstanding: Vec<WriteId>,
    /// Writes that were confirmed, in order.
    pub database: Vec<RoomWrite>,
    /// Tickets that came back.
    pub handled: Vec<Ticket>,
    /// The soft state, as the effects say.
    pub soft: Vec<OccupantRecord>,
}

impl Stage {
    /// A room that nobody has created.
    pub fn vacant(config: RoomConfig) -> Self {
        let jid = BareJid::new(ROOM).unwrap();
        Self {
            room: Room::vacant(jid, config, RoomLimits::default()),
            now: 1_000_000,
            ticket: 0,
            prompt: true,
            outstanding: Vec::new(),
            database: Vec::new(),
            handled: Vec::new(),
            soft: Vec::new(),
        }
    }

    /// The dark cave: configured, the first witch in it, the second an admin outside.
    pub fn cave(config: RoomConfig) -> Self {
        let mut stage = Self::vacant(config);
        stage.join(CRONE, "firstwitch");
        stage.set(
            CRONE,
            "muc#owner",
            "<x xmlns='jabber:x:data' type='submit'/>",
        );
        stage.affiliate(CRONE, "wiccarocks@shakespeare.lit", "admin");
        stage
    }

    /// The dark cave with all three witches in it.
    pub fn coven(config: RoomConfig) -> Self {
        let mut stage = Self::cave(config);
        stage.join(WICCA, "secondwitch");
        stage.join(HAG, "thirdwitch");
        stage
    }

    /// Somebody sends something; answers everything that is delivered.
    pub fn send(&mut self, xml: &str) -> Heard {
        let stanza = Stanza::parse(xml).unwrap_or_else(|refused| panic!("{xml}: {refused}"));
        self.ticket += 1;
        self.now += 1_000;
        let now = Timestamp::from_millis(self.now);
        let effects = self.room.handle(Ticket(self.ticket), stanza, now);
        self.perform(effects)
    }

    /// Does effects; confirms writes at once if the stage is prompt.
    pub fn perform(&mut self, effects: Vec<RoomEffect>) -> Heard {
        let mut heard = Heard::default();
        for effect in effects {
            match effect {
                RoomEffect::Store { id, write, .. } if self.prompt => {
                    self.database.push((*write).clone());
                    let more = self.room.stored(id);
                    heard.join(self.perform(more));
                }
                RoomEffect::Store { id, write, .. } => {
                    self.database.push((*write).clone());
                    self.outstanding.push(id);
                }
                RoomEffect::Handled(ticket) => self.handled.push(ticket),
                RoomEffect::Reroute(ticket, stanza) => {
                    self.handled.push(ticket);
                    heard.rerouted.push(*stanza);
                }
                RoomEffect::Occupant(OccupantChange::Put(record)) => {
                    self.soft.retain(|old| old.jid != record.jid);
                    self.soft.push(*record);
                }
                RoomEffect::Occupant(OccupantChange::Gone(jid)) => {
                    self.soft.retain(|old| old.jid != jid);
                }
                RoomEffect::Send(stanza) => heard.stanzas.push(*stanza),
                RoomEffect::Broadcast(all) => {
                    heard.broadcasts += 1;
                    let copies = all.recipients().iter().map(|to| all.stanza_for(to));
                    heard.stanzas.extend(copies);
                }
                RoomEffect::Recall(recall) => heard.recalls.push(*recall),
                RoomEffect::Closed(reason) => heard.closed = Some(reason),
            }
        }
        heard
    }

    /// The database confirms the oldest write.
    pub fn confirm(&mut self) -> Heard {
        let id = self.outstanding.remove(0);
        let effects = self.room.stored(id);
        self.perform(effects)
    }

    /// The database refuses the oldest write.
    pub fn fail(&mut self, cause: StoreFailure) -> Heard {
        let id = self.outstanding.remove(0);
        let effects = self.room.store_failed(id, cause);
        self.perform(effects)
    }

    pub fn join(&mut self, who: &str, nick: &str) -> Heard {
        self.join_with(who, nick, "")
    }

    pub fn join_with(&mut self, who: &str, nick: &str, inside: &str) -> Heard {
        self.send(&format!(
            "<presence from='{who}' to='{ROOM}/{nick}' id='join'>\
             <x xmlns='http://jabber.org/protocol/muc'>{inside}</x></presence>"
        ))
    }

    pub fn leave(&mut self, who: &str, nick: &str) -> Heard {
        self.send(&format!(
            "<presence from='{who}' to='{ROOM}/{nick}' type='unavailable'/>"
        ))
    }

    pub fn say(&mut self, who: &str, what: &str) -> Heard {
        self.send(&format!(
            "<message from='{who}' to='{ROOM}' id='said' type='groupchat'><body>{what}</body>\
             </message>"
        ))
    }

    pub fn get(&mut self, who: &str, space: &str, inside: &str) -> Heard {
        self.iq("get", who, space, inside)
    }

    pub fn set(&mut self, who: &str, space: &str, inside: &str) -> Heard {
        self.iq("set", who, space, inside)
    }

    fn iq(&mut self, kind: &str, who: &str, space: &str, inside: &str) -> Heard {
        let space = match space {
            "muc#owner" | "muc#admin" => format!("http://jabber.org/protocol/{space}"),
            other => other.to_owned(),
        };
        self.send(&format!(
            "<iq from='{who}' to='{ROOM}' id='asked' type='{kind}'><query xmlns='{space}'>{inside}\
             </query></iq>"
        ))
    }

    /// Submits configuration fields.
    pub fn configure(&mut self, who: &str, fields: &[(&str, &str)]) -> Heard {
        let fields: String = fields
            .iter()
            .map(|(name, value)| {
                format!("<field var='muc#roomconfig_{name}'><value>{value}</value></field>")
            })
            .collect();
        self.set(
            who,
            "muc#owner",
            &format!("<x xmlns='jabber:x:data' type='submit'>{fields}</x>"),
        )
    }

    pub fn affiliate(&mut self, by: &str, jid: &str, affiliation: &str) -> Heard {
        self.set(
            by,
            "muc#admin",
            &format!("<item affiliation='{affiliation}' jid='{jid}'/>"),
        )
    }

    pub fn role(&mut self, by: &str, nick: &str, role: &str) -> Heard {
        self.set(
            by,
            "muc#admin",
            &format!("<item nick='{nick}' role='{role}'/>"),
        )
    }

    /// A room of another node's, made of database and soft state; both must be up to date.
    pub fn moved(&self) -> Self {
        let mut record = None;
        let mut history = Vec::new();
        for write in &self.database {
            match write {
                RoomWrite::Create {
                    record: new,
                    history: old,
                } => {
                    record = Some((**new).clone());
                    history.clone_from(old);
                }
                RoomWrite::Message(entry) => history.push(entry.clone()),
                RoomWrite::Delete => record = None,
                RoomWrite::Subject(_) | RoomWrite::Config { .. } | RoomWrite::Affiliations(_) => {}
            }
            if let Some(record) = &mut record {
                record.apply(write);
            }
        }
        let limits = RoomLimits::default();
        let record = record.expect("the room is durable");
        let room = Room::restore(record, history, 0, self.soft.clone(), limits);
        Self {
            room,
            outstanding: Vec::new(),
            handled: Vec::new(),
            database: self.database.clone(),
            soft: self.soft.clone(),
            ..*self
        }
    }
}

/// What was delivered.
#[derive(Debug, Default)]
pub struct Heard {
    pub stanzas: Vec<Stanza>,
    pub broadcasts: usize,
    pub rerouted: Vec<Stanza>,
    pub recalls: Vec<Recall>,
    pub closed: Option<takeover_protocols::muc::CloseReason>,
}

impl Heard {
    fn join(&mut self, other: Self) {
        self.stanzas.extend(other.stanzas);
        self.broadcasts += other.broadcasts;
        self.rerouted.extend(other.rerouted);
        self.recalls.extend(other.recalls);
        self.closed = self.closed.or(other.closed);
    }

    /// What one client (or bare address) got.
    pub fn by(&self, who: &str) -> Vec<&Stanza> {
        self.stanzas
            .iter()
            .filter(|s| s.to.as_ref().is_some_and(|to| to.as_str() == who))
            .collect()
    }

    /// One line per stanza that a client got: `kind from resource [affiliation role] codes`.
    pub fn lines(&self, who: &str) -> Vec<String> {
        self.by(who).into_iter().map(line).collect()
    }

    /// The only stanza that was delivered at all.
    pub fn only(&self) -> &Stanza {
        let [stanza] = &self.stanzas[..] else {
            panic!("{:#?}", self.stanzas)
        };
        stanza
    }

    /// The error that was the only answer.
    pub fn error(&self) -> Condition {
        self.only()
            .error()
            .unwrap_or_else(|| panic!("{}", self.only()))
            .condition
    }

    /// Whether the request of `who` succeeded.
    pub fn succeeded(&self, who: &str) -> bool {
        self.by(who)
            .iter()
            .any(|s| s.kind.to_string() == "iq result")
    }

    /// Exactly this was the only thing delivered, attribute order apart.
    pub fn is(&self, xml: &str) {
        let expected = Stanza::parse(xml).unwrap().to_element();
        assert_eq!(self.only().to_element().to_string(), expected.to_string());
    }
}

/// A stanza in one line.
pub fn line(stanza: &Stanza) -> String {
    let from = stanza.from.as_ref().and_then(|from| from.resource());
    let mut line = format!("{} {}", stanza.kind, from.map_or("-", |nick| nick.as_str()));
    let space = "http://jabber.org/protocol/muc#user";
    if let Some(error) = stanza.error() {
        line += &format!(" {}", error.condition);
    }
    if let Some(x) = stanza.child("x", space) {
        if let Some(item) = x.child("item", space) {
            let attr = |name: &str| item.attr(name).map(str::to_owned);
            line += &format!(
                " {} {}",
                attr("affiliation").unwrap(),
                attr("role").unwrap()
            );
            line += &attr("jid").map(|jid| format!(" {jid}")).unwrap_or_default();
            line += &attr("nick")
                .map(|nick| format!(" nick={nick}"))
                .unwrap_or_default();
        }
        for child in x.children() {
            match child.name() {
                "item" => {}
                "status" => line += &format!(" {}", child.attr("code").unwrap()),
                name => line += &format!(" <{name}>"),
            }
        }
    }
    for name in ["body", "subject"] {
        line += &stanza
            .text_of(name)
            .map(|text| format!(" {name}={text}"))
            .unwrap_or_default();
    }
    if stanza.has_child("delay", "urn:xmpp:delay") {
        line += " late";
    }
    line
}

pub fn full(text: &str) -> FullJid {
    FullJid::new(text).unwrap()
}

/// A configuration that survives.
pub fn persistent() -> RoomConfig {
    RoomConfig {
        persistent: true,
        ..RoomConfig::default()
    }
}
