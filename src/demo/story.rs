//! CHAT-8 and CHAT-9, step by step, on any lab and either clock.

use std::ops::ControlFlow;
use std::time::Duration;

use takeover_core::ha::State;
use takeover_core::service::ServiceKind;
use takeover_core::time::Moment;
use takeover_protocols::jid::BareJid;
use thiserror::Error;

use crate::client::{Client, Target};
use crate::lab::{Control, Lab, LabError};

/// The four who talk, each at home on another node.
pub const PEOPLE: [&str; 4] = ["andy", "bob", "catherine", "deborah"];
/// Where Andy is at home, and who takes him over.
const HOME: &str = "1A";
const BACKUP: &str = "1B";
/// How often each of them says something, about.
const EVERY: Duration = Duration::from_secs(4);
const LITTLE: Duration = Duration::from_secs(30);
const LIMIT: Duration = Duration::from_secs(300);

/// Why the story did not come to its end.
#[derive(Debug, Error)]
pub enum StoryError {
    /// The lab refused something.
    #[error(transparent)]
    Lab(#[from] LabError),
    /// Whoever watches has had enough.
    #[error("interrupted")]
    Interrupted,
    /// Something did not happen in time.
    #[error("within {limit_s} s of protocol time it did not come to pass that {what}")]
    Missed {
        /// What should have happened.
        what: String,
        /// The limit, in protocol seconds.
        limit_s: u64,
    },
}

/// When the story's turns were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// The Text Conference service died.
    pub died: Moment,
    /// SRM began the failover.
    pub failover: Moment,
    /// Both nodes were at rest again.
    pub failed_over: Moment,
    /// The administrator asked for the fallback.
    pub fallback: Moment,
    /// Both nodes were `Normal` again.
    pub normal: Moment,
}

/// The story under way.
pub struct Story<'l, W: FnMut(&Control) -> ControlFlow<()>> {
    lab: &'l mut Lab,
    watch: W,
    room: BareJid,
    people: Vec<Client>,
}

impl<'l, W: FnMut(&Control) -> ControlFlow<()>> Story<'l, W> {
    /// Sets the scene on a lab with the four users; `watch` sees it all as it happens, and may
    /// break it off.
    ///
    /// # Errors
    /// [`StoryError::Lab`] where the lab lacks the nodes or users.
    pub fn new(lab: &'l mut Lab, watch: W) -> Result<Self, StoryError> {
        let room = lab.room("lunch", HOME)?;
        // Andy's client begins a new session wherever it logs in, as those of this field do.
        let person =
            |name: &&str| lab.client_with(name, |spec| spec.resumption = *name != PEOPLE[0]);
        let people = PEOPLE.iter().map(person).collect::<Result<_, _>>()?;
        Ok(Self {
            lab,
            watch,
            room,
            people,
        })
    }

    /// Plays it from the first login to the last word.
    ///
    /// # Errors
    /// [`StoryError`] with what did not happen.
    pub fn play(&mut self) -> Result<Times, StoryError> {
        self.log_in()?;
        self.enter()?;
        self.talk();
        self.pass(LITTLE)?;
        let (died, failover, failed_over) = self.fail_over()?;
        self.andy_is_back(BACKUP)?;
        self.pass(2 * LITTLE)?;
        let (fallback, normal) = self.fall_back()?;
        self.andy_is_back(HOME)?;
        self.pass(2 * LITTLE)?;
        self.fall_silent()?;
        Ok(Times {
            died,
            failover,
            failed_over,
            fallback,
            normal,
        })
    }

    fn pass(&mut self, time: Duration) -> Result<(), StoryError> {
        let until = self.lab.now() + time;
        self.watched(|lab| lab.now() >= until, time).map(drop)
    }

    /// Waits for the condition under the watcher's eyes; whether it came to pass.
    fn watched(
        &mut self,
        mut condition: impl FnMut(&Control) -> bool,
        limit: Duration,
    ) -> Result<bool, StoryError> {
        let watch = &mut self.watch;
        let mut seen = ControlFlow::Continue(());
        let done = self.lab.until(
            |lab| {
                seen = watch(lab);
                seen.is_break() || condition(lab)
            },
            limit,
        );
        match seen {
            ControlFlow::Continue(()) => Ok(done),
            ControlFlow::Break(()) => Err(StoryError::Interrupted),
        }
    }

    fn until(
        &mut self,
        what: &str,
        limit: Duration,
        condition: impl FnMut(&Control) -> bool,
    ) -> Result<Moment, StoryError> {
        match self.watched(condition, limit)? {
            true => Ok(self.lab.now()),
            false => Err(StoryError::Missed {
                what: what.to_owned(),
                limit_s: limit.as_secs(),
            }),
        }
    }

    /// All log in and see each other.
    fn log_in(&mut self) -> Result<(), StoryError> {
        let people = self.people.clone();
        people.iter().for_each(Client::log_in);
        self.until("everybody is logged in", LIMIT, |_| {
            people.iter().all(Client::is_online)
        })?;
        let pairs = || {
            people
                .iter()
                .flat_map(|one| people.iter().map(move |other| (one, other)))
        };
        let strangers = || pairs().filter(|(one, other)| one.name() != other.name());
        for (one, other) in strangers() {
            one.subscribe(other.user());
        }
        self.until("everybody sees everybody's presence", LIMIT, |_| {
            strangers().all(|(one, other)| one.sees(other.user()))
        })?;
        Ok(())
    }

    /// Andy makes the room on his node, the others come in.
    fn enter(&mut self) -> Result<(), StoryError> {
        let (people, room) = (self.people.clone(), self.room.clone());
        people[0].enter(&room);
        self.until("Andy is in his room", LIMIT, |_| people[0].is_in(&room))?;
        people[1..].iter().for_each(|other| other.enter(&room));
        self.until("everybody is in the room", LIMIT, |_| {
            people
                .iter()
                .all(|one| one.occupants(&room).len() == people.len())
        })?;
        Ok(())
    }

    /// Everybody talks, in the room and with one another.
    fn talk(&mut self) {
        for (place, one) in self.people.iter().enumerate() {
            let next = PEOPLE[(place + 1) % PEOPLE.len()].to_owned();
            let room = Target::Room(self.room.to_string());
            one.keep_talking(EVERY, vec![room.clone(), room, Target::Client(next)]);
        }
    }

    /// CHAT-8: the Text Conference service of 1A dies and stays dead.
    fn fail_over(&mut self) -> Result<(Moment, Moment, Moment), StoryError> {
        let died = self.lab.now();
        let kind = ServiceKind::TextConference;
        self.lab.node(HOME)?.service(kind).kill()?;
        let failover = self.until("SRM starts the failover", LIMIT, |lab| {
            lab.state(HOME) != Some(State::Normal)
        })?;
        let failed_over = self.until("1B runs in backup mode", LIMIT, |lab| {
            lab.state(HOME) == Some(State::FailedOverDown)
                && lab.state(BACKUP) == Some(State::Backup)
        })?;
        Ok((died, failover, failed_over))
    }

    /// Andy is logged in at `place`, in the room, and has been heard there.
    fn andy_is_back(&mut self, place: &str) -> Result<(), StoryError> {
        let (andy, room) = (self.people[0].clone(), self.room.clone());
        let limit = Duration::from_secs(900);
        self.until(
            &format!("Andy is in the room again, logged in at {place}"),
            limit,
            |_| andy.is_at(place) && andy.is_in(&room),
        )?;
        let since = self.lab.now();
        self.until("Andy posts again", LIMIT, |_| {
            andy.sent_at().last().is_some_and(|last| *last > since)
        })?;
        Ok(())
    }

    /// CHAT-9: the administrator mends the service and brings the users home.
    fn fall_back(&mut self) -> Result<(Moment, Moment), StoryError> {
        self.lab
            .node(HOME)?
            .service(ServiceKind::TextConference)
            .start()?;
        self.until("1A is able again", LIMIT, |lab| {
            lab.state(HOME) == Some(State::FailedOver)
        })?;
        self.pass(LITTLE)?;
        let fallback = self.lab.now();
        self.lab.node(HOME)?.fall_back()?;
        let normal = self.until("both nodes are normal", LIMIT, |lab| {
            lab.state(HOME) == Some(State::Normal) && lab.state(BACKUP) == Some(State::Normal)
        })?;
        Ok((fallback, normal))
    }

    /// Nobody says anything any more, and what was said arrives.
    fn fall_silent(&mut self) -> Result<(), StoryError> {
        self.people.iter().for_each(Client::fall_silent);
        self.pass(Duration::from_secs(5))?;
        // What is still missing then is the verdict's business.
        self.watched(Control::nothing_missing, LIMIT).map(drop)
    }
}
