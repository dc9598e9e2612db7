//! Carrying out the commands about external databases, rooms and notifications.

use std::fmt::Write as _;

use serde_json::{Value, json};
use takeover_protocols::jid::BareJid;
use takeover_protocols::muc::Affiliation;
use takeover_storage::{HistoryQuery, StoreError, message_line};

use super::chat_command::ChatCommand;
use super::reply::{Refusal, Reply};
use super::troubleshooter;
use crate::lab::{Control, LabError, MergeJob, Notification};

/// Messages that a search finds at the most: the newest.
const FOUND: usize = 200;
/// Lines of an export in one answer.
const LINES: usize = 2000;

/// Carries a command out.
///
/// # Errors
/// [`Refusal`].
pub(super) async fn execute(lab: &Control, command: ChatCommand) -> Result<Reply, Refusal> {
    match command {
        ChatCommand::Databases => databases(lab).await,
        ChatCommand::Assign { database, node } => {
            lab.assign_database(&database, &node)?;
            done(format!("{database} is assigned to {node}"))
        }
        ChatCommand::Use { database, node } => {
            lab.use_database(&database, &node)?;
            done(format!("the rooms of {node} are in {database}"))
        }
        ChatCommand::Merge {
            group,
            sources: [first, second],
            target,
        } => {
            // The job goes on by itself; what it is refused with later stands in its state.
            let _answer = lab.merge_databases(&group, [&first, &second], &target)?;
            done(format!(
                "merging {first} and {second} into {target} has begun"
            ))
        }
        ChatCommand::Jobs => Ok(jobs(&lab.merge_jobs())),
        ChatCommand::ChatHa { group, on: true } => {
            let enabled = lab.enable_chat_ha(&group)?;
            enabled.await.map_err(LabError::from)??;
            done(format!("the rooms of {group} move with their node"))
        }
        ChatCommand::ChatHa { group, on: false } => {
            lab.disable_chat_ha(&group)?;
            done(format!("the rooms of {group} stay with their node"))
        }
        ChatCommand::Notifications => Ok(notifications(&lab.notifications())),
        ChatCommand::Troubleshooter => {
            Ok(troubleshooter::report(&troubleshooter::examine(lab).await))
        }
        ChatCommand::Search { room, owner, words } => search(lab, &room, &owner, &words).await,
        ChatCommand::Export { room, after } => export(lab, &room, after).await,
    }
}

fn done(text: String) -> Result<Reply, Refusal> {
    let data = json!({ "done": text });
    Ok(Reply { text, data })
}

fn reply(text: &str, data: Value) -> Reply {
    Reply {
        text: text.trim_end().to_owned(),
        data,
    }
}

async fn databases(lab: &Control) -> Result<Reply, Refusal> {
    let (mut text, mut all) = (String::new(), Vec::new());
    for database in lab.databases() {
        let node = database.assigned.first().cloned().unwrap_or_default();
        let counts = match lab.chat_store(&database.name) {
            Some(store) => store.counts(None).await,
            None => continue,
        };
        let holds = match &counts {
            Ok(counts) => format!("{} rooms, {} messages", counts.rooms, counts.messages),
            Err(error) => error.to_string(),
        };
        let (assigned, used) = (database.assigned.join(", "), database.used.join(", "));
        let _ = writeln!(
            text,
            "{:<16} {:<10} assigned to {assigned}; used by {}; {holds}",
            database.name,
            database.info.kind.name(),
            if used.is_empty() { "nobody" } else { &used },
        );
        let counts = counts.ok();
        all.push(json!({
            "database": database.name,
            "type": database.info.kind,
            "place": database.info.place,
            "first_node": node,
            "assigned": database.assigned,
            "used": database.used,
            "reachable": counts.is_some(),
            "rooms": counts.map(|counts| counts.rooms),
            "messages": counts.map(|counts| counts.messages),
        }));
    }
    Ok(reply(&text, json!({ "databases": all })))
}

fn jobs(jobs: &[MergeJob]) -> Reply {
    let (mut text, mut all) = (String::new(), Vec::new());
    for job in jobs {
        let status = job.status();
        let [first, second] = &job.sources;
        let _ = writeln!(
            text,
            "{} {}: {first} and {second} into {}: {}, {:.1} %, {} of {} messages",
            job.number,
            job.group,
            job.target,
            status.phase.name(),
            status.percent(),
            status.messages_done,
            status.messages,
        );
        for line in job.afterwards() {
            let _ = writeln!(text, "    {line}");
        }
        all.push(json!({
            "number": job.number,
            "group": job.group,
            "sources": job.sources,
            "target": job.target,
            "begun_s": job.begun.as_secs_f64(),
            "percent": status.percent(),
            "status": status,
            "afterwards": job.afterwards(),
        }));
    }
    reply(&text, json!({ "jobs": all }))
}

fn notifications(active: &[Notification]) -> Reply {
    let mut text = String::new();
    let mut counts = std::collections::BTreeMap::new();
    let mut all = Vec::new();
    for one in active {
        let severity = one.severity.name();
        *counts.entry(severity).or_insert(0_u64) += 1;
        let _ = writeln!(text, "{} {severity}: {}", one.since, one.change);
        let mut data = json!({
            "change": one.change,
            "severity": severity,
            "since_s": one.since.as_secs_f64(),
        });
        if let Some(restart) = &one.restart {
            let command = restart.command();
            let (service, node) = (restart.service, &restart.node);
            let _ = writeln!(text, "    restart {} on {node}: {command}", service.name());
            data["node"] = json!(node);
            data["service"] = json!(service.short_name());
            data["command"] = json!(command);
        }
        all.push(data);
    }
    let count = |(severity, count): (&&str, &u64)| format!("{count} {severity}");
    let by_severity: Vec<String> = counts.iter().map(count).collect();
    let _ = match &by_severity[..] {
        [] => write!(text, "0 active"),
        some => write!(text, "{} active: {}", active.len(), some.join(", ")),
    };
    reply(&text, json!({ "notifications": all, "counts": counts }))
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NoSuchRoom { room } => Self::NoSuch {
                what: "room",
                name: room.to_string(),
                known: Vec::new(),
            },
            error if error.is_transient() => Self::Unavailable(error.to_string()),
            error => Self::Forbidden(error.to_string()),
        }
    }
}

/// What was said in a room, for an owner of it.
async fn search(
    lab: &Control,
    room: &BareJid,
    owner: &BareJid,
    words: &str,
) -> Result<Reply, Refusal> {
    let store = lab.database_of_room(room)?;
    let stored = store.room(room).await?;
    let stored = stored.ok_or_else(|| StoreError::NoSuchRoom { room: room.clone() })?;
    if stored.record.affiliation(owner) != Affiliation::Owner {
        let why = format!("{owner} is no owner of {room}; allowed: its owners");
        return Err(Refusal::Forbidden(why));
    }
    let page = store
        .history(room, HistoryQuery::search(words, FOUND))
        .await?;
    let mut text = String::new();
    for entry in &page.entries {
        let body = takeover_storage::text_of(entry).unwrap_or_default();
        let _ = writeln!(
            text,
            "{:>8}  {}  {}: {body}",
            entry.seq, entry.at, entry.nick
        );
    }
    let more = if page.complete { "" } else { " and older ones" };
    let _ = write!(text, "{} messages{more}", page.entries.len());
    let found: Vec<Value> = page.entries.iter().map(message_line).collect();
    Ok(reply(
        &text,
        json!({ "messages": found, "complete": page.complete }),
    ))
}

/// A room as JSON lines; `next` in the data says where to go on.
async fn export(lab: &Control, room: &BareJid, after: Option<String>) -> Result<Reply, Refusal> {
    let mut export = lab.export_room(room)?;
    if let Some(after) = after {
        let number = after
            .parse()
            .map_err(|_| Refusal::NotUnderstood(format!("{after:?} is no number of a message")))?;
        export = export.behind(number);
    }
    let (mut lines, mut next) = (Vec::new(), None);
    while let Some(line) = export.next_line().await? {
        lines.push(line);
        if lines.len() >= LINES
            && let Some(last) = export.last_message()
        {
            next = Some(last);
            break;
        }
    }
    Ok(reply(
        &lines.join("\n"),
        json!({ "lines": lines.len(), "next": next }),
    ))
}
