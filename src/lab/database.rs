//! A hand on an external database of a lab: what it holds, and what befalls it (CHAT-12).

use std::sync::Arc;
use std::time::Duration;

use takeover_storage::{ChatStore, FailOnce};

use super::stores::External;
use super::{Control, DatabaseFault, LabError};

/// An external database. What is done to it here is on the journal, and befalls it alone.
pub struct Database {
    control: Control,
    name: String,
    external: External,
}

impl Control {
    /// The external database of this name; that of a pair has the name of its group.
    ///
    /// # Errors
    /// [`LabError::NoSuch`] with the names there are.
    pub fn database(&self, name: &str) -> Result<Database, LabError> {
        let known = self.0.stores.names();
        if !known.iter().any(|there| there == name) {
            return Err(LabError::NoSuch {
                what: "database",
                name: name.to_owned(),
                known,
            });
        }
        Ok(Database {
            control: self.clone(),
            name: name.to_owned(),
            external: self.0.stores.external(name),
        })
    }
}

impl Database {
    /// The database itself, to read what is in it.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn ChatStore> {
        &self.external.store
    }

    /// How many requests were refused, or lost their answer, by a fault.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.external.faults.refused()
    }

    /// It can no longer be reached.
    pub fn down(&self) {
        self.befall("is down");
        self.external.faults.set_down(true);
    }

    /// Its disk is full: it can be read, not written.
    pub fn fill_disk(&self) {
        self.befall("has no space left");
        self.external.faults.set_disk_full(true);
    }

    /// It takes this much protocol time for each write.
    pub fn slow(&self, latency: Duration) {
        self.befall(&format!("takes {latency:?} for a write"));
        self.external.faults.set_latency(latency);
    }

    /// It carries out the next `count` writes, and their answers are lost.
    pub fn lose_answers(&self, count: usize) {
        self.befall(&format!("loses the answers to {count} writes"));
        self.external.faults.fail_next(FailOnce::AfterCommit, count);
    }

    /// Something befalls it, or is over.
    pub fn disturb(&self, fault: DatabaseFault) {
        let faults = &self.external.faults;
        match fault {
            DatabaseFault::Down(true) => self.down(),
            DatabaseFault::Down(false) => {
                self.befall("is up");
                faults.set_down(false);
            }
            DatabaseFault::Full(true) => self.fill_disk(),
            DatabaseFault::Full(false) => {
                self.befall("has space again");
                faults.set_disk_full(false);
            }
            DatabaseFault::Slow(latency) => self.slow(latency),
            DatabaseFault::Refuse(count) => {
                self.befall(&format!("refuses {count} writes"));
                faults.fail_next(FailOnce::Before, count as usize);
            }
            DatabaseFault::LoseAnswers(count) => self.lose_answers(count as usize),
            DatabaseFault::Well => self.heal(),
        }
    }

    /// All is well with it again.
    pub fn heal(&self) {
        self.befall("is well");
        self.external.faults.heal();
    }

    fn befall(&self, what: &str) {
        let what = format!("database {} {what}", self.name);
        self.control.record_fault(None, what);
    }
}
