//! Reads what people do in a node's room, and what is expected of them and of it (CHAT-8 to CHAT-10).

use super::reader::Reader;
use super::script::{Claim, Talk};
use super::words::{Wrong, duration};

/// What people do, as it is documented and offered.
pub(super) const TALK: [&str; 4] = [
    "enter USER at NODE",
    "post USER at NODE TEXT",
    "talk USER at NODE every TIME",
    "hush USER",
];

/// What can be expected, as it is documented and offered.
pub(super) const CLAIMS: [&str; 6] = [
    "expect USER inside NODE",
    "expect USER stayed NODE",
    "expect USER heard TEXT",
    "expect USER recalls TEXT",
    "expect rooms of NODE at NODE",
    "expect nothing lost at NODE",
];

impl Reader<'_> {
    /// What people do.
    pub(super) fn talk(&self, words: &[&str]) -> Result<Talk, Wrong> {
        match *words {
            ["enter", user, "at", node] => Ok(Talk::Enter(self.user(user)?, self.node(node)?)),
            ["post", user, "at", node, ref text @ ..] if !text.is_empty() => Ok(Talk::Post(
                self.user(user)?,
                self.node(node)?,
                text.join(" "),
            )),
            ["talk", user, "at", node, "every", time] => Ok(Talk::Talk(
                self.user(user)?,
                self.node(node)?,
                duration(time)?,
            )),
            ["hush", user] => Ok(Talk::Hush(self.user(user)?)),
            _ => Err(Wrong::new("no step", &words.join(" "), TALK)),
        }
    }

    /// What is expected of them and of the room.
    pub(super) fn talked(&self, words: &[&str]) -> Result<Claim, Wrong> {
        match *words {
            [user, "inside", node] => Ok(Claim::Inside(self.user(user)?, self.node(node)?)),
            [user, "stayed", node] => Ok(Claim::Stayed(self.user(user)?, self.node(node)?)),
            [user, "heard", ref text @ ..] if !text.is_empty() => {
                Ok(Claim::Heard(self.user(user)?, text.join(" ")))
            }
            [user, "recalls", ref text @ ..] if !text.is_empty() => {
                Ok(Claim::Recalled(self.user(user)?, text.join(" ")))
            }
            ["rooms", "of", home, "at", host] => {
                Ok(Claim::Hosted(self.node(home)?, self.node(host)?))
            }
            ["nothing", "lost", "at", node] => Ok(Claim::NothingLost(self.node(node)?)),
            _ => Err(Wrong::new("no expectation", &words.join(" "), CLAIMS)),
        }
    }
}
