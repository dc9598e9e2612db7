//! The commands about external databases, persistent chat, rooms, notifications and the troubleshooter.

use takeover_protocols::jid::BareJid;

/// Commands about the rooms of a deployment and where they are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChatCommand {
    /// Print every external database, its nodes and what it holds.
    Databases,
    /// Assign a database to a node, beside those it has.
    Assign {
        /// The database.
        database: String,
        /// The node.
        node: String,
    },
    /// Put the rooms of a node into a database that is assigned to it.
    Use {
        /// The database.
        database: String,
        /// The node.
        node: String,
    },
    /// Merge two databases of a group into a third (MRG-1 to MRG-4).
    Merge {
        /// The presence redundancy group.
        group: String,
        /// The sources.
        sources: [String; 2],
        /// The target.
        target: String,
    },
    /// Print the merges with their state and progress.
    Jobs,
    /// Switch persistent-chat HA of a group on (CHAT-6) or off.
    ChatHa {
        /// The presence redundancy group.
        group: String,
        /// On, or off.
        on: bool,
    },
    /// Print the active notifications, newest first, with the restart that ends each (CFG-2).
    Notifications,
    /// Examine the deployment (chapter 6, *System troubleshooter*).
    Troubleshooter,
    /// Search what was said in a room, for one of its owners.
    Search {
        /// The room.
        room: BareJid,
        /// Who asks: an owner of the room.
        owner: BareJid,
        /// Words that a message must hold, all of them.
        words: String,
    },
    /// Print a room as JSON lines, a part at a time.
    Export {
        /// The room.
        room: BareJid,
        /// Go on behind this message.
        after: Option<String>,
    },
}

/// The forms of these commands.
pub(super) const CHAT_FORMS: [&str; 11] = [
    "show notifications",
    "show troubleshooter",
    "show room search ROOM OWNER WORD",
    "show room export ROOM [AFTER]",
    "utils database list",
    "utils database assign DATABASE NODE",
    "utils database use DATABASE NODE",
    "utils database merge GROUP SOURCE SOURCE TARGET",
    "utils database jobs",
    "utils chat enable GROUP",
    "utils chat disable GROUP",
];

/// Understands the words of a command; `None` if it is none of these.
pub(super) fn parse(parts: &[&str]) -> Option<ChatCommand> {
    let own = |word: &str| word.to_owned();
    match *parts {
        ["show", "notifications"] => Some(ChatCommand::Notifications),
        ["show", "troubleshooter"] => Some(ChatCommand::Troubleshooter),
        ["show", "room", "search", room, owner, ref words @ ..] if !words.is_empty() => {
            Some(ChatCommand::Search {
                room: BareJid::new(room).ok()?,
                owner: BareJid::new(owner).ok()?,
                words: words.join(" "),
            })
        }
        ["show", "room", "export", room] => Some(ChatCommand::Export {
            room: BareJid::new(room).ok()?,
            after: None,
        }),
        ["show", "room", "export", room, after] => Some(ChatCommand::Export {
            room: BareJid::new(room).ok()?,
            after: Some(own(after)),
        }),
        ["utils", "database", "list"] => Some(ChatCommand::Databases),
        ["utils", "database", "jobs"] => Some(ChatCommand::Jobs),
        ["utils", "database", "assign", database, node] => Some(ChatCommand::Assign {
            database: own(database),
            node: own(node),
        }),
        ["utils", "database", "use", database, node] => Some(ChatCommand::Use {
            database: own(database),
            node: own(node),
        }),
        ["utils", "database", "merge", group, first, second, target] => Some(ChatCommand::Merge {
            group: own(group),
            sources: [own(first), own(second)],
            target: own(target),
        }),
        ["utils", "chat", "enable", group] => Some(ChatCommand::ChatHa {
            group: own(group),
            on: true,
        }),
        ["utils", "chat", "disable", group] => Some(ChatCommand::ChatHa {
            group: own(group),
            on: false,
        }),
        _ => None,
    }
}
