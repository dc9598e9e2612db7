//! A session whose stanzas are handed over, from login to end.

use std::sync::Arc;
use std::time::Duration;

use takeover_actors::session::{HandEnd, Told, Wish, Word};
use takeover_protocols::jid::FullJid;
use takeover_protocols::stream::{Management, Ready, StreamCondition};

use super::far::FarHand;
use super::outbound::Managed;
use super::session::{Command, Ended, Session};
use super::stream::until;
use super::way::Way;

impl Session {
    /// What it wants of a node: its earlier session where it may have that, else a new one.
    pub(super) fn wish(&self) -> Wish {
        let resumable = self.managed.as_ref().filter(|_| self.spec.resumption);
        match resumable.and_then(Managed::earlier) {
            Some(earlier) => Wish::Resume {
                previd: earlier.previd.into(),
                h: earlier.h,
            },
            None => Wish::New,
        }
    }

    /// One session by hand, from its login to its end.
    pub(super) async fn serve_hand(
        &mut self,
        place: &str,
        hand: FarHand,
        was_ready: &mut bool,
        patience: Duration,
    ) -> Ended {
        self.closing = false;
        self.next_entry = None;
        let world = self.shared.world.clone();
        let mut patience = Box::pin(world.sleep(patience));
        loop {
            for told in hand.told() {
                if let Some(ended) = self.told(told, place, &hand, was_ready) {
                    return self.ended(ended);
                }
            }
            if hand.is_over() {
                return self.ended(Ended::Lost("the connection was lost".to_owned()));
            }
            let mut way = Way::Hand {
                hand: &hand,
                bound: *was_ready,
            };
            self.obey_pending(&mut way);
            let busy = !*was_ready || !self.may_send();
            let due = self.next_due().filter(|_| !busy);
            tokio::select! {
                biased;
                () = hand.heard() => {}
                // What it is told after its last word is for its next login.
                command = self.commands.recv(), if !busy && !self.closing => match command {
                    None | Some(Command::LogOut) => {
                        self.closing = true;
                        hand.say(Word::LogOut);
                    }
                    Some(Command::GoAway(away)) => return self.leave_hand(away, &hand),
                    Some(Command::Cut) => return self.ended(Ended::Lost("the link was cut".into())),
                    Some(other) => self.pending.push_back(other),
                },
                () = until(&world, due) => self.act_now(&mut way),
                turn = self.standby.turn(&world), if *was_ready => self.on_standby(turn, place),
                () = &mut patience, if !*was_ready => {
                    return self.ended(Ended::Lost("no answer".into()));
                }
            }
        }
    }

    /// Does what the node has told; the end, if it came.
    fn told(
        &mut self,
        told: Told,
        place: &str,
        hand: &FarHand,
        was_ready: &mut bool,
    ) -> Option<Ended> {
        let mut way = Way::Hand { hand, bound: true };
        match told {
            Told::Bound {
                jid,
                previd,
                resumed,
            } => {
                *was_ready = true;
                self.ready(entered(jid, &previd, resumed), place, &mut way)
                    .err()
            }
            // After its last word it takes nothing more: what still comes waits for its next login.
            Told::Stanzas(_) if self.closing => None,
            Told::Stanzas(stanzas) => {
                for stanza in &stanzas {
                    self.count_received();
                    self.stanza(stanza, &mut way);
                }
                self.plan_entries();
                if let Some(managed) = &self.managed {
                    hand.say(Word::Acked(managed.handled));
                }
                None
            }
            Told::Handled(h) if self.acknowledged(h) => None,
            Told::Handled(h) => {
                self.managed = None;
                let why = format!("the server acknowledged {h}, more than sent");
                Some(Ended::Lost(why))
            }
            Told::Inactive => None,
            Told::Ended(end) => Some(self.classify_hand(end)),
        }
    }

    fn classify_hand(&self, end: HandEnd) -> Ended {
        match end {
            _ if self.closing => Ended::LoggedOut,
            HandEnd::LoggedOut => Ended::LoggedOut,
            HandEnd::SeeOtherHost(host) => Ended::Redirected(host),
            HandEnd::Error(error) => match error.condition {
                StreamCondition::Conflict => Ended::Refused(error.to_string()),
                _ => Ended::Lost(error.to_string()),
            },
            HandEnd::Refused(condition) => {
                Ended::Lost(format!("the server refused to bind: {condition}"))
            }
            HandEnd::NoSuchUser => Ended::Refused("there is no such user".to_owned()),
        }
    }
}

fn entered(jid: FullJid, previd: &Arc<str>, resumed: Option<u32>) -> Ready {
    let management = match resumed {
        Some(h) => Management::Resumed { h },
        None => Management::New {
            id: Some(previd.to_string()),
            max: None,
            location: None,
        },
    };
    Ready { jid, management }
}
