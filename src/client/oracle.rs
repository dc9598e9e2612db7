//! The oracle: what each client was promised, and whether it was kept.
//!
//! A message counts as *acknowledged* once its sender has a right to rely on it: the server's
//! XEP-0198 answer covers it (one-to-one), or its reflection has come back (rooms, CHAT-10). What is
//! acknowledged must reach everyone it was meant for exactly once and in its sender's order, or come
//! back as an error. A message without acknowledgement has an unknown outcome: it may have arrived or
//! not, but never twice.

mod membership;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use takeover_core::time::Moment;
use takeover_protocols::jid::FullJid;

use membership::Membership;

/// Where a message was sent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// To one client, by its name.
    Client(String),
    /// To all in a room, by the room's bare JID.
    Room(String),
}

/// How a copy of a message arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrived {
    /// As it happened, or from the offline store: each copy counts.
    Live,
    /// In a room's history on entering: a copy of what was seen before is no double.
    History,
}

/// Figures of one client, or of all of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Messages sent.
    pub sent: u64,
    /// Sent messages whose acknowledgement arrived.
    pub acknowledged: u64,
    /// Sent messages that came back as errors.
    pub refused: u64,
    /// Messages received, each once.
    pub delivered: u64,
    /// Acknowledged messages that this client should have received and did not.
    pub lost: u64,
    /// Acknowledged messages that were lost unread with the node that kept them for this client, which
    /// was suspended (SES-10): the one loss that the rules allow.
    pub unread_lost: u64,
    /// Surplus copies received.
    pub doubled: u64,
    /// Messages received after a later one of the same sender in the same conversation.
    pub reordered: u64,
}

impl Tally {
    /// Adds another account.
    pub fn add(&mut self, other: &Self) {
        self.sent += other.sent;
        self.acknowledged += other.acknowledged;
        self.refused += other.refused;
        self.delivered += other.delivered;
        self.lost += other.lost;
        self.unread_lost += other.unread_lost;
        self.doubled += other.doubled;
        self.reordered += other.reordered;
    }

    /// Whether no promise was broken.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.lost == 0 && self.doubled == 0 && self.reordered == 0
    }
}

/// The oracle's finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Over all clients.
    pub total: Tally,
    /// Per client, by name.
    pub clients: BTreeMap<String, Tally>,
    /// The first broken promises in words, at most [`Oracle::MAX_BROKEN`].
    pub broken: Vec<String>,
}

#[derive(Debug)]
struct Sent {
    sender: String,
    target: Target,
    number: u64,
    at: Moment,
    acknowledged: bool,
    refused: bool,
    copies: BTreeMap<String, u64>,
    /// For whom it was lost unread.
    unread_lost: BTreeSet<String>,
}

/// Highest number seen in a conversation: (receiver, sender, conversation).
type Seen = BTreeMap<(String, String, Target), u64>;

/// From when to when somebody was logged out.
type Absence = (Moment, Option<Moment>);

/// Keeps account of every message of every client. One per lab.
#[derive(Debug, Default)]
pub struct Oracle {
    messages: BTreeMap<String, Sent>,
    next_number: BTreeMap<String, u64>,
    members: BTreeMap<String, BTreeMap<String, Membership>>,
    /// From when to when a client was logged out, by room and client.
    absences: BTreeMap<(String, String), Vec<Absence>>,
    order: Seen,
    reordered: BTreeMap<String, u64>,
    clients: BTreeSet<String>,
    further: BTreeMap<String, Further>,
    broken: Vec<String>,
    losses: usize,
}

/// A client besides the one that has its account's name.
#[derive(Debug)]
struct Further {
    account: String,
    address: String,
}

impl Oracle {
    /// How many broken promises are kept in words.
    pub const MAX_BROKEN: usize = 20;

    /// Makes a client known, so that it appears in the finding even if it never sends.
    pub fn know(&mut self, client: &str) {
        self.clients.insert(client.to_owned());
    }

    /// Makes a client known that is a further one of an account: what is said to the account may
    /// reach any of its clients. `address` is its full JID.
    pub fn know_further(&mut self, client: &str, account: &str, address: &str) {
        self.know(client);
        let (account, address) = (account.to_owned(), address.to_owned());
        let further = Further { account, address };
        self.further.insert(client.to_owned(), further);
    }

    /// The full JID of a client that is a further one of its account.
    #[must_use]
    pub fn address_of(&self, client: &str) -> Option<&str> {
        Some(self.further.get(client)?.address.as_str())
    }

    fn account<'a>(&'a self, client: &'a str) -> &'a str {
        let further = self.further.get(client);
        further.map_or(client, |further| further.account.as_str())
    }

    /// A client is about to send; the message's id and its number among the client's messages,
    /// counted from 1.
    pub fn sending(&mut self, client: &str, target: Target, at: Moment) -> (String, u64) {
        self.know(client);
        let number = self.next_number.entry(client.to_owned()).or_insert(0);
        *number += 1;
        let (id, number) = (format!("{client}-{number}"), *number);
        let sent = Sent {
            sender: client.to_owned(),
            target,
            number,
            at,
            acknowledged: false,
            refused: false,
            copies: BTreeMap::new(),
            unread_lost: BTreeSet::new(),
        };
        self.messages.insert(id.clone(), sent);
        (id, number)
    }

    /// The sender has the right to rely on message `id` now.
    pub fn acknowledged(&mut self, id: &str) {
        if let Some(sent) = self.messages.get_mut(id) {
            sent.acknowledged = true;
        }
    }

    /// Message `id` came back to its sender as an error.
    pub fn refused(&mut self, id: &str) {
        if let Some(sent) = self.messages.get_mut(id) {
            sent.refused = true;
        }
    }

    /// A copy of message `id` reached `receiver`. False if no client sent such a message, or if it
    /// is a repetition in a room's history.
    pub fn delivered(&mut self, receiver: &str, id: &str, how: Arrived) -> bool {
        self.know(receiver);
        let Some(sent) = self.messages.get_mut(id) else {
            return false;
        };
        if let Target::Room(room) = &sent.target {
            let members = self.members.get_mut(room);
            let member = members.and_then(|members| members.get_mut(receiver));
            if let Some(membership) = member {
                membership.sees(sent, how);
            }
        }
        let copies = sent.copies.entry(receiver.to_owned()).or_insert(0);
        if *copies > 0 && how == Arrived::History {
            return false;
        }
        *copies += 1;
        if *copies > 1 {
            let copies = *copies;
            if self.broken.len() < Self::MAX_BROKEN {
                self.broken
                    .push(format!("{receiver} received {id} {copies} times"));
            }
            return true;
        }
        // One that came back as an error, or of which its sender has heard nothing, may have been stored all the
        // same (CHAT-10), and what was said while the receiver was logged out may come late, if the database was
        // away when it entered (CHAT-12). Where a history shows it, it stands in the room's order, not in that of
        // what was seen as it happened.
        let unknown = sent.refused || !sent.acknowledged;
        let absent = || match &sent.target {
            Target::Room(room) => {
                let absences = self.absences.get(&(room.clone(), receiver.to_owned()));
                let during =
                    |(from, to): &Absence| *from <= sent.at && to.is_none_or(|to| sent.at <= to);
                absences.is_some_and(|absences| absences.iter().any(during))
            }
            Target::Client(_) => false,
        };
        if how == Arrived::History && (unknown || absent()) {
            return true;
        }
        let key = (
            receiver.to_owned(),
            sent.sender.clone(),
            conversation(sent, receiver),
        );
        let number = sent.number;
        let highest = self.order.entry(key).or_insert(0);
        if number < *highest {
            let late = format!("{receiver} received {id} after number {highest} of its sender");
            *self.reordered.entry(receiver.to_owned()).or_insert(0) += 1;
            if self.broken.len() < Self::MAX_BROKEN {
                self.broken.push(late);
            }
        }
        *highest = number.max(*highest);
        true
    }

    /// How many losses it has heard of by [`Oracle::unread_lost`].
    #[must_use]
    pub fn losses(&self) -> usize {
        self.losses
    }

    /// Message `id` was lost with the node that kept it unread for the client of this full JID (SES-10).
    pub fn unread_lost(&mut self, jid: &FullJid, id: &str) {
        self.losses += 1;
        let (address, bare) = (jid.to_string(), jid.to_bare());
        let further = self.further.iter().find(|(_, one)| one.address == address);
        let account = || bare.node().map_or_else(String::new, ToString::to_string);
        let receiver = further.map_or_else(account, |(name, _)| name.clone());
        if let Some(sent) = self.messages.get_mut(id) {
            sent.unread_lost.insert(receiver);
        }
    }

    /// From now on `client` is owed every message of `room`, live or as history: as many as a history can have, where
    /// more were said while it was away.
    pub fn entered(&mut self, client: &str, room: &str, at: Moment) {
        self.know(client);
        let members = self.members.entry(room.to_owned()).or_default();
        members
            .entry(client.to_owned())
            .and_modify(|member| member.enters_again(at))
            .or_insert_with(|| Membership::since(at));
        let absences = self.absences.get_mut(&(room.to_owned(), client.to_owned()));
        for (_, to) in absences.into_iter().flatten() {
            to.get_or_insert(at);
        }
    }

    /// `client` has logged out: it is in no room until it has entered again.
    pub fn logged_out(&mut self, client: &str, at: Moment) {
        for (room, members) in &self.members {
            if members.contains_key(client) {
                let absences = self.absences.entry((room.clone(), client.to_owned()));
                absences.or_default().push((at, None));
            }
        }
    }

    /// `client` has left `room` by its own will: it is owed nothing from then on.
    pub fn left(&mut self, client: &str, room: &str, at: Moment) {
        let member = self
            .members
            .get_mut(room)
            .and_then(|members| members.get_mut(client));
        if let Some(membership) = member {
            membership.ends(at);
        }
    }

    /// The first copy too many, or out of order, that somebody received, in words: it is known the
    /// moment it arrives. What is lost is known at the end only.
    #[must_use]
    pub fn first_slip(&self) -> Option<&str> {
        self.broken.first().map(String::as_str)
    }

    /// The first one-to-one message that came back to its sender as an error and reached somebody all the
    /// same, in words. A room's database may have taken what it could not confirm (CHAT-10).
    #[must_use]
    pub fn first_untruth(&self) -> Option<String> {
        let mut messages = self.messages.iter();
        messages.find_map(|(id, sent)| {
            let (receiver, _) = sent.copies.first_key_value()?;
            let told = sent.refused && matches!(sent.target, Target::Client(_));
            told.then(|| format!("{id} came back as an error, and {receiver} received it"))
        })
    }

    /// How many of `client`'s messages wait for their acknowledgement or error.
    #[must_use]
    pub fn unsettled(&self, client: &str) -> usize {
        let mine = self.messages.values().filter(|sent| sent.sender == client);
        mine.filter(|sent| !sent.acknowledged && !sent.refused)
            .count()
    }

    /// Whether nothing that was acknowledged is still on its way.
    #[must_use]
    pub fn nothing_missing(&self) -> bool {
        self.messages
            .iter()
            .all(|(_, sent)| self.missing(sent).is_empty())
    }

    /// The account as it stands. What is still on its way counts as lost: ask when all is quiet.
    #[must_use]
    pub fn finding(&self) -> Finding {
        let blank = |name: &String| (name.clone(), Tally::default());
        let mut clients: BTreeMap<String, Tally> = self.clients.iter().map(blank).collect();
        let mut broken = self.broken.clone();
        for (id, sent) in &self.messages {
            self.count(id, sent, &mut clients, &mut broken);
        }
        for (receiver, late) in &self.reordered {
            clients.entry(receiver.clone()).or_default().reordered += late;
        }
        let mut total = Tally::default();
        clients.values().for_each(|tally| total.add(tally));
        broken.truncate(Self::MAX_BROKEN);
        Finding {
            total,
            clients,
            broken,
        }
    }

    fn count(
        &self,
        id: &str,
        sent: &Sent,
        clients: &mut BTreeMap<String, Tally>,
        broken: &mut Vec<String>,
    ) {
        let sender = clients.entry(sent.sender.clone()).or_default();
        sender.sent += 1;
        sender.acknowledged += u64::from(sent.acknowledged);
        sender.refused += u64::from(sent.refused);
        for (receiver, copies) in &sent.copies {
            let tally = clients.entry(receiver.clone()).or_default();
            tally.delivered += 1;
            tally.doubled += copies - 1;
        }
        let unread = |receiver: &&String| !sent.copies.contains_key(*receiver);
        for receiver in sent.unread_lost.iter().filter(unread) {
            clients.entry(receiver.clone()).or_default().unread_lost += 1;
        }
        for receiver in self.missing(sent) {
            clients.entry(receiver.clone()).or_default().lost += 1;
            broken.push(format!(
                "{receiver} never received {id}, which was acknowledged"
            ));
        }
    }

    /// Who should have received an acknowledged message and did not.
    fn missing(&self, sent: &Sent) -> Vec<String> {
        if !sent.acknowledged || sent.refused {
            return Vec::new();
        }
        let owed: Vec<&String> = match &sent.target {
            Target::Client(receiver) => {
                let account = self.account(receiver);
                let mut reached = sent.copies.keys().chain(&sent.unread_lost);
                if reached.any(|one| self.account(one) == account) {
                    return Vec::new();
                }
                vec![receiver]
            }
            Target::Room(room) => {
                let members = self.members.get(room).into_iter().flatten();
                members
                    .filter(|(_, member)| member.is_owed(sent))
                    .map(|(name, _)| name)
                    .collect()
            }
        };
        owed.into_iter()
            .filter(|name| !sent.copies.contains_key(*name) && !sent.unread_lost.contains(*name))
            .cloned()
            .collect()
    }
}

/// The conversation whose order a receiver can judge: with one person, or in one room.
fn conversation(sent: &Sent, receiver: &str) -> Target {
    match &sent.target {
        Target::Client(_) => Target::Client(receiver.to_owned()),
        Target::Room(room) => Target::Room(room.clone()),
    }
}

#[cfg(test)]
mod tests;
