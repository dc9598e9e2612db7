//! The console: one command from the command line, or a prompt with history and completion.

use std::io::{self, IsTerminal, Write};

use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::history::DefaultHistory;
use rustyline::{Context, Editor, Helper, Highlighter, Hinter, Validator};

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

    fn converse(&self) -> io::Result<bool> {
        let mut editor = Editor::<Forms, DefaultHistory>::new().map_err(io::Error::other)?;
        editor.set_helper(Some(Forms));
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
                Err(ReadlineError::Eof | ReadlineError::Interrupted) => return Ok(true),
                Err(error) => return Err(io::Error::other(error)),
            }
        }
    }
}

/// Completes a line by the next word of every form that fits what is typed.
#[derive(Helper, Highlighter, Hinter, Validator)]
struct Forms;

impl Completer for Forms {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _context: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let typed = &line[..position];
        let start = typed.rfind(' ').map_or(0, |blank| blank + 1);
        let pairs = next_words(typed)
            .into_iter()
            .map(|word| Pair {
                display: word.to_owned(),
                replacement: format!("{word} "),
            })
            .collect();
        Ok((start, pairs))
    }
}

/// The words that can stand next: of every form whose words so far fit `typed`, places excepted.
fn next_words(typed: &str) -> Vec<&'static str> {
    let whole: Vec<&str> = typed.split_whitespace().collect();
    let (done, begun) = match whole.split_last() {
        Some((last, before)) if !typed.ends_with(' ') => (before, *last),
        Some(_) | None => (whole.as_slice(), ""),
    };
    let is_place =
        |word: &str| word.starts_with(|first: char| first.is_uppercase() || first == '[');
    let mut found: Vec<&'static str> = FORMS
        .iter()
        .filter_map(|form| {
            let words: Vec<&'static str> = form.split(' ').collect();
            let fits = done.len() < words.len()
                && words
                    .iter()
                    .zip(done)
                    .all(|(form, typed)| is_place(form) || form == typed);
            let next = *words.get(done.len())?;
            (fits && !is_place(next) && next.starts_with(begun)).then_some(next)
        })
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_completed_by_the_words_that_can_stand_next() {
        assert_eq!(next_words(""), ["fault", "help", "show", "utils"]);
        assert_eq!(next_words("ut"), ["utils"]);
        assert_eq!(next_words("utils ha f"), ["failover", "fallback"]);
        assert_eq!(
            next_words("utils service "),
            ["list", "restart", "start", "stop"]
        );
        assert_eq!(next_words("utils ha failover "), Vec::<&str>::new());
        assert_eq!(next_words("nonsense "), Vec::<&str>::new());
    }
}
