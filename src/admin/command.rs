//! The administrator's command language: what is typed at the console, as values.
//!
//! The vendor's commands work as typed (spec chapter 6, *Console*); `fault …` and
//! `utils system …` are the emulator's own, since no vendor offers to pull a plug.

use super::chat_command::{self, CHAT_FORMS, ChatCommand};
use super::people::{self, PeopleCommand};
use super::words::{WordsError, words};

/// What an administrator may do to the high availability of a pair (HA-4 to HA-7, HA-17).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HaCommand {
    /// Print the state, the reason and the table's row of every group.
    Status,
    /// HA-4: the node's users go to its peer by hand.
    Failover {
        /// The node that is left.
        node: String,
    },
    /// HA-5: the node gets its users back.
    Fallback {
        /// The node that gets its users back.
        node: String,
    },
    /// HA-7: SRM restarts on both nodes of a group in failed mode.
    Recover {
        /// The presence redundancy group.
        group: String,
    },
    /// Switch high availability of a group on (HA-9, HA-17).
    Enable {
        /// The presence redundancy group.
        group: String,
    },
    /// Switch high availability of a group off (HA-17).
    Disable {
        /// The presence redundancy group.
        group: String,
    },
}

/// What can be done to a service of a node (SVC-1, SVC-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceVerb {
    /// Start it, and what it needs.
    Start,
    /// Stop it, and what needs it.
    Stop,
    /// Stop it and start it again.
    Restart,
}

/// Commands to the services of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceCommand {
    /// Print every service of the node with its state.
    List {
        /// The node.
        node: String,
    },
    /// Start, stop or restart one service.
    Act {
        /// What to do.
        verb: ServiceVerb,
        /// The node.
        node: String,
        /// The service, by its short or its display name.
        service: String,
    },
}

/// Commands to the power of a node (SVC-5, HA-15).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PowerVerb {
    /// Power on.
    Boot,
    /// Orderly shutdown: the peer is told (HA-15).
    Shutdown,
    /// Orderly shutdown, then power on again.
    Restart,
}

/// Faults that an administrator of the emulator can inject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultCommand {
    /// Cut a node's power: nothing runs any more, nothing is said (SVC-5).
    KillNode {
        /// The node.
        node: String,
    },
    /// End SRM alone; the node starts it again (ICP-14).
    KillSrm {
        /// The node.
        node: String,
    },
    /// A service fails with a cause (SVC-1).
    FailService {
        /// The node.
        node: String,
        /// The service.
        service: String,
        /// The cause that is put on record.
        cause: String,
    },
    /// A service panics (SVC-3).
    PanicService {
        /// The node.
        node: String,
        /// The service.
        service: String,
    },
    /// A service refuses to start until this is mended.
    RefuseStart {
        /// The node.
        node: String,
        /// The service.
        service: String,
    },
    /// A service may start again.
    AllowStart {
        /// The node.
        node: String,
        /// The service.
        service: String,
    },
    /// Cut the link between two nodes, both ways.
    Cut {
        /// One end.
        a: String,
        /// The other end.
        b: String,
    },
    /// Mend the link between two nodes.
    Mend {
        /// One end.
        a: String,
        /// The other end.
        b: String,
    },
}

/// One command, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// `utils ha …`
    Ha(HaCommand),
    /// `utils service …`
    Service(ServiceCommand),
    /// `utils system boot|shutdown|restart NODE`
    Power {
        /// What to do.
        verb: PowerVerb,
        /// The node.
        node: String,
    },
    /// `utils dbreplication status` and `utils dbreplication runtimestate`
    Replication,
    /// `show status`
    Status,
    /// `show perf query counter CLASS COUNTER [NODE]`
    Counter {
        /// The counter's class as the vendor groups them, such as `Cisco XCP JSM`.
        class: String,
        /// The counter, such as `ActiveJsmSessions`; `*` for all.
        counter: String,
        /// Only this node; all nodes where absent.
        node: Option<String>,
    },
    /// Users and their logins.
    People(PeopleCommand),
    /// `utils database …`, `utils chat …`, `show room …`, `show notifications`, `show troubleshooter`
    Chat(ChatCommand),
    /// `fault …`
    Fault(FaultCommand),
    /// `help`
    Help,
}

/// Why a line is no command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The line could not be cut into words.
    #[error(transparent)]
    Words(#[from] WordsError),
    /// Nothing was typed.
    #[error("an empty line is no command; 'help' lists the commands")]
    Empty,
    /// The words are not those of a command.
    #[error("'{typed}' is no command; allowed here: {}", .allowed.join(" | "))]
    Unknown {
        /// What was typed.
        typed: String,
        /// The forms of the commands that begin alike.
        allowed: Vec<&'static str>,
    },
}

/// The forms of the commands that are understood here.
const OWN_FORMS: [&str; 33] = [
    "help",
    "show status",
    "show perf query counter CLASS COUNTER [NODE]",
    "show users refused",
    "show login limits GROUP",
    "utils users add CLUSTER NAME PASSWORD [NODE]",
    "utils users move NAME NODE",
    "utils users rebalance CLUSTER",
    "utils login limits GROUP LOWER UPPER",
    "utils login profile GROUP",
    "utils ha status",
    "utils ha failover NODE",
    "utils ha fallback NODE",
    "utils ha recover GROUP",
    "utils ha enable GROUP",
    "utils ha disable GROUP",
    "utils service list NODE",
    "utils service start NODE SERVICE",
    "utils service stop NODE SERVICE",
    "utils service restart NODE SERVICE",
    "utils system boot NODE",
    "utils system shutdown NODE",
    "utils system restart NODE",
    "utils dbreplication status",
    "utils dbreplication runtimestate",
    "fault node kill NODE",
    "fault srm kill NODE",
    "fault service fail NODE SERVICE [CAUSE]",
    "fault service panic NODE SERVICE",
    "fault service refuse NODE SERVICE",
    "fault service allow NODE SERVICE",
    "fault link cut NODE NODE",
    "fault link mend NODE NODE",
];

/// The forms of all commands: for `help`, for completion and for errors.
pub const FORMS: [&str; OWN_FORMS.len() + CHAT_FORMS.len()] = {
    let mut all = [""; OWN_FORMS.len() + CHAT_FORMS.len()];
    let mut place = 0;
    while place < all.len() {
        all[place] = if place < OWN_FORMS.len() {
            OWN_FORMS[place]
        } else {
            CHAT_FORMS[place - OWN_FORMS.len()]
        };
        place += 1;
    }
    all
};

impl Command {
    /// Understands one typed line.
    ///
    /// # Errors
    /// [`CommandError`] names what was typed and the forms that begin alike.
    pub fn parse(line: &str) -> Result<Self, CommandError> {
        let typed = words(line)?;
        let parts: Vec<&str> = typed.iter().map(String::as_str).collect();
        if parts.is_empty() {
            return Err(CommandError::Empty);
        }
        parse_show(&parts)
            .or_else(|| parse_ha(&parts).map(Command::Ha))
            .or_else(|| parse_service(&parts).map(Command::Service))
            .or_else(|| parse_system(&parts))
            .or_else(|| people::parse(&parts).map(Command::People))
            .or_else(|| chat_command::parse(&parts).map(Command::Chat))
            .or_else(|| parse_fault(&parts).map(Command::Fault))
            .ok_or_else(|| unknown(line, &parts))
    }
}

fn parse_show(parts: &[&str]) -> Option<Command> {
    match *parts {
        ["help" | "?"] => Some(Command::Help),
        ["show", "status"] => Some(Command::Status),
        ["show", "perf", "query", "counter", class, counter] => Some(Command::Counter {
            class: class.into(),
            counter: counter.into(),
            node: None,
        }),
        ["show", "perf", "query", "counter", class, counter, node] => Some(Command::Counter {
            class: class.into(),
            counter: counter.into(),
            node: Some(node.into()),
        }),
        _ => None,
    }
}

fn parse_ha(parts: &[&str]) -> Option<HaCommand> {
    match *parts {
        ["utils", "ha", "status"] => Some(HaCommand::Status),
        ["utils", "ha", "failover", node] => Some(HaCommand::Failover { node: node.into() }),
        ["utils", "ha", "fallback", node] => Some(HaCommand::Fallback { node: node.into() }),
        ["utils", "ha", "recover", group] => Some(HaCommand::Recover {
            group: group.into(),
        }),
        ["utils", "ha", "enable", group] => Some(HaCommand::Enable {
            group: group.into(),
        }),
        ["utils", "ha", "disable", group] => Some(HaCommand::Disable {
            group: group.into(),
        }),
        _ => None,
    }
}

fn parse_service(parts: &[&str]) -> Option<ServiceCommand> {
    let (verb, node, service) = match *parts {
        ["utils", "service", "list", node] => {
            return Some(ServiceCommand::List { node: node.into() });
        }
        ["utils", "service", "start", node, ref service @ ..] => {
            (ServiceVerb::Start, node, service)
        }
        ["utils", "service", "stop", node, ref service @ ..] => (ServiceVerb::Stop, node, service),
        ["utils", "service", "restart", node, ref service @ ..] => {
            (ServiceVerb::Restart, node, service)
        }
        _ => return None,
    };
    // The vendor's names have blanks and are typed without quotes.
    (!service.is_empty()).then(|| ServiceCommand::Act {
        verb,
        node: node.into(),
        service: service.join(" "),
    })
}

fn parse_system(parts: &[&str]) -> Option<Command> {
    let (verb, node) = match *parts {
        ["utils", "dbreplication", "status" | "runtimestate"] => return Some(Command::Replication),
        ["utils", "system", "boot", node] => (PowerVerb::Boot, node),
        ["utils", "system", "shutdown", node] => (PowerVerb::Shutdown, node),
        ["utils", "system", "restart", node] => (PowerVerb::Restart, node),
        _ => return None,
    };
    Some(Command::Power {
        verb,
        node: node.into(),
    })
}

fn parse_fault(parts: &[&str]) -> Option<FaultCommand> {
    let owned = |word: &str| word.to_owned();
    match *parts {
        ["fault", "node", "kill", node] => Some(FaultCommand::KillNode { node: node.into() }),
        ["fault", "srm", "kill", node] => Some(FaultCommand::KillSrm { node: node.into() }),
        ["fault", "service", "fail", node, service, ref cause @ ..] => {
            let cause = if cause.is_empty() {
                owned("injected")
            } else {
                cause.join(" ")
            };
            Some(FaultCommand::FailService {
                node: node.into(),
                service: service.into(),
                cause,
            })
        }
        ["fault", "service", "panic", node, service] => Some(FaultCommand::PanicService {
            node: node.into(),
            service: service.into(),
        }),
        ["fault", "service", "refuse", node, service] => Some(FaultCommand::RefuseStart {
            node: node.into(),
            service: service.into(),
        }),
        ["fault", "service", "allow", node, service] => Some(FaultCommand::AllowStart {
            node: node.into(),
            service: service.into(),
        }),
        ["fault", "link", "cut", a, b] => Some(FaultCommand::Cut {
            a: a.into(),
            b: b.into(),
        }),
        ["fault", "link", "mend", a, b] => Some(FaultCommand::Mend {
            a: a.into(),
            b: b.into(),
        }),
        _ => None,
    }
}

/// The error for words that are no command: offers the forms with the longest common beginning.
fn unknown(line: &str, parts: &[&str]) -> CommandError {
    let alike = |form: &str| {
        form.split(' ')
            .zip(parts)
            .take_while(|(a, b)| a == *b)
            .count()
    };
    let best = FORMS.iter().map(|form| alike(form)).max().unwrap_or(0);
    CommandError::Unknown {
        typed: line.trim().to_owned(),
        allowed: FORMS
            .iter()
            .copied()
            .filter(|form| alike(form) == best)
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Chapter 6, *Console*: the commands that an administrator knows work as typed.
    #[test]
    fn the_vendors_commands_work_as_typed() {
        let node = || "1A".to_owned();
        let cases = [
            ("utils ha status", Command::Ha(HaCommand::Status)),
            (
                "utils ha failover 1A",
                Command::Ha(HaCommand::Failover { node: node() }),
            ),
            (
                "utils ha fallback 1A",
                Command::Ha(HaCommand::Fallback { node: node() }),
            ),
            (
                "utils ha recover pair-1",
                Command::Ha(HaCommand::Recover {
                    group: "pair-1".into(),
                }),
            ),
            (
                "utils service list 1A",
                Command::Service(ServiceCommand::List { node: node() }),
            ),
            (
                "utils service stop 1A Cisco XCP Router",
                Command::Service(ServiceCommand::Act {
                    verb: ServiceVerb::Stop,
                    node: node(),
                    service: "Cisco XCP Router".into(),
                }),
            ),
            ("utils dbreplication runtimestate", Command::Replication),
            (
                "show perf query counter \"Cisco XCP JSM\" ActiveJsmSessions",
                Command::Counter {
                    class: "Cisco XCP JSM".into(),
                    counter: "ActiveJsmSessions".into(),
                    node: None,
                },
            ),
            ("show status", Command::Status),
        ];
        for (line, expected) in cases {
            assert_eq!(Command::parse(line).unwrap(), expected, "{line}");
        }
    }

    /// Every form that `help` lists is understood once its places are filled in.
    #[test]
    fn every_listed_form_is_understood() {
        for form in FORMS {
            let line = form.replace(['[', ']'], "");
            assert!(Command::parse(&line).is_ok(), "{form}");
        }
    }

    /// CFG-6: what is refused is named, with what is allowed.
    #[test]
    fn an_unknown_command_names_the_forms_that_begin_alike() {
        let error = Command::parse("utils ha explode 1A")
            .unwrap_err()
            .to_string();
        assert!(error.contains("'utils ha explode 1A'"), "{error}");
        assert!(error.contains("utils ha failover NODE"), "{error}");
        assert!(!error.contains("fault link"), "{error}");
        assert_eq!(Command::parse("  ").unwrap_err(), CommandError::Empty);
        assert!(Command::parse("utils service stop 1A").is_err());
    }
}
