//! A user's roster as data: items, pushes, requests (RFC 6121, section 2).

use takeover_protocols::jid::BareJid;
use takeover_protocols::ns;
use takeover_protocols::roster::subscription::{State, Subscription};
use takeover_protocols::stanza::{Condition, IqType, Stanza};
use takeover_protocols::xml::Element;
use takeover_storage::{Roster, RosterItem};

use super::Limits;
use super::user::{Out, UserState};

/// What is to be written of a roster.
pub(super) enum Change {
    Put(RosterItem),
    Remove(String),
}

/// The contact's item, or an unlisted one without any subscription.
pub(super) fn item_of(state: &UserState, contact: &BareJid) -> RosterItem {
    let item = state
        .roster
        .as_ref()
        .and_then(|roster| roster.items.get(contact.as_str()));
    item.cloned().unwrap_or_else(|| RosterItem {
        jid: contact.to_string(),
        ..RosterItem::default()
    })
}

/// Puts an item into the roster and tells who is interested; nothing if it is as it was.
pub(super) fn apply(
    state: &mut UserState,
    item: RosterItem,
    was: &RosterItem,
    id: u64,
    limits: Limits,
) -> Option<Change> {
    if item == *was {
        return None;
    }
    if !item.listed && item.state == State::None && !item.approved {
        let roster = state.roster.as_mut()?;
        return roster.items.remove(&item.jid).map(|item| {
            roster.version += 1;
            Change::Remove(item.jid)
        });
    }
    let roster = state.roster.get_or_insert_default();
    roster.version += 1;
    roster.items.insert(item.jid.clone(), item.clone());
    if item.listed && shown(&item) != shown(was) {
        push(state, item_element(&item), id, limits);
    }
    Some(Change::Put(item))
}

pub(super) fn remove(
    state: &mut UserState,
    was: &RosterItem,
    id: u64,
    limits: Limits,
) -> Option<Change> {
    let roster = state.roster.get_or_insert_default();
    roster.items.remove(&was.jid);
    roster.version += 1;
    let element = Element::new("item", ns::ROSTER)
        .with_attr("jid", was.jid.as_str())
        .with_attr("subscription", "remove");
    push(state, element, id, limits);
    Some(Change::Remove(was.jid.clone()))
}

/// What clients see of an item; nothing of one that is not listed.
fn shown(item: &RosterItem) -> Option<Vec<u8>> {
    item.listed.then(|| item_element(item).to_bytes())
}

fn item_element(item: &RosterItem) -> Element {
    let subscription = match item.state.subscription() {
        Subscription::None => "none",
        Subscription::To => "to",
        Subscription::From => "from",
        Subscription::Both => "both",
    };
    let group = |group: &String| Element::new("group", ns::ROSTER).with_text(group);
    Element::new("item", ns::ROSTER)
        .with_attr("jid", item.jid.as_str())
        .with_attr_opt("name", item.name.as_deref())
        .with_attr("subscription", subscription)
        .with_attr_opt("ask", item.state.pending_out().then_some("subscribe"))
        .with_attr_opt("approved", item.approved.then_some("true"))
        .with_children(item.groups.iter().map(group))
}

/// A roster push (RFC 6121, section 2.1.6) to each interested resource.
fn push(state: &mut UserState, item: Element, id: u64, limits: Limits) {
    let version = state.roster.as_ref().map_or(0, |roster| roster.version);
    let query = Element::new("query", ns::ROSTER)
        .with_attr("ver", version.to_string())
        .with_child(item);
    for session in state
        .sessions
        .iter_mut()
        .filter(|session| session.interested)
    {
        let stanza = Stanza::iq(IqType::Set, format!("push-{id}"))
            .with_to(session.jid.clone())
            .with_child(&query);
        let _ = session.push(
            Out {
                stanza,
                stored: None,
            },
            limits.session_queue,
        );
    }
}

/// RFC 6121, sections 2.2 and 2.6.2: nothing but a bare result for a client that is up to date.
pub(super) fn roster_get(state: &mut UserState, request: &Stanza, query: &Element) -> Stanza {
    let resource = request
        .from
        .as_ref()
        .and_then(|from| from.resource().map(ToOwned::to_owned));
    if let Some(session) = resource.and_then(|resource| state.resource(resource.as_str())) {
        session.interested = true;
    }
    let empty = Roster::default();
    let roster = state.roster.as_deref().unwrap_or(&empty);
    let version = roster.version.to_string();
    if query.attr("ver") == Some(version.as_str()) {
        return request.result();
    }
    let items = roster
        .items
        .values()
        .filter(|item| item.listed)
        .map(item_element);
    let query = Element::new("query", ns::ROSTER)
        .with_attr("ver", version)
        .with_children(items);
    request.result_with(&query)
}

/// What a roster set asks for.
pub(super) struct Wanted {
    pub(super) contact: BareJid,
    pub(super) remove: bool,
    pub(super) name: Option<String>,
    pub(super) groups: Vec<String>,
}

/// RFC 6121, section 2.3.3: exactly one item, well-formed, groups neither empty nor twice.
pub(super) fn one_item(query: &Element) -> Result<Wanted, Condition> {
    let mut items = query.children();
    let (Some(item), None) = (items.next(), items.next()) else {
        return Err(Condition::BadRequest);
    };
    let jid = item.attr("jid").ok_or(Condition::BadRequest)?;
    let jid = takeover_protocols::jid::parse(jid).map_err(|_| Condition::JidMalformed)?;
    let groups: Vec<String> = item
        .children()
        .filter(|child| child.is("group", ns::ROSTER))
        .map(|group| group.text().into_owned())
        .collect();
    let mut sorted = groups.clone();
    sorted.sort_unstable();
    sorted.dedup();
    if sorted.len() != groups.len() {
        return Err(Condition::BadRequest);
    }
    let long = |text: &String| text.len() > 1023;
    if groups.iter().any(|group| group.is_empty() || long(group)) {
        return Err(Condition::NotAcceptable);
    }
    let name = item
        .attr("name")
        .filter(|name| !name.is_empty())
        .map(str::to_owned);
    if name.as_ref().is_some_and(long) {
        return Err(Condition::NotAcceptable);
    }
    Ok(Wanted {
        contact: jid.to_bare(),
        remove: item.attr("subscription") == Some("remove"),
        name,
        groups,
    })
}
