//! Switching HA on: what SRM must know before it does (HA-9, HA-17).

use std::sync::Arc;

use takeover_core::ha;
use takeover_core::id::NodeId;
use takeover_core::journal::Event;
use takeover_core::service::ServiceKind;

use takeover_actors::plane::{Session, User};
use takeover_actors::rt::Addr;
use takeover_actors::srm::{self, SrmMsg};

use super::{Control, LabError};

impl Control {
    /// How many users of a node have a session that counts in `ActiveJsmSessions`: one with a client and
    /// with presence (HA-17).
    ///
    /// # Errors
    /// [`LabError::NoSuch`] with the names there are.
    pub fn active_sessions(&self, node: &str) -> Result<usize, LabError> {
        let id = self.node_id(node)?;
        let here = self.plane().hosted_by(id);
        let is_in = |user: &&Arc<User>| {
            user.slot
                .peek(|state, _| state.sessions.iter().any(Session::is_active))
        };
        Ok(here.iter().filter(is_in).count())
    }

    /// How many users are assigned to a node (USR-1).
    ///
    /// # Errors
    /// [`LabError::NoSuch`] with the names there are.
    pub fn assigned_users(&self, node: &str) -> Result<usize, LabError> {
        let id = self.node_id(node)?;
        Ok(self.plane().node(id).residents.all().len())
    }

    /// Whether the database of a node is replicated: the console's value is 2.
    ///
    /// # Errors
    /// [`LabError::NoSuch`] with the names there are.
    pub fn is_replicated(&self, node: &str) -> Result<bool, LabError> {
        Ok(!self.0.unreplicated.lock().contains(&self.node_id(node)?))
    }

    /// Breaks the replication of a node's database, or mends it. It counts when HA is switched on
    /// (HA-9); a node that failed over for it is well again once it is mended.
    ///
    /// # Errors
    /// [`LabError::NoSuch`] with the names there are.
    pub fn replicate(&self, node: &str, replicated: bool) -> Result<(), LabError> {
        let id = self.node_id(node)?;
        let what = if replicated { "runs" } else { "is broken" };
        let what = format!("the replication of {node}'s database {what}");
        self.journal().record(Some(id), Event::Fault { what });
        let was = if replicated {
            self.0.unreplicated.lock().remove(&id)
        } else {
            self.0.unreplicated.lock().insert(id)
        };
        let state = self.service_state(node, ServiceKind::Database);
        if was && replicated && state.is_up() {
            self.tell_of_database(id, state);
        }
        Ok(())
    }

    fn tell_of_database(&self, node: NodeId, state: takeover_core::service::ServiceState) {
        let srm: Option<Addr<SrmMsg>> = self.world().books().addr(node, srm::BOOK_NAME);
        let kind = ServiceKind::Database;
        if let Some(srm) = srm {
            // An SRM that has ended looks at the database when it is back.
            let _ = srm.send(SrmMsg::Service { kind, state });
        }
    }

    /// What SRM hears before an action.
    pub(super) fn facts_before(
        &self,
        node: &str,
        action: ha::Action,
    ) -> Result<Vec<ha::Event>, LabError> {
        let mut facts = Vec::new();
        if action == ha::Action::EnableHa {
            if !self.is_replicated(node)? {
                facts.push(ha::Event::NotReplicated);
            }
            if self.active_sessions(node)? < self.assigned_users(node)? {
                facts.push(ha::Event::SessionsNotBack);
            }
        }
        Ok(facts)
    }
}
