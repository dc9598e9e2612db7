//! Merging two databases of a group into a third, as a job of the lab (MRG-1 to MRG-4).

use std::sync::Arc;

use parking_lot::Mutex;
use takeover_actors::node::ServiceAction;
use takeover_core::id::{GroupId, NodeId};
use takeover_core::time::Moment;
use takeover_storage::ChatStore;
use takeover_storage::merge::{Leases, Merge, MergeError, Options, Part, Report, Status, Watch};

use super::TC;
use crate::lab::{Answer, Control, LabError};

/// A merge that was begun, with its state and progress.
#[derive(Clone, Debug)]
pub struct MergeJob {
    /// Its number, from 1.
    pub number: usize,
    /// The group whose databases they are.
    pub group: String,
    /// Names of the sources.
    pub sources: [String; 2],
    /// Name of the target.
    pub target: String,
    /// When it was begun.
    pub begun: Moment,
    watch: Watch,
    afterwards: Arc<Mutex<Vec<String>>>,
}

impl MergeJob {
    /// Where it stands.
    #[must_use]
    pub fn status(&self) -> Status {
        self.watch.status()
    }

    /// What was done when all was in the target (MRG-4), and what of it could not be.
    #[must_use]
    pub fn afterwards(&self) -> Vec<String> {
        self.afterwards.lock().clone()
    }

    fn note(&self, what: String) {
        self.afterwards.lock().push(what);
    }
}

impl Control {
    /// Merges two databases of a group into a third: everything of both is in the target afterwards,
    /// the XCP Router's restart is asked for, the target is assigned to both nodes, and the Text
    /// Conference Manager is started there. It goes on by itself; [`Control::merge_jobs`] tells how
    /// far it has come. Interrupted, it can be begun again (MRG-3).
    ///
    /// # Errors
    /// [`LabError::Merge`] with what MRG-1 refuses at once, else in the answer;
    /// [`LabError::NoSuch`], [`LabError::Busy`] where the group's databases are being merged.
    pub fn merge_databases(
        &self,
        group: &str,
        sources: [&str; 2],
        target: &str,
    ) -> Result<Answer<Result<Report, MergeError>>, LabError> {
        let id = self.group_id(group)?;
        let nodes = self.deployment().group(id).nodes.clone();
        self.conference_must_be_stopped(&nodes)?;
        let [first, second] = sources;
        let first_store = self.assigned(Part::First, first, &nodes)?;
        let second_store = self.assigned(Part::Second, second, &nodes)?;
        let target_store = self.assigned(Part::Target, target, &nodes)?;
        // The board says that nobody runs; who was killed has left leases behind.
        let options = Options {
            leases: Leases::LeftBehind,
            ..Options::default()
        };
        let merge = Merge::new([first_store, second_store], target_store).with_options(options);
        let job = self.enlist(group, sources, target, merge.watch())?;
        let control = self.clone();
        self.in_background(async move {
            let ended = merge.run().await;
            match ended {
                Ok(report) => control.merged(&job, id).map(|()| report),
                Err(error) => Err(error),
            }
        })
    }

    /// The merges that were begun, in their order.
    #[must_use]
    pub fn merge_jobs(&self) -> Vec<MergeJob> {
        self.0.chat.state.lock().jobs.clone()
    }

    fn conference_must_be_stopped(&self, nodes: &[NodeId]) -> Result<(), MergeError> {
        match nodes.iter().find(|node| self.conference_runs(**node)) {
            Some(node) => Err(MergeError::ConferenceRuns {
                node: self.node_name(*node),
            }),
            None => Ok(()),
        }
    }

    /// A source is assigned to a node of the group, the target to all of them (MRG-1).
    fn assigned(
        &self,
        part: Part,
        database: &str,
        nodes: &[NodeId],
    ) -> Result<Arc<dyn ChatStore>, MergeError> {
        let state = self.0.chat.state.lock();
        let names = |node: &NodeId| state.assigned.get(node).cloned().unwrap_or_default();
        let lacks = |node: &&NodeId| !names(node).iter().any(|name| name == database);
        let lacking: Vec<&NodeId> = nodes.iter().filter(lacks).collect();
        let enough = match part {
            Part::First | Part::Second => lacking.len() < nodes.len(),
            Part::Target => lacking.is_empty(),
        };
        match (state.known.get(database), lacking.first()) {
            (Some(store), _) if enough => Ok(store.clone()),
            (_, lacking) => {
                let node = lacking.copied().or(nodes.first());
                Err(MergeError::NotAssigned {
                    part,
                    database: database.to_owned(),
                    node: node.map(|node| self.node_name(*node)).unwrap_or_default(),
                    assigned: node.map(|node| names(node).join(", ")).unwrap_or_default(),
                })
            }
        }
    }

    fn enlist(
        &self,
        group: &str,
        sources: [&str; 2],
        target: &str,
        watch: Watch,
    ) -> Result<MergeJob, LabError> {
        let mut state = self.0.chat.state.lock();
        let runs = |job: &MergeJob| job.group == group && !job.status().phase.is_over();
        if state.jobs.iter().any(runs) {
            return Err(LabError::Busy {
                what: "the merge of databases",
                node: group.to_owned(),
            });
        }
        let job = MergeJob {
            number: state.jobs.len() + 1,
            group: group.to_owned(),
            sources: sources.map(str::to_owned),
            target: target.to_owned(),
            begun: self.now(),
            watch,
            afterwards: Arc::default(),
        };
        state.jobs.push(job.clone());
        Ok(job)
    }

    /// MRG-4.
    fn merged(&self, job: &MergeJob, group: GroupId) -> Result<(), MergeError> {
        let nodes = self.deployment().group(group).nodes.clone();
        // One that was started meanwhile would go on in its old database.
        self.conference_must_be_stopped(&nodes)?;
        match self.use_on(&job.target, &nodes) {
            Ok(()) => job.note(format!("{} is the database of both nodes", job.target)),
            Err(error) => job.note(format!("{} was not assigned: {error}", job.target)),
        }
        self.ask_for_restart("external database merge: merge done", &nodes);
        for node in nodes {
            let name = self.node_name(node);
            let started = self.manage(&name, TC, ServiceAction::Start);
            job.note(match started {
                Ok(_) => format!("the Text Conference Manager of {name} is started"),
                Err(error) => format!("the Text Conference Manager of {name} was not: {error}"),
            });
        }
        Ok(())
    }
}
