//! A client on a telephone (SES-10): it asks for pushes, and goes away without leaving.

use takeover_actors::session::Word;
use takeover_protocols::csi::ClientState as Indication;
use takeover_protocols::jid;
use takeover_protocols::push::{self, Registration};
use takeover_protocols::stream::C2sClient;

use super::ClientState;
use super::far::FarHand;
use super::pipe::Pipe;
use super::session::{Command, Ended, Session};
use super::standby::Standby;
use super::way::Way;

/// How a client on a telephone is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Away {
    /// In the background: it has closed its connection.
    Background,
    /// Suspended: it has told its node so (XEP-0352) before its system stopped it.
    Suspended,
}

impl Session {
    /// Asks for pushes, if it is a client that wants them (XEP-0357, section 5).
    pub(super) fn ask_for_pushes(&mut self, way: &mut Way<'_>) {
        let Some(device) = self.spec.push.clone() else {
            return;
        };
        let Ok(service) = jid::parse(&format!("push.{}", self.spec.user.domain())) else {
            return;
        };
        let registration = Registration {
            service,
            node: device,
            options: None,
        };
        let id = self.next_id("push");
        self.send(&push::enable_request(&id, &registration), None, way);
    }

    /// Goes away on a wire: what it has to say is written before.
    pub(super) async fn leave_wire(
        &mut self,
        away: Away,
        machine: &C2sClient,
        pipe: &mut Pipe,
    ) -> Ended {
        if away == Away::Suspended && machine.is_ready() {
            pipe.out()
                .extend_from_slice(Indication::Inactive.as_bytes());
        }
        // Who goes away does not look whether its connection was broken already.
        let _ = pipe.drain().await;
        self.ended(Ended::Away(away))
    }

    /// Goes away by hand.
    pub(super) fn leave_hand(&mut self, away: Away, hand: &FarHand) -> Ended {
        if away == Away::Suspended {
            hand.say(Word::State(Indication::Inactive));
        }
        hand.hurry();
        self.ended(Ended::Away(away))
    }

    /// Stays away until it is told to be in the foreground. False if it is never to come back.
    pub(super) async fn stay_away(&mut self, away: Away) -> bool {
        self.standby = Standby::Off;
        self.shared.view.lock().inactive_at = None;
        self.shared.turn(ClientState::Away { how: away });
        loop {
            match self.commands.recv().await {
                None | Some(Command::LogOut) => return false,
                Some(Command::LogIn) => return true,
                Some(Command::Cut | Command::GoAway(_)) => {}
                Some(other) => self.pending.push_back(other),
            }
        }
    }
}
