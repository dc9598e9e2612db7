//! A client's inactive session at the backup node (SES-7): opened a random time after the login, kept,
//! and handed out when the active one is lost.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use takeover_actors::rt::World;
use takeover_actors::session::{ClientHand, Told};
use takeover_core::time::Moment;
use takeover_protocols::stream::{C2sClient, ClientConfig, ClientEffect, Secret};

use super::Dialer;
use super::pipe::{Pipe, Turn as PipeTurn};
use super::session::{Ended, PATIENCE};
use super::stream::{Line, until};

/// What is kept of an inactive session.
pub(super) enum Held {
    Wire(Box<(C2sClient, Line)>),
    Hand(ClientHand),
}

/// What opens an inactive session.
pub(super) type Opening = Pin<Box<dyn Future<Output = Result<Held, String>> + Send>>;

/// A client's inactive session.
#[derive(Default)]
pub(super) enum Standby {
    /// It has none and wants none.
    #[default]
    Off,
    /// It will open one then.
    Due(Moment),
    /// It is opening one.
    Opening { place: String, opening: Opening },
    /// It has one.
    Up { place: String, held: Held },
}

/// What has become of an inactive session.
pub(super) enum Turn {
    /// It is time to open one.
    Open,
    /// It is there now.
    Opened,
    /// It is gone, or was not given.
    Gone,
}

impl Standby {
    /// Waits until something becomes of it. Safe to be dropped at any point.
    pub(super) async fn turn(&mut self, world: &World) -> Turn {
        match self {
            Self::Off => std::future::pending().await,
            Self::Due(at) => {
                until(world, Some(*at)).await;
                Turn::Open
            }
            Self::Opening { place, opening } => match opening.await {
                Ok(held) => {
                    let place = std::mem::take(place);
                    *self = Self::Up { place, held };
                    Turn::Opened
                }
                Err(_) => Turn::Gone,
            },
            Self::Up { held, .. } => {
                held.gone().await;
                Turn::Gone
            }
        }
    }

    /// The place and the session, if it is there and of use after this end of the active one.
    pub(super) fn take_for(
        &mut self,
        ended: &Ended,
        name: impl Fn(&str) -> String,
    ) -> Option<(String, Held)> {
        let of_use = match (&*self, ended) {
            (Self::Up { place, .. }, Ended::Redirected(to)) => name(to) == *place,
            (Self::Up { .. }, Ended::Lost(_)) => true,
            (Self::Up { .. }, Ended::LoggedOut | Ended::Away(_) | Ended::Refused(_))
            | (Self::Off | Self::Due(_) | Self::Opening { .. }, _) => false,
        };
        match std::mem::take(self) {
            Self::Up { place, held } if of_use => Some((place, held)),
            Self::Off | Self::Due(_) | Self::Opening { .. } | Self::Up { .. } => None,
        }
    }
}

impl Held {
    /// Completes when the node has ended it.
    async fn gone(&mut self) {
        match self {
            Self::Hand(hand) => loop {
                hand.heard().await;
                if !hand.told().is_empty() || hand.is_over() {
                    return;
                }
            },
            Self::Wire(wire) => {
                let (machine, line) = &mut **wire;
                loop {
                    let effects = match line.pipe.turn().await {
                        Ok(PipeTurn::Read(octets)) => machine.handle(&octets),
                        Ok(PipeTurn::Wrote) => Vec::new(),
                        Ok(PipeTurn::Ended) | Err(_) => machine.input_ended(),
                    };
                    for effect in effects {
                        if let ClientEffect::Send(octets) = effect {
                            line.pipe.out().extend_from_slice(&octets);
                        }
                    }
                    if machine.is_closed() {
                        return;
                    }
                }
            }
        }
    }
}

/// Waits until the node has granted an inactive session by hand.
pub(super) async fn granted(hand: ClientHand) -> Result<Held, String> {
    hand.heard().await;
    match hand.told().pop() {
        Some(Told::Inactive) => Ok(Held::Hand(hand)),
        Some(Told::Ended(end)) => Err(format!("{end:?}")),
        Some(Told::Bound { .. } | Told::Stanzas(_) | Told::Handled(_)) | None => {
            Err("the connection was lost".to_owned())
        }
    }
}

/// Logs in at `place` for an inactive session; `config` says so.
pub(super) async fn open(
    dialer: Arc<dyn Dialer>,
    place: String,
    config: impl FnOnce(takeover_protocols::stream::Layer, bool) -> ClientConfig + Send,
    seed: Secret,
    world: World,
) -> Result<Held, String> {
    let opening = log_in(dialer, place, config, seed);
    tokio::select! {
        biased;
        opened = opening => opened,
        () = world.sleep(PATIENCE) => Err("no answer".to_owned()),
    }
}

async fn log_in(
    dialer: Arc<dyn Dialer>,
    place: String,
    config: impl FnOnce(takeover_protocols::stream::Layer, bool) -> ClientConfig + Send,
    seed: Secret,
) -> Result<Held, String> {
    let dialed = dialer
        .dial(&place)
        .await
        .map_err(|error| error.to_string())?;
    let config = config(dialed.layer, dialed.upgrade.is_some());
    let mut machine = C2sClient::new(config, dialed.layer, seed);
    let mut line = Line {
        pipe: Pipe::new(dialed.wire),
        upgrade: dialed.upgrade,
    };
    let mut effects = machine.start();
    loop {
        for effect in std::mem::take(&mut effects) {
            match effect {
                ClientEffect::Send(octets) => line.pipe.out().extend_from_slice(&octets),
                ClientEffect::StartTls => effects = line.start_tls(&mut machine).await,
                ClientEffect::Inactive => return Ok(Held::Wire(Box::new((machine, line)))),
                ClientEffect::Close(cause) => return Err(cause.to_string()),
                ClientEffect::Ready(_)
                | ClientEffect::Stanza(_)
                | ClientEffect::BadStanza(_)
                | ClientEffect::AckRequested
                | ClientEffect::Acked { .. } => {}
            }
        }
        if effects.is_empty() {
            effects = match line.pipe.turn().await {
                Ok(PipeTurn::Read(octets)) => machine.handle(&octets),
                Ok(PipeTurn::Wrote) => Vec::new(),
                Ok(PipeTurn::Ended) | Err(_) => machine.input_ended(),
            };
        }
    }
}

/// How long an activation may take: a node that is silent has to be noticed first (HA-1, HA-16).
pub(super) const ACTIVATION: Duration = Duration::from_secs(300);
