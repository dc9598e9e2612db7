//! One room: copied where one source has it, joined where both have (MRG-2).
//!
//! Of two lives of a room the *later* one, in which something was said last (else the one created
//! later, else the first source's), decides the configuration and what it says of a user. Users that
//! only the other life lists keep their affiliation. A nickname reserved for two users stays with the
//! one whom the later life knows. The subject is the one that was set last; the room was created
//! when the earlier life was.

use jid::BareJid;
use takeover_protocols::{
    datetime::Timestamp,
    muc::{HistoryEntry, RoomRecord},
};

use super::{Merge, MergeError, Part, Report, join::Join, pages::Pages, write::Writer};
use crate::{Fence, HistoryQuery, StoredRoom};

/// Where the subject of a joined room stands.
struct Subject {
    /// Which source has set it, and as which message; `None` where it is in no history.
    message: Option<(usize, u64)>,
    entry: HistoryEntry,
}

impl Merge {
    /// Merges one room of a source. One of the second that the first has, too, is done already.
    pub(super) async fn merge_room(
        &self,
        part: Part,
        room: BareJid,
        fence: &Fence,
    ) -> Result<Report, MergeError> {
        let first = self.stored(Part::First, &room).await?;
        let second = self.stored(Part::Second, &room).await?;
        match (part, first, second) {
            (Part::First, Some(first), Some(second)) => {
                self.join_room([first, second], fence).await
            }
            (Part::First, Some(stored), None) | (Part::Second, None, Some(stored)) => {
                self.copy_room(part, stored, fence).await
            }
            // Done with the first source, or gone since it was listed.
            (Part::First | Part::Second | Part::Target, _, _) => Ok(Report::default()),
        }
    }

    async fn stored(&self, part: Part, room: &BareJid) -> Result<Option<StoredRoom>, MergeError> {
        let stored = self.store(part).room(room).await;
        stored.map_err(self.failed(part))
    }

    async fn copy_room(
        &self,
        part: Part,
        stored: StoredRoom,
        fence: &Fence,
    ) -> Result<Report, MergeError> {
        let record = stored.record;
        let source = self.store(part).clone();
        let mut pages = Pages::new(source, record.jid.clone(), self.options.page);
        let mut writer = Writer::begin(self, fence, record.clone()).await?;
        let mut report = Report {
            rooms: 1,
            ..Report::default()
        };
        loop {
            let page = pages.take().await.map_err(self.failed(part))?;
            let count = page.len() as u64;
            if count == 0 {
                break;
            }
            let found = writer.found;
            for entry in page {
                writer.put(entry, false).await?;
            }
            report.messages += count;
            self.tell(0, count, 0, writer.found - found);
        }
        let found = writer.found;
        writer.finish(record).await?;
        self.tell(1, 0, 0, writer.found - found);
        report.found = writer.found;
        Ok(report)
    }

    async fn join_room(&self, lives: [StoredRoom; 2], fence: &Fence) -> Result<Report, MergeError> {
        let room = lives[0].record.jid.clone();
        let subject = self.subject(&lives).await?;
        let message = subject.as_ref().and_then(|subject| subject.message);
        let later = self.later(&lives).await?;
        let mut record = joined(lives, later);
        // One that is in no history has no number there, and so no stable id.
        record.subject = match (&subject, message) {
            (Some(subject), None) => Some(subject.entry.unnumbered()),
            (Some(_), Some(_)) | (None, _) => None,
        };
        let mut join = Join::new(&self.sources, &room, self.options.page);
        let mut writer = Writer::begin(self, fence, record.clone()).await?;
        let mut report = Report {
            rooms: 1,
            joined: 1,
            ..Report::default()
        };
        loop {
            let instant = join.next(|part, error| self.failed(part)(error)).await?;
            if instant.is_empty() {
                break;
            }
            let (found, mut doubles) = (writer.found, 0);
            let said = instant.len() as u64;
            for joined in instant {
                doubles += u64::from(joined.seqs.iter().all(Option::is_some));
                let sets = message.is_some_and(|(source, seq)| joined.seqs[source] == Some(seq));
                let entry = joined.entry.renumbered(&room, writer.next_seq());
                if sets {
                    record.subject = Some(entry.clone());
                }
                writer.put(entry, sets).await?;
            }
            report.messages += said;
            report.doubles += doubles;
            self.tell(0, said + doubles, doubles, writer.found - found);
        }
        let found = writer.found;
        writer.finish(record).await?;
        self.tell(2, 0, 0, writer.found - found);
        report.found = writer.found;
        Ok(report)
    }

    /// Tells those who look on.
    fn tell(&self, rooms: u64, messages: u64, doubles: u64, found: u64) {
        self.watch.change(|status| {
            status.rooms_done += rooms;
            status.messages_done += messages;
            status.doubles += doubles;
            status.found += found;
        });
    }

    /// Which of two lives is the later one.
    async fn later(&self, lives: &[StoredRoom; 2]) -> Result<usize, MergeError> {
        let room = &lives[0].record.jid;
        let mut last: [Option<Timestamp>; 2] = [None; 2];
        for (part, last) in Part::SOURCES.into_iter().zip(&mut last) {
            let page = self.store(part).history(room, HistoryQuery::last(1)).await;
            let page = page.map_err(self.failed(part))?;
            *last = page.entries.first().map(|entry| entry.at);
        }
        let rank = |life: usize| (last[life], lives[life].record.created);
        Ok(usize::from(rank(1) > rank(0)))
    }

    /// The subject that was set last.
    async fn subject(&self, lives: &[StoredRoom; 2]) -> Result<Option<Subject>, MergeError> {
        let set = |life: usize| {
            let subject = lives[life].record.subject.clone();
            subject.map(|entry| (life, entry))
        };
        // The second one where both are equally late would be a double of the first.
        let last = [set(1), set(0)].into_iter().flatten();
        let Some((life, entry)) = last.max_by_key(|(_, entry)| entry.at) else {
            return Ok(None);
        };
        let part = Part::SOURCES[life];
        let there = self
            .store(part)
            .entry(&lives[life].record.jid, entry.seq)
            .await;
        let there = there.map_err(self.failed(part))?;
        let message = (there.as_ref() == Some(&entry)).then_some((life, entry.seq));
        Ok(Some(Subject { message, entry }))
    }
}

/// One record of two lives; its subject is for the caller to set.
fn joined(lives: [StoredRoom; 2], later: usize) -> RoomRecord {
    let [first, second] = lives.map(|life| life.record);
    let (mut record, other) = match later {
        0 => (first, second),
        _ => (second, first),
    };
    record.created = record.created.min(other.created);
    record.subject = None;
    for (user, mut entry) in other.affiliations {
        if record.affiliations.contains_key(&user) {
            continue;
        }
        let taken = |nick: &String| record.reserved_for(nick).is_some();
        entry.nick = entry.nick.filter(|nick| !taken(nick));
        record.affiliations.insert(user, entry);
    }
    record
}
