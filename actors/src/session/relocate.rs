//! A user gets another home (USR-4): its sessions are told to go, its epoch grows, and its place
//! with all that is in it moves.

use std::sync::Arc;

use takeover_core::id::NodeId;

use super::mover::Move;
use super::settings::SessionSettings;
use crate::plane::{Plane, User};
use crate::rt::Recipient;

/// Assigns `user` to `to`, and moves it there in order; `report` hears whether it had to move. The
/// work belongs to the pair's soft state: no node's death interrupts it.
pub fn relocate(
    plane: &Arc<Plane>,
    settings: &SessionSettings,
    user: &Arc<User>,
    to: NodeId,
    report: Recipient<bool>,
) {
    plane.assign(user, to);
    let moving = Move::of(plane, settings, to);
    let user = user.clone();
    plane.keep(async move {
        let moved = moving.bring(&user, to).await;
        // Whoever asked may not care any more.
        let _ = report.send(moved);
    });
}
