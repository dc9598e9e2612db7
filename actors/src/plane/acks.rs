//! What a client says of the stanzas it was sent (XEP-0198), and what comes back of those it sent.

use takeover_protocols::sm::AckError;

use super::Plane;
use super::client::{Attached, Fenced, places};

impl Plane {
    /// The client has handled so many stanzas.
    ///
    /// # Errors
    /// The count is impossible; `Ok(Err)` where the task is fenced.
    pub fn acked(&self, attached: &Attached, h: u32) -> Result<Result<(), Fenced>, AckError> {
        let acked = self.mine(attached, |session| match &mut session.sm {
            Some(sm) => sm.unacked.ack(h),
            None => Ok(Vec::new()),
        });
        match acked {
            Ok(Ok(outs)) => {
                self.confirm(&attached.user, places(&outs));
                Ok(Ok(()))
            }
            Ok(Err(error)) => Err(error),
            Err(fenced) => Ok(Err(fenced)),
        }
    }

    /// How many stanzas this attachment's client was sent and has not acknowledged, whoever owns the
    /// user by now. 0 where a newer connection has taken the session up: its client has told.
    #[must_use]
    pub fn unconfirmed(&self, attached: &Attached) -> usize {
        attached.user.slot.peek(|state, _| {
            let mut sessions = state.sessions.iter();
            let session = sessions.find(|session| session.id == attached.id);
            session
                .filter(|session| session.tickets.life() == attached.incarnation)
                .and_then(|session| session.sm.as_ref())
                .map_or(0, |sm| sm.unacked.len())
        })
    }

    /// The last count of a client whose stream ends: what it has, it has, whoever owns the user by
    /// now. An impossible count is passed over, for the stream is over.
    pub fn confirmed_at_last(&self, attached: &Attached, h: u32) {
        let acked = attached.user.update(|state| {
            let session = state.session(attached.id)?;
            let current = session.tickets.life() == attached.incarnation;
            let sm = session.sm.as_mut().filter(|_| current)?;
            sm.unacked.ack(h).ok()
        });
        let acked = acked.flatten().unwrap_or_default();
        self.confirm(&attached.user, places(&acked));
    }

    /// Routes what whoever held it could not handle: the errors that answer the client's stanzas, and
    /// what had waited behind these.
    pub fn route_returned(&self, attached: &Attached) {
        for parcel in attached.tickets.take_returned() {
            self.route(attached.mine.node(), parcel);
        }
    }

    /// How many stanzas the client was sent and has not acknowledged (XEP-0198).
    #[must_use]
    pub fn unacknowledged(&self, attached: &Attached) -> usize {
        let left = self.mine(attached, |session| {
            session.sm.as_ref().map_or(0, |sm| sm.unacked.len())
        });
        left.unwrap_or(0)
    }
}
