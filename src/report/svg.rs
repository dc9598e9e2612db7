//! The picture as SVG.

use std::fmt::Write as _;

use takeover_core::time::Moment;

use super::{Lane, LaneKind, Picture, Span};

/// Width of the drawing in its own units; it is scaled to the page.
const WIDTH: f64 = 1200.0;
/// Room for the lanes' names.
const LEFT: f64 = 130.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 34.0;
/// Height of a lane's bar.
const BAR: f64 = 20.0;
/// Diameter of a number, and what two of them must be apart.
const NUMBER: f64 = 15.0;
/// Width of a letter at the label's size, about.
const LETTER: f64 = 5.6;

/// Draws a picture.
pub(super) fn draw(picture: &Picture) -> String {
    let scale = Scale::of(picture);
    let numbers = place_numbers(picture, &scale);
    let mut body = String::new();
    let mut y = TOP;
    for (lane, marks) in picture.lanes.iter().zip(&numbers) {
        let levels = marks.iter().map(|mark| mark.level + 1).max().unwrap_or(0);
        y += levels as f64 * (NUMBER + 1.0) + 6.0;
        draw_lane(&mut body, lane, marks, y, &scale);
        y += BAR + 6.0;
    }
    let height = y + 12.0;
    let mut svg = String::new();
    let _ = write!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">"
    );
    svg.push_str("<title>");
    svg.push_str(&escape(&picture.title));
    svg.push_str("</title>");
    svg.push_str(PATTERNS);
    draw_axis(&mut svg, &scale, height - 8.0);
    svg.push_str(&body);
    svg.push_str("</svg>\n");
    svg
}

/// Hatching, so that the meaning survives a printer without colours.
const PATTERNS: &str = concat!(
    "<defs>",
    "<pattern id=\"hatch\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" ",
    "patternTransform=\"rotate(45)\"><rect width=\"2\" height=\"6\" fill=\"#000\" ",
    "fill-opacity=\".16\"/></pattern>",
    "<pattern id=\"dots\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\">",
    "<circle cx=\"1.5\" cy=\"1.5\" r=\"1\" fill=\"#000\" fill-opacity=\".22\"/></pattern>",
    "</defs>"
);

struct Scale {
    until: f64,
}

impl Scale {
    fn of(picture: &Picture) -> Self {
        Self {
            until: picture.until.as_secs_f64().max(1.0),
        }
    }

    fn x(&self, at: Moment) -> f64 {
        self.x_of_secs(at.as_secs_f64())
    }

    fn x_of_secs(&self, secs: f64) -> f64 {
        LEFT + (secs / self.until).min(1.0) * (WIDTH - LEFT - RIGHT)
    }

    /// Seconds between two lines of the axis: a round number that gives about a dozen of them.
    fn step(&self) -> f64 {
        const ROUND: [f64; 16] = [
            1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0,
            7200.0, 21_600.0, 86_400.0,
        ];
        ROUND
            .into_iter()
            .find(|step| self.until / step <= 14.0)
            .unwrap_or(604_800.0)
    }
}

fn draw_axis(svg: &mut String, scale: &Scale, bottom: f64) {
    let step = scale.step();
    let mut secs = 0.0;
    while secs <= scale.until {
        let x = scale.x_of_secs(secs);
        let _ = write!(
            svg,
            "<line class=\"grid\" x1=\"{x:.1}\" y1=\"22\" x2=\"{x:.1}\" y2=\"{bottom:.1}\"/>\
             <text class=\"tick\" x=\"{x:.1}\" y=\"16\">{}</text>",
            clock(secs)
        );
        secs += step;
    }
}

/// Seconds below two minutes, else minutes and seconds, else hours.
fn clock(secs: f64) -> String {
    let whole = secs as u64;
    match whole {
        0..120 => format!("{whole} s"),
        120..7200 if whole.is_multiple_of(60) => format!("{} min", whole / 60),
        120..7200 => format!("{}:{:02} min", whole / 60, whole % 60),
        _ => format!("{}:{:02} h", whole / 3600, whole % 3600 / 60),
    }
}

struct Number {
    number: usize,
    x: f64,
    level: usize,
    class: &'static str,
    title: String,
}

/// Numbers above each lane, in as many levels as it takes for none to cover another.
fn place_numbers(picture: &Picture, scale: &Scale) -> Vec<Vec<Number>> {
    let told = picture.told();
    let mut placed: Vec<Vec<Number>> = Vec::new();
    for lane in &picture.lanes {
        let mut levels: Vec<f64> = Vec::new();
        let mut numbers = Vec::new();
        for (number, _, mark) in told
            .iter()
            .filter(|(_, owner, _)| std::ptr::eq(*owner, lane))
        {
            let x = scale.x(mark.at);
            let free = levels.iter().position(|last| x - last >= NUMBER);
            let level = free.unwrap_or(levels.len());
            if level == levels.len() {
                levels.push(x);
            } else {
                levels[level] = x;
            }
            let title = format!("{} {}", mark.at, mark.what);
            numbers.push(Number {
                number: *number,
                x,
                level,
                class: mark.tone.class(),
                title,
            });
        }
        placed.push(numbers);
    }
    placed
}

fn draw_lane(svg: &mut String, lane: &Lane, numbers: &[Number], y: f64, scale: &Scale) {
    let class = match lane.kind {
        LaneKind::Node => "lane node",
        LaneKind::Service => "lane service",
        LaneKind::Users => "lane users",
        LaneKind::Client => "lane client",
        LaneKind::Timer => "lane timer",
    };
    let _ = write!(
        svg,
        "<g class=\"{class}\"><text class=\"name\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
        LEFT - 8.0,
        y + BAR * 0.7,
        escape(&lane.name)
    );
    for span in &lane.spans {
        draw_span(svg, span, y, scale);
    }
    for mark in lane.marks.iter().filter(|mark| !mark.told) {
        let (x, tone) = (scale.x(mark.at), mark.tone.class());
        let _ = write!(
            svg,
            "<line class=\"dash {tone}\" x1=\"{x:.1}\" y1=\"{:.1}\" x2=\"{x:.1}\" y2=\"{:.1}\"/>",
            y + BAR - 5.0,
            y + BAR
        );
    }
    for number in numbers {
        draw_number(svg, number, y);
    }
    svg.push_str("</g>");
}

fn draw_span(svg: &mut String, span: &Span, y: f64, scale: &Scale) {
    let from = scale.x(span.from);
    let to = span.to.map_or(WIDTH - RIGHT, |to| scale.x(to));
    let (width, tone) = ((to - from).max(0.8), span.tone.class());
    let place =
        format!("x=\"{from:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{BAR}\" rx=\"2\"");
    let label = escape(&span.label);
    let _ = write!(
        svg,
        "<g><title>{label}, from {}</title><rect class=\"span {tone}\" {place}/>\
         <rect class=\"over {tone}\" {place}/>",
        span.from
    );
    if let Some(text) = fitting(&span.label, width) {
        let _ = write!(
            svg,
            "<text class=\"label\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            from + 4.0,
            y + BAR * 0.68,
            escape(&text)
        );
    }
    svg.push_str("</g>");
}

/// As much of a label as fits, if that is enough to be read.
fn fitting(label: &str, width: f64) -> Option<String> {
    let letters = ((width - 6.0) / LETTER).max(0.0) as usize;
    if label.chars().count() <= letters {
        return Some(label.to_owned());
    }
    (letters >= 6).then(|| label.chars().take(letters - 1).chain(['…']).collect())
}

fn draw_number(svg: &mut String, number: &Number, y: f64) {
    let centre = y - 3.0 - NUMBER / 2.0 - number.level as f64 * (NUMBER + 1.0);
    let x = number.x;
    let _ = write!(
        svg,
        "<g class=\"number {}\"><title>{}</title>\
         <line x1=\"{x:.1}\" y1=\"{:.1}\" x2=\"{x:.1}\" y2=\"{:.1}\"/>\
         <circle cx=\"{x:.1}\" cy=\"{centre:.1}\" r=\"{:.1}\"/>\
         <text x=\"{x:.1}\" y=\"{:.1}\">{}</text></g>",
        number.class,
        escape(&number.title),
        centre,
        y + BAR,
        NUMBER / 2.0,
        centre + 3.1,
        number.number
    );
}

/// Makes text safe inside XML and HTML.
pub(crate) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}
