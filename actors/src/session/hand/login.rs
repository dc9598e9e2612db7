//! From a hand at the door to a session.

use std::borrow::Cow;
use std::sync::Arc;

use takeover_core::id::NodeId;
use takeover_protocols::jid::ResourcePart;
use takeover_protocols::stanza::Condition;
use takeover_protocols::stream::{StreamCondition, StreamError};

use super::super::login::when_settled;
use super::super::settings::Site;
use super::super::turnstile::Turnstile;
use super::{HandArrival, HandEnd, ServerHand, Told, Wish, Word};
use crate::plane::{Attached, OpenError, Outlet, User};

/// A client with a session: what the session manager takes over.
pub struct Handed {
    pub(super) hand: ServerHand,
    pub(in super::super) attached: Attached,
}

/// What a client by hand comes through.
pub(super) struct Door {
    pub(super) site: Site,
    /// The resource that it wants.
    pub(super) resource: ResourcePart,
    pub(super) turnstile: Turnstile,
}

/// Gives an arrival its session; nothing if it gets none, and then it has been told why.
pub(in super::super) async fn receive(
    site: &Site,
    arrival: HandArrival,
    turnstile: &Turnstile,
) -> Option<Handed> {
    let HandArrival {
        user,
        resource,
        wish,
        hand,
    } = arrival;
    let known = site.plane.user(user.as_str());
    let known = known.ok_or(HandEnd::NoSuchUser);
    let resource = ResourcePart::new(&resource).map(Cow::into_owned);
    let resource = resource.map_err(|_| HandEnd::Refused(Condition::BadRequest));
    let outcome = match (known, resource) {
        (Ok(known), Ok(resource)) => {
            let door = Door {
                site: site.clone(),
                resource,
                turnstile: turnstile.clone(),
            };
            match wish {
                Some(wish) => enter(&door, &known, wish, Outlet::new).await,
                None => stand_by(&door, &known, &hand).await,
            }
        }
        (Err(end), _) | (_, Err(end)) => Err(end),
    };
    match outcome {
        Ok((attached, bound)) => {
            hand.tell(bound);
            Some(Handed { hand, attached })
        }
        Err(end) => {
            hand.tell(Told::Ended(end));
            None
        }
    }
}

/// Gives a user's client its session, with `outlet` for its way out, and what it is told of it.
pub(super) async fn enter(
    door: &Door,
    user: &Arc<User>,
    wish: Wish,
    outlet: impl Fn() -> Outlet,
) -> Result<(Attached, Told), HandEnd> {
    let site = &door.site;
    // SES-2: who lives elsewhere is sent there before anything else.
    let owner = user.slot.owner().node();
    if owner != site.node {
        return Err(see_other_host(site, owner));
    }
    let limit = site.settings.c2s.limits.negotiation;
    let counters = &site.plane.node(site.node).counters;
    let turn = door.turnstile.pass(site.plane.world(), limit, counters);
    if turn.await.is_err() {
        return Err(HandEnd::Refused(Condition::ResourceConstraint));
    }
    begin(door, user, wish, outlet).await
}

/// SES-7: an inactive session, until the client activates it and its user is here.
async fn stand_by(
    door: &Door,
    user: &Arc<User>,
    hand: &ServerHand,
) -> Result<(Attached, Told), HandEnd> {
    let site = &door.site;
    if !site.stands_by(user) {
        return Err(HandEnd::Refused(Condition::ServiceUnavailable));
    }
    let _inactive = site.plane.node(site.node).inactive();
    hand.tell(Told::Inactive);
    loop {
        hand.heard().await;
        for word in hand.words() {
            match word {
                Word::Activate(wish) => {
                    site.plane.hosted_at(site.node, user).await;
                    return begin(door, user, wish, Outlet::new).await;
                }
                Word::LogOut => return Err(HandEnd::LoggedOut),
                // It has no session to say it in.
                Word::Stanza(_) | Word::Acked(_) | Word::State(_) => {}
            }
        }
        if hand.is_over() {
            return Err(HandEnd::LoggedOut);
        }
    }
}

/// Opens or resumes a session, once its user is here.
async fn begin(
    door: &Door,
    user: &Arc<User>,
    wish: Wish,
    outlet: impl Fn() -> Outlet,
) -> Result<(Attached, Told), HandEnd> {
    let site = &door.site;
    if site.plane.load(user).await.is_err() {
        return Err(HandEnd::Refused(Condition::InternalServerError));
    }
    if let Wish::Resume { previd, h } = wish {
        let resume = || site.plane.resume(site.node, user, &previd, h, outlet());
        match when_settled(site, resume).await {
            Ok(attached) => {
                let handled = attached.settled().await;
                return Ok(bound(attached, previd, Some(handled)));
            }
            Err(OpenError::NoSuchSession) => {}
            Err(other) => return Err(refusal(site, other)),
        }
    }
    let jid = user.jid.with_resource(&door.resource);
    let open = || {
        site.plane
            .open_session(site.node, user, jid.clone(), outlet())
    };
    let mut attached = when_settled(site, open)
        .await
        .map_err(|error| refusal(site, error))?;
    match site.plane.enable(&mut attached, true) {
        Ok(previd) => Ok(bound(attached, previd, None)),
        Err(_) => Err(see_other_host(site, user.slot.owner().node())),
    }
}

fn bound(attached: Attached, previd: Arc<str>, resumed: Option<u32>) -> (Attached, Told) {
    let jid = attached.jid.clone();
    let told = Told::Bound {
        jid,
        previd,
        resumed,
    };
    (attached, told)
}

fn see_other_host(site: &Site, node: NodeId) -> HandEnd {
    HandEnd::SeeOtherHost(site.plane.node(node).address())
}

fn refusal(site: &Site, error: OpenError) -> HandEnd {
    match error {
        OpenError::Elsewhere(node) => see_other_host(site, node),
        OpenError::Ack(error) => HandEnd::Error(StreamError::from(&error)),
        OpenError::Moving | OpenError::TooMany { .. } => {
            HandEnd::Refused(Condition::ResourceConstraint)
        }
        OpenError::NoSuchSession => {
            HandEnd::Error(StreamError::new(StreamCondition::InternalServerError))
        }
    }
}
