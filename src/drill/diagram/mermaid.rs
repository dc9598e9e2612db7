//! The graph as a Mermaid state diagram.

use std::fmt::Write as _;

use takeover_core::ha::State;

use super::Diagram;

/// The graph in the language of Mermaid.
#[must_use]
pub fn mermaid(diagram: &Diagram) -> String {
    let mut text = String::from("stateDiagram-v2\n    direction LR\n");
    for state in State::ALL {
        let _ = writeln!(text, "    state \"{state}\" as {}", id(state));
    }
    let _ = writeln!(text, "    [*] --> {}", id(State::Initializing));
    for (_, from, to, why) in diagram.numbered() {
        // A semicolon ends a statement there.
        let why = why.replace("; ", " / ");
        let _ = writeln!(text, "    {} --> {}: {why}", id(from), id(to));
    }
    text
}

/// A name that Mermaid takes: letters only.
fn id(state: State) -> String {
    format!("{state:?}")
}
