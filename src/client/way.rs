//! The way from a client that has a session to its node.

use takeover_actors::session::Word;
use takeover_protocols::sm::Nonza;
use takeover_protocols::stanza::Stanza;
use takeover_protocols::stream::C2sClient;

use super::far::FarHand;
use super::pipe::Pipe;

/// How a client's words reach its node.
pub(super) enum Way<'a> {
    /// As XML, in octets.
    Wire {
        machine: &'a C2sClient,
        pipe: &'a mut Pipe,
    },
    /// As they are.
    Hand { hand: &'a FarHand, bound: bool },
}

impl<'a> Way<'a> {
    pub(super) fn wire(machine: &'a C2sClient, pipe: &'a mut Pipe) -> Self {
        Self::Wire { machine, pipe }
    }

    /// Whether it has a session and takes more.
    pub(super) fn is_open(&self) -> bool {
        match self {
            Self::Wire { machine, pipe } => machine.is_ready() && !pipe.is_full(),
            Self::Hand { bound, .. } => *bound,
        }
    }

    pub(super) fn stanza(&mut self, stanza: &Stanza) {
        match self {
            Self::Wire { pipe, .. } => stanza.write_into(pipe.out()),
            Self::Hand { hand, .. } => {
                hand.say(Word::Stanza(stanza.clone()));
            }
        }
    }

    /// Asks how many stanzas are handled (XEP-0198); by hand the node says so unasked.
    pub(super) fn ask(&mut self) {
        match self {
            Self::Wire { machine, pipe } => {
                machine.write_nonza(&Nonza::Request, pipe.out());
            }
            Self::Hand { .. } => {}
        }
    }
}
