//! The writer: takes what waits, in order, a group at a time, and knows of each whether it is there.
//!
//! One group is under way at a time, so writes of a room keep the order they were asked for in; a
//! busy database makes groups larger. A commit whose answer is lost is looked for: every group
//! leaves its number in the database with what it writes, so the number tells.

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
};

use deadpool_postgres::Client;
use tokio::sync::{mpsc, oneshot};

use super::{
    Deed, Done, KIND,
    conn::Conn,
    group::{self, Answers, Mark, Progress},
    lease,
    link::Link,
    rows::strange,
    sql,
    trouble::Trouble,
};
use crate::StoreError;

/// Deeds that share a transaction at most.
const GROUP: usize = 256;
/// Writes in them, at most.
const WRITES: usize = 4096;

/// A deed, and whoever waits for its outcome.
pub(super) struct Job {
    pub(super) deed: Deed,
    pub(super) reply: oneshot::Sender<Result<Done, StoreError>>,
}

/// How much was written since the database was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PostgresTraffic {
    /// Writes, leases and pings asked for.
    pub writes: u64,
    /// Transactions that carried them.
    pub groups: u64,
    /// Groups begun anew because their connection was cut, or another transaction was in the way.
    pub repeated: u64,
    /// Commits whose answer was lost, and about which the database was asked.
    pub doubted: u64,
}

#[derive(Default)]
pub(super) struct Counters {
    /// Requests that wait.
    pub(super) waiting: AtomicUsize,
    writes: AtomicU64,
    groups: AtomicU64,
    repeated: AtomicU64,
    doubted: AtomicU64,
}

impl Counters {
    pub(super) fn traffic(&self) -> PostgresTraffic {
        PostgresTraffic {
            writes: self.writes.load(Relaxed),
            groups: self.groups.load(Relaxed),
            repeated: self.repeated.load(Relaxed),
            doubted: self.doubted.load(Relaxed),
        }
    }
}

/// The writer of one database instance.
pub(super) struct Writer {
    link: Arc<Link>,
    counters: Arc<Counters>,
    mark: Option<Mark>,
    /// The first deed of the next group, which did not fit into the last one.
    held: Option<Job>,
}

/// How a transaction ended.
enum End {
    /// Durable; nothing of what is answered with an error was done.
    Committed(Answers),
    /// These would be the answers, but that of the commit was lost.
    Unknown(Answers, String),
}

/// Carries deeds out in a transaction of their own.
async fn transaction(
    client: &Client,
    mark: Mark,
    deeds: &[&Deed],
    progress: &mut Progress,
) -> Result<(), Trouble> {
    match deeds {
        [deed] if !deed.is_write() => lease::run(Conn(client), mark, deed, progress).await,
        deeds => group::run(Conn(client), mark, deeds, progress).await,
    }
}

/// Whether a commit happened.
enum Outcome {
    Done,
    NotDone,
    Unknown,
}

impl Writer {
    pub(super) fn new(link: Arc<Link>, counters: Arc<Counters>) -> Self {
        Self {
            link,
            counters,
            mark: None,
            held: None,
        }
    }

    /// Writes until nobody can ask any more and nothing waits.
    pub(super) async fn run(mut self, mut jobs: mpsc::UnboundedReceiver<Job>) {
        loop {
            let first = match self.held.take() {
                Some(held) => Some(held),
                None => jobs.recv().await,
            };
            let Some(first) = first else { return };
            let group = self.gather(first, &mut jobs);
            self.counters.waiting.fetch_sub(group.len(), Relaxed);
            self.counters.writes.fetch_add(group.len() as u64, Relaxed);
            self.write(group).await;
        }
    }

    /// Deeds on leases stand alone; writes to rooms share a group.
    fn gather(&mut self, first: Job, jobs: &mut mpsc::UnboundedReceiver<Job>) -> Vec<Job> {
        let mut writes = first.deed.size();
        let mut group = vec![first];
        while group[0].deed.is_write() && group.len() < GROUP && writes < WRITES {
            let Ok(next) = jobs.try_recv() else { break };
            if !next.deed.is_write() {
                self.held = Some(next);
                break;
            }
            writes += next.deed.size();
            group.push(next);
        }
        group
    }

    async fn write(&mut self, group: Vec<Job>) {
        let (deeds, replies): (Vec<_>, Vec<_>) = group
            .into_iter()
            .map(|Job { deed, reply }| (deed, reply))
            .unzip();
        let deeds: Vec<&Deed> = deeds.iter().collect();
        let answers = match self.carry_out(&deeds).await {
            Ok(answers) => answers,
            // One of them is to blame: each for itself.
            Err(StoreError::Broken { .. }) if deeds.len() > 1 => {
                let mut answers = Answers::with_capacity(deeds.len());
                for deed in deeds {
                    let alone = self.carry_out(&[deed]).await;
                    answers.push(alone.and_then(|mut one| one.pop().unwrap_or(Ok(Done::Nothing))));
                }
                answers
            }
            Err(error) => deeds.iter().map(|_| Err(error.clone())).collect(),
        };
        for (reply, answer) in replies.into_iter().zip(answers) {
            // A caller that has gone away does not want to know.
            drop(reply.send(answer));
        }
    }

    /// Carries a group out as one transaction: all of it is durable when this answers, or none.
    async fn carry_out(&mut self, deeds: &[&Deed]) -> Result<Answers, StoreError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let trouble = match self.attempt(deeds).await {
                Ok(End::Committed(answers)) => return Ok(answers),
                Ok(End::Unknown(answers, reason)) => match self.resolve().await {
                    Outcome::Done => return Ok(answers),
                    Outcome::NotDone => Trouble::Lost(reason),
                    Outcome::Unknown => {
                        return Err(StoreError::AnswerLost {
                            engine: KIND,
                            reason,
                        });
                    }
                },
                Err(trouble) => trouble,
            };
            if tries == self.link.tries() || matches!(trouble, Trouble::Refused(_)) {
                return Err(trouble.into_error());
            }
            self.counters.repeated.fetch_add(1, Relaxed);
        }
    }

    async fn attempt(&mut self, deeds: &[&Deed]) -> Result<End, Trouble> {
        let link = Arc::clone(&self.link);
        let client = link.connection().await?;
        let mut progress = Progress::default();
        let done = match link.limited(self.next_mark(&client)).await {
            Ok(mark) => {
                self.counters.groups.fetch_add(1, Relaxed);
                let transaction = transaction(&client, mark, deeds, &mut progress);
                link.limited(transaction).await
            }
            Err(trouble) => Err(trouble),
        };
        let trouble = match done {
            Ok(()) => return Ok(End::Committed(progress.answers)),
            Err(trouble) => trouble,
        };
        link.clear_up(client, &trouble).await;
        match trouble {
            Trouble::Lost(reason) if progress.committing => {
                Ok(End::Unknown(progress.answers, reason))
            }
            Trouble::Again(_) => {
                self.mark = None;
                Err(trouble)
            }
            Trouble::Lost(_) | Trouble::Refused(_) => Err(trouble),
        }
    }

    /// The mark of the next group; the first time, this writer's number is fetched.
    async fn next_mark(&mut self, client: &Client) -> Result<Mark, Trouble> {
        let conn = Conn(client);
        let mark = match self.mark {
            Some(Mark { writer, group }) => Mark {
                writer,
                group: group + 1,
            },
            None => {
                conn.run(sql::WRITER_FORGET, &[]).await?;
                let row = conn.row(sql::WRITER_CREATE, &[]).await?;
                let row = row.ok_or_else(|| strange("naming a writer", "it has no number"))?;
                Mark {
                    writer: row.try_get(0)?,
                    group: 1,
                }
            }
        };
        self.mark = Some(mark);
        Ok(mark)
    }

    /// Asks whether the last group is in the database; an older transaction of ours that is still
    /// being committed is waited for.
    async fn resolve(&mut self) -> Outcome {
        self.counters.doubted.fetch_add(1, Relaxed);
        let Some(mark) = self.mark else {
            return Outcome::NotDone;
        };
        let (mut wait, longest) = self.link.options().back_off;
        for _ in 0..self.link.options().resolve {
            match self.look_for(mark).await {
                Ok(Some(last)) if last >= mark.group => return Outcome::Done,
                Ok(Some(_)) => return Outcome::NotDone,
                // Forgotten: nobody can tell any more.
                Ok(None) => break,
                Err(error) => tracing::debug!(%error, "the outcome of a commit is not known yet"),
            }
            self.link.pause(wait).await;
            wait = (wait * 2).min(longest);
        }
        self.mark = None;
        Outcome::Unknown
    }

    async fn look_for(&self, mark: Mark) -> Result<Option<i64>, StoreError> {
        let client = self.link.connect().await?;
        let asked = self
            .link
            .limited(async { Conn(&client).row(sql::WRITER_LAST, &[&mark.writer]).await });
        let row = asked.await.map_err(Trouble::into_error)?;
        let last = row.map(|row| row.try_get(0)).transpose();
        last.map_err(|error| Trouble::from(error).into_error())
    }
}
