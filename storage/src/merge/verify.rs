//! Looking before anything is written (MRG-1, MRG-2): types, schemas, privileges, leases, room.

use std::collections::BTreeSet;

use super::{Leases, MERGEABLE, MERGER, Merge, MergeError, Part, Phase};
use crate::Counts;

/// What was found by verifying.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Aliases that a source has rooms of, in order.
    pub aliases: Vec<String>,
    /// How much there is in each source.
    pub counts: [Counts; 2],
    /// The epoch of each alias in each source.
    pub epochs: Vec<(Part, String, u64)>,
    /// Bytes that the sources take as records.
    pub bytes: u64,
    /// Bytes of records that the target has room for, if it can know.
    pub free: Option<u64>,
}

const ALL: [Part; 3] = [Part::First, Part::Second, Part::Target];

impl Merge {
    /// Looks whether the merge can be done, and changes nothing (MRG-1, MRG-2).
    ///
    /// # Errors
    /// [`MergeError`] names the first thing that stands in the way.
    pub async fn verify(&self) -> Result<Verified, MergeError> {
        self.watch.change(|status| status.phase = Phase::Verifying);
        self.check_types()?;
        for part in ALL {
            let version = self.store(part).verify().await;
            version.map_err(self.failed(part))?;
        }
        let bytes = self.check_means().await?;
        let mut aliases = BTreeSet::new();
        let mut counts = [Counts::default(); 2];
        let mut epochs = Vec::new();
        for (part, count) in Part::SOURCES.into_iter().zip(&mut counts) {
            let all = self.store(part).aliases().await;
            let all = all.map_err(self.failed(part))?;
            for alias in all {
                let of_alias = self.store(part).counts(Some(&alias)).await;
                let of_alias = of_alias.map_err(self.failed(part))?;
                let epoch = self.check_lease(part, &alias).await?;
                epochs.push((part, alias.clone(), epoch));
                if of_alias.rooms > 0 {
                    count.rooms += of_alias.rooms;
                    count.messages += of_alias.messages;
                    count.affiliations += of_alias.affiliations;
                    aliases.insert(alias);
                }
            }
        }
        for alias in &aliases {
            self.check_lease(Part::Target, alias).await?;
        }
        Ok(Verified {
            aliases: aliases.into_iter().collect(),
            counts,
            epochs,
            bytes: bytes.0,
            free: bytes.1,
        })
    }

    fn check_types(&self) -> Result<(), MergeError> {
        let [first, second, target] = ALL.map(|part| self.store(part).info());
        for (part, info) in ALL.into_iter().zip([&first, &second, &target]) {
            let kind = info.kind;
            if !MERGEABLE.contains(&kind) {
                return Err(MergeError::TypeNotMergeable { part, kind });
            }
        }
        for (part, info) in Part::SOURCES.into_iter().zip([&first, &second]) {
            if info.kind != target.kind {
                return Err(MergeError::DifferentTypes {
                    part,
                    kind: info.kind,
                    target: target.kind,
                });
            }
        }
        let pairs = [
            (Part::First, &first, Part::Second, &second),
            (Part::First, &first, Part::Target, &target),
            (Part::Second, &second, Part::Target, &target),
        ];
        for (a, database, b, other) in pairs {
            if database == other {
                let database = database.clone();
                return Err(MergeError::SameDatabase { a, b, database });
            }
        }
        Ok(())
    }

    /// Privileges and room: how many bytes the sources take, and how many more the target can.
    async fn check_means(&self) -> Result<(u64, Option<u64>), MergeError> {
        let mut used = 0;
        for part in Part::SOURCES {
            let means = self.store(part).means().await;
            used += means.map_err(self.failed(part))?.used;
        }
        let database = self.target.info();
        let target = self
            .target
            .means()
            .await
            .map_err(self.failed(Part::Target))?;
        if !target.may_create {
            return Err(MergeError::MayNotCreate { database });
        }
        // What an earlier run has written is not written again.
        let needed = used.saturating_sub(target.used);
        match target.free {
            Some(free) if free < needed => Err(MergeError::NoRoom {
                database,
                needed,
                free,
            }),
            free => Ok((used, free)),
        }
    }

    /// Nobody holds the rooms of an alias, or nobody who counts; the epoch of the last who did.
    async fn check_lease(&self, part: Part, alias: &str) -> Result<u64, MergeError> {
        let lease = self.store(part).lease(alias).await;
        let lease = lease.map_err(self.failed(part))?;
        match lease.held_by {
            Some(holder) if holder != MERGER && self.options.leases == Leases::Respect => {
                Err(MergeError::Leased {
                    part,
                    database: self.store(part).info(),
                    alias: alias.to_owned(),
                    holder: holder.to_string(),
                })
            }
            Some(_) | None => Ok(lease.epoch),
        }
    }

    /// Nobody has taken the rooms of a source since they were verified.
    pub(super) async fn check_epochs(&self, verified: &Verified) -> Result<(), MergeError> {
        for (part, alias, epoch) in &verified.epochs {
            let lease = self.store(*part).lease(alias).await;
            let lease = lease.map_err(self.failed(*part))?;
            if lease.epoch != *epoch {
                return Err(MergeError::Taken {
                    part: *part,
                    database: self.store(*part).info(),
                    alias: alias.clone(),
                    holder: lease
                        .held_by
                        .map_or_else(|| "somebody".to_owned(), |node| node.to_string()),
                });
            }
        }
        Ok(())
    }
}
