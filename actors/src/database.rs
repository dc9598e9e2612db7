//! The node's database service (IDS): its store can be read, or it does not run.
//!
//! **For:** the platform's database of a node; its failure is the failover cause *Database
//! Failure* (HA-3): the node announces it to SRM as any service's.
//! **Accepts:** nothing of its own; it is a [`ServiceWork`].

use crate::node_record::{NodeRecords, RecordError};
use crate::rt::Ctx;
use crate::service::{Readiness, ServiceActor, ServiceMsg, ServiceWork};
use std::any::Any;
use std::sync::Arc;
use takeover_core::service::ServiceCause;

/// Reads the node's record when the service starts.
pub struct DatabaseWork {
    records: Arc<dyn NodeRecords>,
}

impl DatabaseWork {
    /// The database service over this store.
    pub fn new(records: Arc<dyn NodeRecords>) -> Self {
        Self { records }
    }
}

/// What the first look into the store has brought.
struct Opened(Result<(), RecordError>);

impl ServiceWork for DatabaseWork {
    fn start(&mut self, ctx: &mut Ctx<ServiceActor>) -> Readiness {
        let reading = self.records.load();
        let opened = async move { reading.await.map(|_| ()) };
        ctx.run_outside(opened, |opened| ServiceMsg::Work(Box::new(Opened(opened))));
        Readiness::Wait
    }

    fn handle(
        &mut self,
        message: Box<dyn Any + Send>,
        ctx: &mut Ctx<ServiceActor>,
    ) -> Result<(), ServiceCause> {
        let Ok(opened) = message.downcast::<Opened>() else {
            return Ok(());
        };
        opened
            .0
            .map_err(|error| ServiceCause::Other(error.to_string()))?;
        // Its own mailbox: it is alive, and full only with what itself has sent.
        let _ = ctx.addr().send(ServiceMsg::Ready);
        Ok(())
    }
}
