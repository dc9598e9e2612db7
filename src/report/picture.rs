//! A run as a picture: lanes with spans of states and numbered marks of events.

use takeover_core::time::Moment;

/// What a span or mark means, which decides its colour and hatching.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tone {
    /// All is well: `Normal`, logged in.
    Good,
    /// Serving more than its own: `Running in Backup Mode`.
    Busy,
    /// On the way from one state to another.
    Moving,
    /// Out of order: failed over, service down, not logged in.
    Bad,
    /// Not to be seen: powered off, unknown.
    Dark,
    /// Neither good nor bad: a wait, a note.
    Plain,
}

impl Tone {
    /// Every tone, in the order of the legend.
    pub const ALL: [Tone; 6] = [
        Tone::Good,
        Tone::Busy,
        Tone::Moving,
        Tone::Bad,
        Tone::Dark,
        Tone::Plain,
    ];

    /// The word used for it in class names.
    #[must_use]
    pub const fn class(self) -> &'static str {
        match self {
            Tone::Good => "good",
            Tone::Busy => "busy",
            Tone::Moving => "moving",
            Tone::Bad => "bad",
            Tone::Dark => "dark",
            Tone::Plain => "plain",
        }
    }
}

/// Whose lane it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LaneKind {
    /// A node's state.
    Node,
    /// A service of a node.
    Service,
    /// How many users a node has.
    Users,
    /// A client's session.
    Client,
    /// Waits and timers.
    Timer,
}

/// A stretch of time in one state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Its begin.
    pub from: Moment,
    /// Its end; `None` lasts to the end of the picture.
    pub to: Option<Moment>,
    /// The state's name.
    pub label: String,
    /// What it means.
    pub tone: Tone,
}

/// Something that happened at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// When.
    pub at: Moment,
    /// What happened.
    pub what: String,
    /// Why it happened, where there is a reason.
    pub why: Option<String>,
    /// What it means.
    pub tone: Tone,
    /// Whether it is numbered and told below the picture, or only a tick on the lane.
    pub told: bool,
}

/// One row of the picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lane {
    /// Its name, at the left edge.
    pub name: String,
    /// Whose lane it is.
    pub kind: LaneKind,
    /// States, in order of time.
    pub spans: Vec<Span>,
    /// Events, in order of time.
    pub marks: Vec<Mark>,
}

impl Lane {
    /// An empty lane.
    #[must_use]
    pub fn new(name: impl Into<String>, kind: LaneKind) -> Self {
        Self {
            name: name.into(),
            kind,
            spans: Vec::new(),
            marks: Vec::new(),
        }
    }

    /// Ends the span that is open and begins another; a repetition of the open one is ignored.
    pub fn turn(&mut self, at: Moment, label: impl Into<String>, tone: Tone) {
        let label = label.into();
        if let Some(open) = self.spans.last_mut().filter(|span| span.to.is_none()) {
            if open.label == label && open.tone == tone {
                return;
            }
            open.to = Some(at);
        }
        self.spans.push(Span {
            from: at,
            to: None,
            label,
            tone,
        });
    }

    /// Ends the span that is open, if one is.
    pub fn end(&mut self, at: Moment) {
        if let Some(open) = self.spans.last_mut().filter(|span| span.to.is_none()) {
            open.to = Some(at);
        }
    }

    /// Adds an event that is told below the picture.
    pub fn tell(&mut self, at: Moment, what: impl Into<String>, why: Option<String>, tone: Tone) {
        self.marks.push(Mark {
            at,
            what: what.into(),
            why,
            tone,
            told: true,
        });
    }

    /// Adds a tick without a word.
    pub fn tick(&mut self, at: Moment, tone: Tone) {
        self.marks.push(Mark {
            at,
            what: String::new(),
            why: None,
            tone,
            told: false,
        });
    }
}

/// A whole run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// What the run was.
    pub title: String,
    /// One sentence on how it was made: seed, speed, outcome.
    pub subtitle: String,
    /// The rows, from top to bottom.
    pub lanes: Vec<Lane>,
    /// The right edge.
    pub until: Moment,
}

impl Picture {
    /// The told marks of all lanes in order of time, with their numbers from 1 and their lanes.
    #[must_use]
    pub fn told(&self) -> Vec<(usize, &Lane, &Mark)> {
        let mut told: Vec<(&Lane, &Mark)> = Vec::new();
        for lane in &self.lanes {
            told.extend(
                lane.marks
                    .iter()
                    .filter(|mark| mark.told)
                    .map(|mark| (lane, mark)),
            );
        }
        told.sort_by_key(|(_, mark)| mark.at);
        told.into_iter()
            .enumerate()
            .map(|(index, (lane, mark))| (index + 1, lane, mark))
            .collect()
    }
}
