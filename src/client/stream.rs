//! One stream of a client, from its first octet to its last.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::time::Duration;

use takeover_actors::rt::World;
use takeover_core::time::Moment;
use takeover_protocols::sasl::{Password, SaslCondition};
use takeover_protocols::sm::Nonza;
use takeover_protocols::stream::{
    C2sClient, ClientCause, ClientConfig, ClientEffect, ClientTls, Layer, Management, Ready,
    StreamCondition,
};

use super::dial::{Dialed, Upgrade};
use super::outbound::Managed;
use super::pipe::{Pipe, Turn};
use super::session::{Command, Ended, PATIENCE, Session, secret};
use super::way::Way;
use super::{ClientState, Note};

impl Session {
    /// How it logs in.
    pub(super) fn login(&self) -> ClientConfig {
        let password = Password::new(self.spec.password.clone());
        let mut config = ClientConfig::new(self.spec.user.clone(), password);
        config.resource = Some(self.spec.resource.clone());
        config.stream_management = self.spec.stream_management;
        config.salted = self.salted.clone();
        let resumable = self.managed.as_ref().filter(|_| self.spec.resumption);
        config.earlier = resumable.and_then(Managed::earlier);
        config
    }

    /// One stream, from its first octet to its last.
    pub(super) async fn serve(
        &mut self,
        place: &str,
        dialed: Dialed,
        was_ready: &mut bool,
    ) -> Ended {
        let config = fit(self.login(), dialed.layer, dialed.upgrade.is_some());
        let seed = secret(&mut self.rng);
        let machine = C2sClient::new(config, dialed.layer, seed);
        let line = Line {
            pipe: Pipe::new(dialed.wire),
            upgrade: dialed.upgrade,
        };
        let effects = machine.start();
        self.go_on(place, (machine, line, effects), was_ready, PATIENCE)
            .await
    }

    /// A stream that has begun, to its last octet; `patience` is how long its login may take.
    pub(super) async fn go_on(
        &mut self,
        place: &str,
        begun: (C2sClient, Line, Vec<ClientEffect>),
        was_ready: &mut bool,
        patience: Duration,
    ) -> Ended {
        let (mut machine, mut line, mut effects) = begun;
        self.closing = false;
        self.next_entry = None;
        let world = self.shared.world.clone();
        let mut patience = Box::pin(world.sleep(patience));
        loop {
            let ended = self
                .perform_all(effects, place, &mut machine, &mut line)
                .await;
            *was_ready |= machine.is_ready();
            if let Some(ended) = ended {
                let _ = line.pipe.drain().await;
                return self.ended(ended);
            }
            self.obey_pending(&mut Way::wire(&machine, &mut line.pipe));
            let busy = !machine.is_ready() || line.pipe.is_full() || !self.may_send();
            let due = self.next_due().filter(|_| !busy);
            tokio::select! {
                biased;
                turn = line.pipe.turn() => effects = match turn {
                    Ok(Turn::Read(octets)) => machine.handle(&octets),
                    Ok(Turn::Wrote) => Vec::new(),
                    Ok(Turn::Ended) | Err(_) => machine.input_ended(),
                },
                // What it is told after its last word is for its next login.
                command = self.commands.recv(), if !busy && !self.closing => match command {
                    None | Some(Command::LogOut) => {
                        self.closing = true;
                        patience = Box::pin(world.sleep(PATIENCE));
                        // The last word on what has arrived (XEP-0198, section 4).
                        if let Some(managed) = &self.managed {
                            let h = managed.handled;
                            machine.write_nonza(&Nonza::Ack { h }, line.pipe.out());
                        }
                        effects = machine.close();
                    }
                    Some(Command::GoAway(away)) => {
                        return self.leave_wire(away, &machine, &mut line.pipe).await;
                    }
                    Some(Command::Cut) => return self.ended(Ended::Lost("the link was cut".into())),
                    Some(other) => {
                        self.pending.push_back(other);
                        effects = Vec::new();
                    }
                },
                () = until(&world, due) => {
                    self.act_now(&mut Way::wire(&machine, &mut line.pipe));
                    effects = Vec::new();
                }
                turn = self.standby.turn(&world), if machine.is_ready() => {
                    self.on_standby(turn, place);
                    effects = Vec::new();
                }
                () = &mut patience, if !machine.is_ready() => {
                    return self.ended(Ended::Lost("no answer".into()));
                }
            }
        }
    }

    /// Does what the machine asks for, and what that makes it ask for. The end, if it came.
    async fn perform_all(
        &mut self,
        effects: Vec<ClientEffect>,
        place: &str,
        machine: &mut C2sClient,
        line: &mut Line,
    ) -> Option<Ended> {
        let mut queue = VecDeque::from(effects);
        while let Some(effect) = queue.pop_front() {
            match self.perform(effect, place, machine, line).await {
                Ok(more) => queue.extend(more),
                Err(ended) => return Some(ended),
            }
        }
        None
    }

    pub(super) fn ended(&mut self, ended: Ended) -> Ended {
        let why = match &ended {
            Ended::LoggedOut => "logged out".to_owned(),
            Ended::Away(_) => "away".to_owned(),
            Ended::Redirected(to) => format!("see-other-host {}", self.dialer.name_of(to)),
            Ended::Lost(why) | Ended::Refused(why) => why.clone(),
        };
        self.shared.note(Note::StreamEnded { why });
        if matches!(ended, Ended::LoggedOut) {
            let mut oracle = self.shared.oracle.lock();
            oracle.logged_out(&self.shared.name, self.shared.now());
        }
        self.doubt.broke(self.shared.now(), self.spec.distance);
        ended
    }

    /// Does one thing that the machine asks for. `Err` is the end of the stream.
    async fn perform(
        &mut self,
        effect: ClientEffect,
        place: &str,
        machine: &mut C2sClient,
        line: &mut Line,
    ) -> Result<Vec<ClientEffect>, Ended> {
        let pipe = &mut line.pipe;
        match effect {
            ClientEffect::Send(octets) => pipe.out().extend_from_slice(&octets),
            ClientEffect::StartTls => return Ok(line.start_tls(machine).await),
            ClientEffect::Ready(ready) => {
                let way = &mut Way::wire(machine, pipe);
                return self.ready(ready, place, way).map(|()| Vec::new());
            }
            // After its last word it takes nothing more: what still comes waits for its next login.
            ClientEffect::Stanza(_) | ClientEffect::BadStanza(_) if self.closing => {}
            ClientEffect::Stanza(stanza) => {
                self.count_received();
                self.stanza(&stanza, &mut Way::wire(machine, pipe));
                self.plan_entries();
            }
            ClientEffect::BadStanza(what) => {
                self.count_received();
                self.shared.note(Note::Error { what });
            }
            ClientEffect::AckRequested => {
                let h = self.managed.as_ref().map_or(0, |managed| managed.handled);
                machine.write_nonza(&Nonza::Ack { h }, pipe.out());
            }
            ClientEffect::Acked { h } => {
                if !self.acknowledged(h) {
                    self.managed = None;
                    return Err(Ended::Lost(format!(
                        "the server acknowledged {h}, more than sent"
                    )));
                }
            }
            // Only a stream that stops at an inactive session says so.
            ClientEffect::Inactive => {}
            ClientEffect::Close(cause) => return Err(self.classify(cause)),
        }
        Ok(Vec::new())
    }

    pub(super) fn count_received(&mut self) {
        if let Some(managed) = &mut self.managed {
            managed.handled = managed.handled.wrapping_add(1);
        }
    }

    fn classify(&self, cause: ClientCause) -> Ended {
        let why = cause.to_string();
        match cause {
            _ if self.closing => Ended::LoggedOut,
            ClientCause::Client => Ended::LoggedOut,
            ClientCause::Error(error) => match (error.condition, error.other_host) {
                (StreamCondition::SeeOtherHost, Some(host)) => Ended::Redirected(host),
                (StreamCondition::Conflict, _) => Ended::Refused(why),
                _ => Ended::Lost(why),
            },
            ClientCause::NoTls
            | ClientCause::NoMechanism { .. }
            | ClientCause::BadPassword(_)
            | ClientCause::Sasl(_) => Ended::Refused(why),
            ClientCause::Refused(condition) => match condition {
                SaslCondition::TemporaryAuthFailure => Ended::Lost(why),
                _ => Ended::Refused(why),
            },
            ClientCause::Server
            | ClientCause::Xml(_)
            | ClientCause::Protocol(_)
            | ClientCause::BindRefused(_)
            | ClientCause::Lost => Ended::Lost(why),
        }
    }

    /// The login is done.
    pub(super) fn ready(
        &mut self,
        ready: Ready,
        place: &str,
        way: &mut Way<'_>,
    ) -> Result<(), Ended> {
        let resumed = matches!(ready.management, Management::Resumed { .. });
        let state = ClientState::Online {
            place: place.to_owned(),
            jid: ready.jid.clone(),
            resumed,
        };
        match ready.management {
            Management::Resumed { h } => {
                if !self.acknowledged(h) {
                    self.managed = None;
                    return Err(Ended::Lost(format!("resumed with {h}, more than was sent")));
                }
                self.doubt.settled();
                self.send_again(way);
                self.plan_entries();
            }
            Management::New { id, .. } => {
                self.managed = Some(Managed::new(id, ready.jid));
                self.shared.unacknowledged.store(0, Ordering::Relaxed);
                self.begin(way);
            }
            Management::Off => {
                self.managed = None;
                self.begin(way);
            }
        }
        self.shared.turn(state);
        self.next_talk = self.shared.now();
        self.plan_standby();
        Ok(())
    }
}

/// Completes at `due`; never without one.
pub(super) async fn until(world: &World, due: Option<Moment>) {
    match due {
        Some(due) => world.sleep(due.saturating_since(world.now())).await,
        None => std::future::pending().await,
    }
}

/// Without TLS where there is none to be had.
pub(super) fn fit(mut config: ClientConfig, layer: Layer, can_upgrade: bool) -> ClientConfig {
    if layer == Layer::Plain && !can_upgrade {
        config.tls = ClientTls::Never;
        config.allow_plaintext = true;
    }
    config
}

/// The octets of a stream and what protects them.
pub(super) struct Line {
    pub(super) pipe: Pipe,
    pub(super) upgrade: Option<Upgrade>,
}

impl Line {
    /// Puts TLS on the wire; a failure is an end of input.
    pub(super) async fn start_tls(&mut self, machine: &mut C2sClient) -> Vec<ClientEffect> {
        let Some(upgrade) = self.upgrade.take() else {
            return machine.input_ended();
        };
        if self.pipe.drain().await.is_err() {
            return machine.input_ended();
        }
        let (idle, _) = tokio::io::duplex(1);
        let pipe = std::mem::replace(&mut self.pipe, Pipe::new(Box::new(idle)));
        match upgrade(pipe.into_wire()).await {
            Ok(wire) => {
                self.pipe = Pipe::new(wire);
                machine.tls_established()
            }
            Err(_) => machine.input_ended(),
        }
    }
}
