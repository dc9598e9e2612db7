//! Leases, taken and given back by compare-and-set in a transaction of their own.

use super::{
    Deed, Done,
    conn::{Conn, Values},
    group::{Mark, Progress, forgotten},
    read::{self, lease_state},
    rows::number,
    sql,
    trouble::{Trouble, unreachable},
};
use crate::{Claim, Fence, LeaseGrant, LeaseState, NodeId, StoreError};

/// Carries out a deed on a lease.
pub(super) async fn run(
    conn: Conn<'_>,
    mark: Mark,
    deed: &Deed,
    progress: &mut Progress,
) -> Result<(), Trouble> {
    conn.say("BEGIN").await?;
    let marked: Values<'_> = &[&mark.writer, &mark.group];
    if conn.run(sql::WRITER_MARK, marked).await? != 1 {
        return Err(forgotten());
    }
    let done = match deed {
        Deed::Acquire { alias, host, claim } => acquire(conn, alias, *host, *claim).await?,
        Deed::Release(fence) => release(conn, fence).await?,
        Deed::Ping | Deed::Write { .. } => Done::Nothing,
    };
    progress.answers.push(Ok(done));
    progress.committing = true;
    conn.say("COMMIT").await
}

async fn acquire(conn: Conn<'_>, alias: &str, host: NodeId, claim: Claim) -> Result<Done, Trouble> {
    let LeaseState { held_by, epoch } = match conn.row(sql::LEASE_FOR_UPDATE, &[&alias]).await? {
        Some(row) => lease_state(&row, 0)?,
        None => {
            // Two who make it at once: one of them is told, and tries again.
            conn.run(sql::LEASE_CREATE, &[&alias]).await?;
            read::NOBODY
        }
    };
    if let (Claim::IfFree, Some(other)) = (claim, held_by)
        && other != host
    {
        let alias = alias.to_owned();
        return Err(StoreError::LeaseHeld {
            alias,
            held_by: other,
            epoch,
        }
        .into());
    }
    let fence = Fence {
        alias: alias.to_owned(),
        host,
        epoch: epoch + 1,
    };
    set(conn, &fence, Some(host), epoch).await?;
    Ok(Done::Granted(LeaseGrant {
        fence,
        taken_from: held_by,
    }))
}

async fn release(conn: Conn<'_>, fence: &Fence) -> Result<Done, Trouble> {
    let row = conn.row(sql::LEASE_FOR_UPDATE, &[&fence.alias]).await?;
    let there = row.map_or(Ok(read::NOBODY), |row| lease_state(&row, 0))?;
    there.check(fence)?;
    set(conn, fence, None, fence.epoch).await?;
    Ok(Done::Nothing)
}

async fn set(
    conn: Conn<'_>,
    fence: &Fence,
    held_by: Option<NodeId>,
    before: u64,
) -> Result<(), Trouble> {
    let held_by = held_by.map(|node| i32::from(node.0));
    let (epoch, before) = (number(fence.epoch), number(before));
    let values: Values<'_> = &[&fence.alias, &held_by, &epoch, &before];
    match conn.run(sql::LEASE_SET, values).await? {
        1 => Ok(()),
        _ => Err(Trouble::Again(unreachable(
            "somebody else changed the lease",
        ))),
    }
}
