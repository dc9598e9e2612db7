//! HA-3: the pair agrees.

use takeover_core::ha::{HaNode, Link};
use thiserror::Error;

use super::{Check, Invariant, Looked, Scene, Violation};
use crate::verify::facts::PairFacts;

/// HA-3.
pub(super) const INVARIANT: Invariant = Invariant {
    id: "HA-3",
    sentence: "When quiet, the nodes of a pair agree: what a node knows of its peer is the peer's \
               state. At the end every pair is in row 1.",
    file: "ha_3.rs",
    looked: Looked::Look,
};

/// Two nodes that see their pair differently.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum Disagrees {
    /// What one knows of the other is not so.
    #[error("{node} takes its peer for {believed}, which is {real}")]
    View {
        /// Who is wrong.
        node: String,
        /// What it believes.
        believed: String,
        /// What is so.
        real: String,
    },
    /// The pair did not come home.
    #[error("{pair} is not in row 1 {seconds} s after the faults: {states}")]
    NotHome {
        /// The pair.
        pair: String,
        /// How long the faults have been over.
        seconds: u64,
        /// Its states.
        states: String,
    },
}

pub(super) struct Pairs;

impl Check for Pairs {
    fn look(&mut self, scene: &Scene<'_>) -> Result<(), Violation> {
        for pair in &scene.facts.pairs {
            let long = pair.still(scene.now).min(pair.calm(scene.now));
            if long > scene.facts.rest {
                agree(scene, pair)?;
            }
        }
        Ok(())
    }
}

fn agree(scene: &Scene<'_>, pair: &PairFacts) -> Result<(), Violation> {
    let of = |index: usize| {
        let name = scene.lab.node_name(pair.nodes[index]);
        let ha = scene.lab.status(&name).and_then(|status| status.ha);
        ha.map(|ha| (name, ha))
    };
    let (Some(first), Some(second)) = (of(0), of(1)) else {
        return Ok(());
    };
    believes(&first, &second.1)?;
    believes(&second, &first.1)
}

fn believes((name, node): &(String, HaNode), peer: &HaNode) -> Result<(), Violation> {
    let Some(believed) = node.peer.status.filter(|_| node.peer.link == Link::Alive) else {
        return Ok(());
    };
    match (believed.state, believed.reason) == (peer.state, peer.reason) {
        true => Ok(()),
        false => Err(Violation::Ha3(Disagrees::View {
            node: name.clone(),
            believed: format!("{} ({})", believed.state, believed.reason),
            real: format!("{} ({})", peer.state, peer.reason),
        })),
    }
}
