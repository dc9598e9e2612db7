//! The console: one command from the command line, or a prompt with history and completion.

use std::io::{self, IsTerminal, Write};

use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::history::DefaultHistory;
use rustyline::{CompletionType, Config, Context, Editor, Helper, Highlighter, Hinter, Validator};
use serde_json::Value;
use takeover_core::service::ServiceKind;

use super::call::{CallError, call};
use super::command::FORMS;
use super::token::Token;

/// Where a console sends its commands.
#[derive(Debug, Clone)]
pub struct Console {
    /// The administration port, `host:port`.
    pub address: String,
    /// The token that the server printed.
    pub token: Token,
    /// Print the answer's data as JSON instead of its text.
    pub json: bool,
}

impl Console {
    /// Sends one line and prints the answer; an error goes to standard error.
    /// Returns whether the command was carried out.
    ///
    /// # Errors
    /// Where standard output cannot be written to.
    pub fn once(&self, line: &str) -> io::Result<bool> {
        match call(&self.address, &self.token, line) {
            Ok(reply) if self.json => writeln!(io::stdout(), "{}", reply.data)?,
            Ok(reply) => writeln!(io::stdout(), "{}", reply.text)?,
            Err(error @ (CallError::Refused(_) | CallError::Unreachable { .. })) => {
                writeln!(io::stderr(), "error: {error}")?;
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Reads commands until `exit` or the end of input: with a prompt on a terminal, plainly from
    /// a pipe. Returns whether every command was carried out.
    ///
    /// # Errors
    /// Where the terminal or the pipe cannot be read or written.
    pub fn prompt(&self) -> io::Result<bool> {
        if io::stdin().is_terminal() {
            self.converse()
        } else {
            self.script()
        }
    }

    fn script(&self) -> io::Result<bool> {
        let mut all_done = true;
        for line in io::stdin().lines() {
            let line = line?;
            let line = line.trim();
            if line == "exit" {
                break;
            }
            if !line.is_empty() && !line.starts_with('#') {
                all_done &= self.once(line)?;
            }
        }
        Ok(all_done)
    }

    /// What the lab has to name. A server that does not answer says so at the first command.
    fn names(&self) -> Names {
        let Ok(reply) = call(&self.address, &self.token, "utils ha status") else {
            return Names::default();
        };
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let groups = reply.data["groups"].as_array().into_iter().flatten();
        let mut names = Names::default();
        for group in groups {
            names.groups.extend(text(&group["group"]));
            let nodes = group["nodes"].as_array().into_iter().flatten();
            names
                .nodes
                .extend(nodes.filter_map(|node| text(&node["node"])));
        }
        names
    }

    fn converse(&self) -> io::Result<bool> {
        let listed = Config::builder().completion_type(CompletionType::List);
        let mut editor = Editor::<Names, DefaultHistory>::with_config(listed.build())
            .map_err(io::Error::other)?;
        editor.set_helper(Some(self.names()));
        loop {
            match editor.readline("admin: ") {
                Ok(line) if line.trim() == "exit" => return Ok(true),
                Ok(line) if line.trim().is_empty() => {}
                Ok(line) => {
                    editor
                        .add_history_entry(line.trim())
                        .map_err(io::Error::other)?;
                    self.once(line.trim())?;
                }
                // As in a shell: the line is dropped, the prompt stays.
                Err(ReadlineError::Interrupted) => {}
                Err(ReadlineError::Eof) => return Ok(true),
                Err(error) => return Err(io::Error::other(error)),
            }
        }
    }
}

/// Completes a line by the next word of every form that fits what is typed, and where a form has a place
/// by what the lab has there.
#[derive(Default, Helper, Highlighter, Hinter, Validator)]
struct Names {
    nodes: Vec<String>,
    groups: Vec<String>,
}

impl Names {
    /// What can stand at a place of a form; a word of its own stands for itself.
    fn at(&self, place: &'static str) -> Vec<String> {
        match place.trim_matches(['[', ']']) {
            "NODE" => self.nodes.clone(),
            "GROUP" => self.groups.clone(),
            "SERVICE" => {
                let names = ServiceKind::ALL.iter().map(|kind| kind.short_name());
                names.map(str::to_owned).collect()
            }
            word if !is_place(word) => vec![word.to_owned()],
            _ => Vec::new(),
        }
    }

    /// The words that can stand next: of every form whose words so far fit `typed`.
    fn next_words(&self, typed: &str) -> Vec<String> {
        let whole: Vec<&str> = typed.split_whitespace().collect();
        let (done, begun) = match whole.split_last() {
            Some((last, before)) if !typed.ends_with(' ') => (before, *last),
            Some(_) | None => (whole.as_slice(), ""),
        };
        let mut found: Vec<String> = FORMS
            .iter()
            .filter_map(|form| {
                let words: Vec<&'static str> = form.split(' ').collect();
                let next = *words.get(done.len())?;
                let mut so_far = words.iter().zip(done);
                so_far
                    .all(|(form, typed)| is_place(form) || form == typed)
                    .then(|| self.at(next))
            })
            .flatten()
            .filter(|word| word.starts_with(begun))
            .collect();
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// Whether a word of a form stands for something that is named there.
fn is_place(word: &str) -> bool {
    word.starts_with(|first: char| first.is_uppercase() || first == '[')
}

impl Completer for Names {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _context: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let typed = &line[..position];
        let start = typed.rfind(' ').map_or(0, |blank| blank + 1);
        let pair = |word: String| Pair {
            replacement: format!("{word} "),
            display: word,
        };
        Ok((
            start,
            self.next_words(typed).into_iter().map(pair).collect(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_completed_by_the_words_that_can_stand_next() {
        let names = Names {
            nodes: vec!["1A".into(), "1B".into(), "2A".into()],
            groups: vec!["pair-1".into()],
        };
        for (typed, expected) in [
            ("", &["fault", "help", "show", "utils"][..]),
            ("ut", &["utils"]),
            ("utils ha f", &["failover", "fallback"]),
            ("utils service ", &["list", "restart", "start", "stop"]),
            ("utils ha failover ", &["1A", "1B", "2A"]),
            ("utils ha failover 1", &["1A", "1B"]),
            ("utils ha recover ", &["pair-1"]),
            ("utils service stop 1A xcp-r", &["xcp-router"]),
            ("utils ha failover 1A ", &[]),
            ("nonsense ", &[]),
        ] {
            assert_eq!(names.next_words(typed), expected, "{typed}");
        }
    }
}
