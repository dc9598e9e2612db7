//! The rules that a client keeps when its session has ended (SES-2, SES-5).

use std::time::Duration;

use takeover_actors::rt::Rng;

use super::session::Ended;
use super::{ClientSpec, Reconnect};

/// Redirects in a row before a client takes its node for lost.
const REDIRECTS: u32 = 5;

/// What a client does next.
pub(super) enum Next {
    /// It tries these places, in order, after this time.
    Try {
        places: Vec<String>,
        after: Duration,
        why: String,
    },
    /// It rests; for good, where it was told why.
    Rest { refused: Option<String> },
}

/// What a client remembers of how it was received.
#[derive(Default)]
pub(super) struct Manners {
    redirects: u32,
}

impl Manners {
    /// What a client does whose stream has ended so; `had_session` if it had been logged in.
    pub(super) fn next(
        &mut self,
        spec: &ClientSpec,
        ended: Ended,
        had_session: bool,
        rng: &mut Rng,
    ) -> Next {
        if had_session {
            self.redirects = 0;
        }
        match ended {
            // Whoever is away waits for its user, not for a node.
            Ended::LoggedOut | Ended::Away(_) => Next::Rest { refused: None },
            Ended::Refused(why) => Next::Rest { refused: Some(why) },
            // Its user has moved.
            Ended::Redirected(to) if had_session && spec.waits_when_sent => {
                let why = format!("sent to {to}");
                later(spec, rng, true, why, vec![to])
            }
            Ended::Redirected(to) if self.redirects < REDIRECTS => {
                self.redirects += 1;
                Next::Try {
                    why: format!("sent to {to}"),
                    places: vec![to],
                    after: Duration::ZERO,
                }
            }
            Ended::Redirected(to) => {
                self.redirects = 0;
                let why = format!("sent around in circles, last to {to}");
                later(spec, rng, true, why, spec.places.clone())
            }
            Ended::Lost(why) => later(spec, rng, had_session, why, spec.places.clone()),
        }
    }
}

/// SES-5: who has lost its node waits a random time in the window; who was not let in tries again
/// after the retry time.
fn later(
    spec: &ClientSpec,
    rng: &mut Rng,
    lost_a_session: bool,
    why: String,
    places: Vec<String>,
) -> Next {
    let after = match (spec.reconnect, lost_a_session) {
        (Reconnect::Never, _) => return Next::Rest { refused: None },
        (Reconnect::Window { lower, upper }, true) => rng.between(lower, upper),
        (Reconnect::Promptly, true) => Duration::ZERO,
        (Reconnect::Window { .. } | Reconnect::Promptly, false) => spec.retry,
    };
    Next::Try { places, after, why }
}
