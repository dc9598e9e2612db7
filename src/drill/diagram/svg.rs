//! The graph as a picture that needs nothing else.
//!
//! The home's way is on the left, the backup's on the right. What leads to `Initializing`, to failed mode or
//! to `Unknown` would hide all else: such edges are flags on the states that they start from. Every edge has
//! a number, and the list below says what leads along it.

use std::fmt::Write as _;

use takeover_core::ha::State;

use super::Diagram;
use crate::report::{escape, tone_of};

const WIDTH: f64 = 1200.0;
/// Height of the graph; the list is below it.
const GRAPH: f64 = 745.0;
const BOX: (f64, f64) = (196.0, 46.0);
const LINE: f64 = 15.0;
/// Letters in a line of the list.
const LETTERS: usize = 88;

/// The graph as SVG.
#[must_use]
pub fn svg(diagram: &Diagram) -> String {
    let (list, height) = list(diagram);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" role=\"img\">\n\
         <title>The states of a node and what leads from one to another</title>\n{STYLE}\n"
    );
    for (number, from, to, why) in diagram.numbered() {
        if !is_flag(from, to) {
            draw_edge(&mut svg, number, from, to, &why);
        }
    }
    for state in State::ALL {
        draw_state(&mut svg, diagram, state);
    }
    for (row, text) in KEY.iter().enumerate() {
        let y = 40.0 + row as f64 * LINE;
        let _ = writeln!(svg, "<text class=\"list\" x=\"24\" y=\"{y}\">{text}</text>");
    }
    svg.push_str(&list);
    svg.push_str("</svg>\n");
    svg
}

/// What the flags mean.
const KEY: [&str; 4] = [
    "Each number is told in the list below. Flags are edges too:",
    "I→ 2   comes from Initializing, by edge 2",
    "15 →I   leads to Initializing, by edge 15",
    "→F   to Running in Failed Mode,   →U   to Unknown",
];

const STYLE: &str = concat!(
    "<style>text{font:12px system-ui,\"DejaVu Sans\",sans-serif;fill:#1c2530}",
    ".paper{fill:#fff}",
    ".state{stroke:#1c2530;stroke-width:1.2}.good{fill:#8fcfa2}.busy{fill:#8db9ec}",
    ".moving{fill:#f5d06f}.bad{fill:#f0968a}.dark{fill:#aab2bd}.plain{fill:#e4e8ee}",
    ".name{text-anchor:middle;font-weight:600}.edge{fill:none;stroke:#3c4856;stroke-width:1.4}",
    ".start{stroke:#9aa5b1;stroke-dasharray:5 3}",
    ".number{text-anchor:middle;font-size:10px;font-weight:600}.dot{fill:#fff;stroke:#3c4856}",
    ".flag{stroke:#1c2530;stroke-width:.7}.list{font-size:11px}.head{font-weight:600}</style>",
    "<defs><marker id=\"tip\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"8\" ",
    "markerHeight=\"8\" orient=\"auto-start-reverse\"><path d=\"M0 0L10 5L0 10z\" fill=\"#3c4856\"/>",
    "</marker></defs><rect class=\"paper\" width=\"100%\" height=\"100%\"/>"
);

/// The middle of a state's box.
const fn place(state: State) -> (f64, f64) {
    match state {
        State::Initializing => (600.0, 50.0),
        State::Unknown => (1060.0, 50.0),
        State::Normal => (600.0, 180.0),
        State::FailingOver => (400.0, 340.0),
        State::TakingOver => (900.0, 340.0),
        State::Idle => (120.0, 490.0),
        State::FailedOverDown => (250.0, 640.0),
        State::FailedOver => (430.0, 490.0),
        State::TakingBack => (120.0, 180.0),
        State::Backup => (970.0, 530.0),
        State::FallingBack => (1080.0, 180.0),
        State::FailedMode => (720.0, 690.0),
    }
}

/// How far an edge bends to its right-hand side. Both ways of an edge bend to their own.
fn bend(from: State, to: State, long: f64) -> f64 {
    match (from, to) {
        // Straight on they would run through a box.
        (State::FallingBack, State::FailingOver) => -70.0,
        (State::Backup, State::Normal) => -60.0,
        (State::FailedOver, State::TakingBack) => -40.0,
        _ => 26.0 + long * 0.06,
    }
}

/// The states that almost all others lead to.
fn is_flag(from: State, to: State) -> bool {
    match to {
        State::Initializing | State::Unknown | State::FailedMode => true,
        State::Idle
        | State::Normal
        | State::Backup
        | State::TakingOver
        | State::FailingOver
        | State::FailedOver
        | State::FailedOverDown
        | State::FallingBack
        | State::TakingBack => from == State::Initializing,
    }
}

fn draw_state(svg: &mut String, diagram: &Diagram, state: State) {
    let (x, y) = place(state);
    let (width, height) = BOX;
    let tone = tone_of(state).class();
    let _ = writeln!(
        svg,
        "<rect class=\"state {tone}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{width}\" height=\"{height}\" rx=\"7\"/>",
        x - width / 2.0,
        y - height / 2.0
    );
    for (row, text) in lines(state.name(), 26).iter().enumerate() {
        let count = lines(state.name(), 26).len() as f64;
        let line = y + 4.0 + (row as f64 - (count - 1.0) / 2.0) * 14.0;
        let _ = writeln!(
            svg,
            "<text class=\"name\" x=\"{x:.1}\" y=\"{line:.1}\">{text}</text>"
        );
    }
    let mut flag = x - width / 2.0;
    for (number, from, to, why) in diagram.numbered() {
        let comes = from == State::Initializing && to == state;
        if !is_flag(from, to) || !(from == state && from != State::Initializing || comes) {
            continue;
        }
        let other = if comes { from } else { to };
        let word = if comes {
            format!("from {from}")
        } else {
            format!("to {to}")
        };
        draw_flag(
            svg,
            (flag, y + height / 2.0 + 3.0),
            number,
            other,
            &format!("{word}: {why}"),
        );
        flag += 50.0;
    }
}

/// A small flag below a state: the number of the edge, and the other end by its letter and colour.
fn draw_flag(svg: &mut String, at: (f64, f64), number: usize, other: State, why: &str) {
    let letter = match other {
        State::Initializing => "I",
        State::Unknown => "U",
        State::FailedMode => "F",
        State::Idle
        | State::Normal
        | State::Backup
        | State::TakingOver
        | State::FailingOver
        | State::FailedOver
        | State::FailedOverDown
        | State::FallingBack
        | State::TakingBack => "",
    };
    let (x, y) = at;
    let tone = tone_of(other).class();
    // What comes from Initializing is marked with an arrow in front, what leads away with one behind.
    let text = if why.starts_with("from") {
        format!("{letter}→ {number}")
    } else {
        format!("{number} →{letter}")
    };
    let _ = writeln!(
        svg,
        "<g><title>{}</title><rect class=\"flag {tone}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"46\" \
         height=\"15\" rx=\"3\"/><text class=\"number\" x=\"{:.1}\" y=\"{:.1}\">{text}</text></g>",
        escape(why),
        x + 23.0,
        y + 11.0
    );
}

fn draw_edge(svg: &mut String, number: usize, from: State, to: State, why: &str) {
    let (a, b) = (place(from), place(to));
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let long = dx.hypot(dy).max(1.0);
    let bend = bend(from, to, long);
    let middle = (
        (a.0 + b.0) / 2.0 - dy / long * bend,
        (a.1 + b.1) / 2.0 + dx / long * bend,
    );
    let (start, end) = (border(a, middle), border(b, middle));
    let dot = (
        start.0 * 0.25 + middle.0 * 0.5 + end.0 * 0.25,
        start.1 * 0.25 + middle.1 * 0.5 + end.1 * 0.25,
    );
    let _ = writeln!(
        svg,
        "<g><title>{from} → {to}: {}</title><path class=\"edge\" marker-end=\"url(#tip)\" \
         d=\"M{:.1} {:.1}Q{:.1} {:.1} {:.1} {:.1}\"/><circle class=\"dot\" cx=\"{:.1}\" cy=\"{:.1}\" \
         r=\"9\"/><text class=\"number\" x=\"{:.1}\" y=\"{:.1}\">{number}</text></g>",
        escape(why),
        start.0,
        start.1,
        middle.0,
        middle.1,
        end.0,
        end.1,
        dot.0,
        dot.1,
        dot.0,
        dot.1 + 3.5
    );
}

/// Where the line from the middle of a box to a point leaves the box.
fn border(centre: (f64, f64), towards: (f64, f64)) -> (f64, f64) {
    let (dx, dy) = (towards.0 - centre.0, towards.1 - centre.1);
    let reach = |half: f64, by: f64| if by == 0.0 { f64::MAX } else { half / by.abs() };
    let part = reach(BOX.0 / 2.0 + 2.0, dx)
        .min(reach(BOX.1 / 2.0 + 2.0, dy))
        .min(1.0);
    (centre.0 + dx * part, centre.1 + dy * part)
}

/// What leads along each edge, in two columns; and the height of the whole picture.
fn list(diagram: &Diagram) -> (String, f64) {
    let mut blocks: Vec<Vec<String>> = Vec::new();
    for (number, from, to, why) in diagram.numbered() {
        let whole = format!("{number}  {from} → {to}: {why}");
        blocks.push(lines(&whole, LETTERS));
    }
    let all: usize = blocks.iter().map(Vec::len).sum();
    let mut text = String::new();
    let (mut column, mut row, mut deepest) = (0, 0, 0);
    for block in blocks {
        if column == 0 && row * 2 >= all {
            (column, row) = (1, 0);
        }
        for (index, line) in block.iter().enumerate() {
            let x = 24.0 + f64::from(column) * 590.0 + if index > 0 { 22.0 } else { 0.0 };
            let y = GRAPH + 30.0 + row as f64 * LINE;
            let _ = writeln!(
                text,
                "<text class=\"list\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>",
                escape(line)
            );
            row += 1;
            deepest = deepest.max(row);
        }
    }
    (text, GRAPH + 40.0 + deepest as f64 * LINE)
}

/// A text in lines of at most so many letters, broken between words.
fn lines(text: &str, letters: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + word.chars().count() < letters => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
