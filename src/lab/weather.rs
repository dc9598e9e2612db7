//! Faults of what the nodes stand on: the pairs' databases, name service, clocks, machines, and the
//! lines of their clients. Faults of nodes, services and links are in [`super::handles`].

use std::time::Duration;

use takeover_core::id::NodeId;

use super::{Control, LabError};

/// What befalls the database of a pair's rooms (CHAT-5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseFault {
    /// It cannot be reached (`true`), or can again.
    Down(bool),
    /// Its disk is full (`true`): it can be read and not written; or there is room again.
    Full(bool),
    /// Each of its answers takes this much protocol time.
    Slow(Duration),
    /// It refuses its next writes before anything is done, so many of them.
    Refuse(u32),
    /// It carries out its next writes, so many of them, and their answers are lost.
    LoseAnswers(u32),
    /// It is well again, whatever befell it.
    Well,
}

impl Control {
    /// Injects a fault into an external database, such as that of a pair's rooms, which has the
    /// name of its group; the journal says so.
    ///
    /// # Errors
    /// [`LabError::NoSuch`] with the names there are.
    pub fn disturb_database(&self, name: &str, fault: DatabaseFault) -> Result<(), LabError> {
        self.database(name)?.disturb(fault);
        Ok(())
    }

    /// Takes the name service down or up again, for one node or for all (TOP-7, ICP-13); the
    /// journal says so.
    ///
    /// # Errors
    /// [`LabError::NoSuch`] with the names there are.
    pub fn disturb_dns(&self, node: Option<&str>, down: bool) -> Result<(), LabError> {
        let id = node.map(|name| self.node_id(name)).transpose()?;
        let network = self.world().network();
        match id {
            Some(id) => network.dns_unreachable_from(id, down),
            None => network.dns_down(down),
        }
        let word = if down { "down" } else { "up" };
        self.record_fault(id, format!("the name service is {word}"));
        Ok(())
    }

    /// From now on a node's clock gains this much, in parts per million (a negative number loses);
    /// see [`takeover_actors::rt::World::set_drift`]. The journal says so.
    ///
    /// # Errors
    /// [`LabError::NoSuch`] with the names there are.
    pub fn set_drift(&self, node: &str, gains: i32) -> Result<(), LabError> {
        let id = self.node_id(node)?;
        self.world().set_drift(id, gains);
        self.record_fault(Some(id), format!("its clock gains {gains} ppm"));
        Ok(())
    }

    /// From now on what runs on a node has its turn this much protocol time late; see
    /// [`takeover_actors::rt::World::set_lag`]. The journal says so.
    ///
    /// # Errors
    /// [`LabError::NoSuch`] with the names there are.
    pub fn set_lag(&self, node: &str, lag: Duration) -> Result<(), LabError> {
        let id = self.node_id(node)?;
        self.world().set_lag(id, lag);
        self.record_fault(Some(id), format!("everything on it is {lag:?} late"));
        Ok(())
    }

    /// Breaks the connections of every client of the lab that is logged in at a node, without a
    /// word to either side; the journal says so. How many there were.
    ///
    /// # Errors
    /// [`LabError::NoSuch`] with the names there are.
    pub fn cut_clients(&self, node: &str) -> Result<usize, LabError> {
        let id: NodeId = self.node_id(node)?;
        let clients = self.clients();
        let here = clients.values().filter(|client| client.is_at(node));
        let cut = here.inspect(|client| client.cut()).count();
        self.record_fault(Some(id), format!("{cut} clients lose their connections"));
        Ok(cut)
    }
}
