//! A group of writes in one transaction: fences first, messages of all rooms in one statement,
//! everything else behind a savepoint of its own.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::{join, join3, join4};
use jid::BareJid;
use takeover_protocols::muc::{HistoryEntry, RoomWrite};
use tokio_postgres::Statement;

use super::{
    Deed, Done, careful,
    conn::{Conn, Values},
    read::{self, lease_state},
    rows::{name_of, number, room_named, unsigned, words_of},
    sql,
    trouble::{Trouble, unreachable},
};
use crate::{LeaseState, StoreError};

/// What each of a group's writes is answered.
pub(super) type Answers = Vec<Result<Done, StoreError>>;

/// How far a transaction has come.
#[derive(Default)]
pub(super) struct Progress {
    /// What the deeds will be answered, if it is committed.
    pub(super) answers: Answers,
    /// The word `COMMIT` is on its way: who hears no more does not know.
    pub(super) committing: bool,
}

/// Who writes, and the number of the group: kept in the database with the group itself, so that
/// it can be asked for later.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    pub(super) writer: i64,
    pub(super) group: i64,
}

/// Number of a room in the database, its last message's number, and how many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) room: i64,
    pub(super) last_seq: u64,
    pub(super) messages: u64,
}

impl Tally {
    /// Counts one more message; `false` if it does not stand behind the last one.
    pub(super) fn take(&mut self, seq: u64) -> bool {
        let behind = seq > self.last_seq;
        if behind {
            self.last_seq = seq;
            self.messages += 1;
        }
        behind
    }
}

/// A message on its way into the database.
pub(super) struct Line<'j> {
    pub(super) room: i64,
    pub(super) said: &'j HistoryEntry,
    pub(super) words: String,
}

impl<'j> Line<'j> {
    pub(super) fn of(room: i64, said: &'j HistoryEntry) -> Self {
        let words = words_of(said);
        Self { room, said, words }
    }
}

/// Carries a group out.
pub(super) async fn run(
    conn: Conn<'_>,
    mark: Mark,
    deeds: &[&Deed],
    progress: &mut Progress,
) -> Result<(), Trouble> {
    let mut group = Group::begin(conn, mark, deeds).await?;
    for deed in deeds {
        let answer = group.carry_out(deed).await?;
        progress.answers.push(answer);
    }
    progress.committing = true;
    group.commit().await
}

/// What a writer hears whose name is no longer in the database.
pub(super) fn forgotten() -> Trouble {
    Trouble::Again(unreachable("this writer is forgotten"))
}

struct Group<'c, 'j> {
    conn: Conn<'c>,
    leases: BTreeMap<String, LeaseState>,
    rooms: BTreeMap<BareJid, Tally>,
    /// Messages that are to be inserted, and the rooms that they change.
    lines: Vec<Line<'j>>,
    changed: BTreeSet<BareJid>,
}

impl<'c, 'j> Group<'c, 'j> {
    /// Opens the transaction, holds the leases in place, and reads the rooms; one round trip.
    async fn begin(conn: Conn<'c>, mark: Mark, deeds: &[&'j Deed]) -> Result<Self, Trouble> {
        let (mut aliases, mut names) = (BTreeSet::new(), BTreeSet::new());
        for deed in deeds {
            if let Deed::Write { fence, room, .. } = deed {
                aliases.insert(fence.alias.as_str());
                names.insert(name_of(room));
            }
        }
        let (aliases, names) = (Vec::from_iter(aliases), Vec::from_iter(names));
        let mark_group = conn.prepare(sql::WRITER_MARK).await?;
        let fence = conn.prepare(sql::FENCE).await?;
        let named = conn.prepare(sql::ROOMS_NAMED).await?;
        let (begun, marked, leases, rooms) = join4(
            conn.say("BEGIN"),
            conn.run_prepared(&mark_group, &[&mark.writer, &mark.group]),
            conn.rows_of(&fence, &[&aliases]),
            conn.rows_of(&named, &[&aliases, &names]),
        )
        .await;
        begun?;
        if marked? != 1 {
            return Err(forgotten());
        }
        let mut group = Self {
            conn,
            leases: BTreeMap::new(),
            rooms: BTreeMap::new(),
            lines: Vec::new(),
            changed: BTreeSet::new(),
        };
        for row in leases? {
            group.leases.insert(row.try_get(0)?, lease_state(&row, 1)?);
        }
        for row in rooms? {
            let room = room_named(row.try_get(0)?, row.try_get(1)?)?;
            let tally = Tally {
                room: row.try_get(2)?,
                last_seq: unsigned(row.try_get(3)?),
                messages: unsigned(row.try_get(4)?),
            };
            group.rooms.insert(room, tally);
        }
        Ok(group)
    }

    async fn carry_out(&mut self, deed: &'j Deed) -> Result<Result<Done, StoreError>, Trouble> {
        let Deed::Write {
            fence,
            room,
            writes,
        } = deed
        else {
            return Ok(Ok(Done::Nothing));
        };
        let lease = self.leases.get(&fence.alias).unwrap_or(&read::NOBODY);
        if let Err(fenced) = lease.check(fence) {
            return Ok(Err(fenced));
        }
        if self.say_plainly(room, writes) {
            return Ok(Ok(Done::Nothing));
        }
        // What follows looks at the database, so it has to be up to date.
        self.flush().await?;
        self.conn.say("SAVEPOINT one").await?;
        match self.say_carefully(room, writes).await {
            Ok(()) => {
                self.conn.say("RELEASE SAVEPOINT one").await?;
                Ok(Ok(Done::Nothing))
            }
            Err(Trouble::Refused(error)) => {
                self.conn.say("ROLLBACK TO SAVEPOINT one").await?;
                Ok(Err(error))
            }
            Err(trouble) => Err(trouble),
        }
    }

    /// Takes messages that are plainly new; `false`, and nothing is taken, if it is not just that.
    fn say_plainly(&mut self, room: &BareJid, writes: &'j [std::sync::Arc<RoomWrite>]) -> bool {
        if writes.is_empty() {
            return true;
        }
        let Some(&tally) = self.rooms.get(room) else {
            return false;
        };
        let mut after = tally;
        let mut lines = Vec::with_capacity(writes.len());
        for write in writes {
            match &**write {
                RoomWrite::Message(said) if after.take(said.seq) => {
                    lines.push(Line::of(tally.room, said));
                }
                _ => return false,
            }
        }
        self.lines.append(&mut lines);
        self.rooms.insert(room.clone(), after);
        self.changed.insert(room.clone());
        true
    }

    /// One write after the other; messages that follow upon one another go together, as those behind
    /// the making of a room do.
    async fn say_carefully(
        &mut self,
        room: &BareJid,
        writes: &'j [std::sync::Arc<RoomWrite>],
    ) -> Result<(), Trouble> {
        let mut tally = self.rooms.get(room).copied();
        let mut lines = Vec::new();
        for write in writes {
            match (&**write, &mut tally) {
                (RoomWrite::Message(said), Some(tally)) if said.seq > tally.last_seq => {
                    tally.take(said.seq);
                    lines.push(Line::of(tally.room, said));
                }
                (write, tally) => {
                    append_run(self.conn, &mut lines, *tally).await?;
                    careful::write(self.conn, room, tally, write).await?;
                }
            }
        }
        append_run(self.conn, &mut lines, tally).await?;
        match tally {
            Some(tally) => self.rooms.insert(room.clone(), tally),
            None => self.rooms.remove(room),
        };
        Ok(())
    }

    fn tallies(&mut self) -> Vec<Tally> {
        let changed = std::mem::take(&mut self.changed);
        changed
            .iter()
            .filter_map(|room| self.rooms.get(room).copied())
            .collect()
    }

    async fn flush(&mut self) -> Result<(), Trouble> {
        let (lines, tallies) = (std::mem::take(&mut self.lines), self.tallies());
        if !lines.is_empty() {
            append(self.conn, &lines, &tallies).await?;
        }
        Ok(())
    }

    /// The rest of the messages and the commit, in one round trip. A server that refuses the
    /// messages makes a rollback of the commit.
    async fn commit(mut self) -> Result<(), Trouble> {
        let (lines, tallies) = (std::mem::take(&mut self.lines), self.tallies());
        if lines.is_empty() {
            return self.conn.say("COMMIT").await;
        }
        let statements = Statements::prepare(self.conn).await?;
        let (inserted, counted, committed) = join3(
            statements.insert(self.conn, &lines),
            statements.count(self.conn, &tallies),
            self.conn.say("COMMIT"),
        )
        .await;
        inserted.and(counted).and(committed)
    }
}

/// Appends the messages of a run to their one room, which has counted them, and empties the run.
async fn append_run(
    conn: Conn<'_>,
    lines: &mut Vec<Line<'_>>,
    tally: Option<Tally>,
) -> Result<(), Trouble> {
    match (std::mem::take(lines), tally) {
        (lines, Some(tally)) if !lines.is_empty() => append(conn, &lines, &[tally]).await,
        _ => Ok(()),
    }
}

/// Appends messages to their rooms, whose tallies they change.
pub(super) async fn append(
    conn: Conn<'_>,
    lines: &[Line<'_>],
    tallies: &[Tally],
) -> Result<(), Trouble> {
    let statements = Statements::prepare(conn).await?;
    let (inserted, counted) = join(
        statements.insert(conn, lines),
        statements.count(conn, tallies),
    )
    .await;
    inserted.and(counted)
}

/// What it takes to append messages.
struct Statements {
    insert: Statement,
    count: Statement,
}

impl Statements {
    async fn prepare(conn: Conn<'_>) -> Result<Self, Trouble> {
        Ok(Self {
            insert: conn.prepare(sql::MESSAGES_INSERT).await?,
            count: conn.prepare(sql::ROOMS_TALLY).await?,
        })
    }

    /// Inserts messages of any rooms by one statement.
    async fn insert(&self, conn: Conn<'_>, lines: &[Line<'_>]) -> Result<(), Trouble> {
        let said = || lines.iter().map(|line| line.said);
        let rooms: Vec<i64> = lines.iter().map(|line| line.room).collect();
        let seqs: Vec<i64> = said().map(|said| number(said.seq)).collect();
        let ats: Vec<i64> = said().map(|said| said.at.as_millis()).collect();
        let nicks: Vec<&str> = said().map(|said| said.nick.as_str()).collect();
        let senders: Vec<&str> = said().map(|said| said.from.as_str()).collect();
        let ids: Vec<Option<&str>> = said().map(|said| said.id.as_deref()).collect();
        let stanzas: Vec<&[u8]> = said().map(|said| &*said.stanza).collect();
        let words: Vec<&str> = lines.iter().map(|line| line.words.as_str()).collect();
        let values: Values<'_> = &[
            &rooms, &seqs, &ats, &nicks, &senders, &ids, &stanzas, &words,
        ];
        conn.run_prepared(&self.insert, values).await.map(drop)
    }

    /// Writes down how many messages rooms have.
    async fn count(&self, conn: Conn<'_>, tallies: &[Tally]) -> Result<(), Trouble> {
        let rooms: Vec<i64> = tallies.iter().map(|tally| tally.room).collect();
        let last: Vec<i64> = tallies.iter().map(|tally| number(tally.last_seq)).collect();
        let messages: Vec<i64> = tallies.iter().map(|tally| number(tally.messages)).collect();
        let values: Values<'_> = &[&rooms, &last, &messages];
        conn.run_prepared(&self.count, values).await.map(drop)
    }
}
