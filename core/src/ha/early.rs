//! Whose presence is lost when HA is switched on before the sessions are back (HA-17).

use crate::time::Moment;

/// Whether the session manager does not know a session when HA is switched on too early: the session's
/// client has come (by a login or a resumption) since HA was switched off, or is not back yet. A session
/// that went on all the while is known.
///
/// ```
/// use takeover_core::ha::is_left_out;
/// use takeover_core::time::Moment;
///
/// let switched_off = Moment(100);
/// assert!(!is_left_out(Moment(100), true, switched_off));
/// assert!(is_left_out(Moment(101), true, switched_off));
/// assert!(is_left_out(Moment(99), false, switched_off));
/// ```
#[must_use]
pub fn is_left_out(came: Moment, has_client: bool, switched_off: Moment) -> bool {
    !has_client || came > switched_off
}
