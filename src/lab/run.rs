//! A lab as plain code has it: what it does, it waits for.

use std::ops::Deref;
use std::path::Path;
use std::time::Duration;

use takeover_actors::rack::RackMsg;
use takeover_actors::rt::{RealDriver, Standing, VirtualDriver, World};
use takeover_actors::user_mover::UserOrder;

use super::{Answer, Builder, Control, LabError, Link, NoAnswer, Node, Pair};

pub(super) enum Driver {
    Virtual(Box<VirtualDriver>),
    Real(Option<RealDriver>),
}

impl Driver {
    pub(super) fn world(&self) -> Option<&World> {
        match self {
            Self::Virtual(driver) => Some(driver.world()),
            Self::Real(driver) => driver.as_ref().map(RealDriver::world),
        }
    }
}

/// A running lab.
///
/// Reading and asking is done through its [`Control`], to which it dereferences; what the lab itself
/// adds is time: in virtual time it is the caller's thread on which everything runs, and nothing
/// happens between two calls; in real time the lab has threads of its own.
pub struct Lab {
    control: Control,
    rack: Standing<RackMsg>,
    driver: Driver,
    /// Lives as long as the lab.
    _mover: Standing<UserOrder>,
}

/// Protocol time that an answer may take.
const ANSWER: Duration = Duration::from_secs(60);

impl Lab {
    /// A lab in virtual time, with all its chance drawn from `seed`.
    #[must_use]
    pub fn virtual_time(seed: u64) -> Builder {
        Builder::virtual_time(seed)
    }

    /// A lab in real time, `speed` protocol seconds a second, with sockets on loopback.
    #[must_use]
    pub fn real_time(speed: f64) -> Builder {
        Builder::real_time(speed)
    }

    pub(super) fn new(
        control: Control,
        rack: Standing<RackMsg>,
        driver: Driver,
        mover: Standing<UserOrder>,
    ) -> Self {
        Self {
            control,
            rack,
            driver,
            _mover: mover,
        }
    }

    /// A hand on the lab that other threads and async programs can have too.
    #[must_use]
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// The folder that keeps the lab's data; empty where everything is in memory.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.control.0.stores.folder()
    }

    /// Lets protocol time pass.
    pub fn pass(&mut self, time: Duration) {
        match &mut self.driver {
            Driver::Virtual(driver) => driver.pass(time),
            Driver::Real(Some(driver)) => drop(driver.until(|| false, time)),
            Driver::Real(None) => {}
        }
    }

    /// Lets protocol time pass until a condition holds, for at most `limit`; whether it does.
    pub fn until(&mut self, mut condition: impl FnMut(&Control) -> bool, limit: Duration) -> bool {
        let control = &self.control;
        match &mut self.driver {
            Driver::Virtual(driver) => driver.until(|| condition(control), limit),
            Driver::Real(Some(driver)) => driver.until(|| condition(control), limit),
            Driver::Real(None) => condition(control),
        }
    }

    /// Runs what is runnable now, in virtual time; in real time that happens by itself.
    pub fn settle(&mut self) {
        if let Driver::Virtual(driver) = &mut self.driver {
            driver.settle();
        }
    }

    /// Waits for an answer.
    ///
    /// # Errors
    /// [`NoAnswer`] when none comes.
    pub fn wait_for<T: Send + 'static>(&mut self, mut answer: Answer<T>) -> Result<T, NoAnswer> {
        self.settle();
        let mut taken = answer.try_take();
        if matches!(taken, Ok(None)) {
            self.until(
                |_| {
                    taken = answer.try_take();
                    !matches!(taken, Ok(None))
                },
                ANSWER,
            );
        }
        taken?.ok_or(NoAnswer)
    }

    /// Fault: an actor or light child panics with `text` in its next turn, as by a bug in it; the
    /// journal has who and with what. `node` says whose it is (`None`: the lab's own), `kind` and
    /// `name` are those of the journal.
    ///
    /// ```
    /// let mut lab = takeover::Lab::virtual_time(1).start()?;
    /// lab.panic_in(Some("1A"), "icsa", "icsa", "a planted panic")?;
    /// assert!(lab.journal().lines().contains("icsa icsa panicked: a planted panic"));
    /// # Ok::<(), takeover::LabError>(())
    /// ```
    ///
    /// # Errors
    /// [`LabError::NoSuch`] with the actors of this kind there, where none has this name. (Light
    /// children, such as connections, are not listed.)
    pub fn panic_in(
        &mut self,
        node: Option<&str>,
        kind: &'static str,
        name: &str,
        text: &str,
    ) -> Result<(), LabError> {
        let id = node.map(|node| self.control.node_id(node)).transpose()?;
        self.record_fault(id, format!("{kind} {name} is to panic: {text}"));
        let blow = self.world().panic_in(id, kind, name, text);
        self.settle();
        self.until(|_| blow.landed().is_some(), ANSWER);
        if blow.landed() == Some(true) {
            self.settle();
            return Ok(());
        }
        let living = self.world().mailboxes().into_iter();
        let alike = living.filter(|one| one.node == id && one.kind == kind);
        Err(LabError::NoSuch {
            what: kind,
            name: name.to_owned(),
            known: alike.map(|one| one.name.to_string()).collect(),
        })
    }

    /// The node of this name.
    ///
    /// # Errors
    /// [`LabError::NoSuch`] with the names there are.
    pub fn node(&mut self, name: &str) -> Result<Node<'_>, LabError> {
        let id = self.control.node_id(name)?;
        Ok(Node { lab: self, id })
    }

    /// The presence redundancy group of this name.
    ///
    /// # Errors
    /// [`LabError::NoSuch`] with the names there are.
    pub fn pair(&mut self, name: &str) -> Result<Pair<'_>, LabError> {
        let id = self.control.group_id(name)?;
        Ok(Pair { lab: self, id })
    }

    /// The link between two nodes.
    ///
    /// # Errors
    /// Those of [`Control::ends_of_link`].
    pub fn link(&mut self, from: &str, to: &str) -> Result<Link<'_>, LabError> {
        let (from, to) = self.control.ends_of_link(from, to)?;
        Ok(Link {
            lab: self,
            from,
            to,
        })
    }

    /// Shuts all nodes down in order and ends the lab.
    ///
    /// # Errors
    /// [`LabError::NotStopped`] where something did not end within `limit` of real time (in virtual
    /// time: of protocol time).
    pub fn shut_down(mut self, limit: Duration) -> Result<(), LabError> {
        // A rack that takes no message has ended, and is not to come back.
        self.rack.retire();
        let _ = self.rack.send(RackMsg::ShutDown);
        let speed = self.world().clock().speed().unwrap_or(1.0);
        let rack = &self.rack;
        let dark = match &mut self.driver {
            Driver::Virtual(driver) => driver.until(|| rack.is_over(), limit),
            Driver::Real(Some(driver)) => {
                driver.until(|| rack.is_over(), limit.mul_f64(speed * 0.7))
            }
            Driver::Real(None) => true,
        };
        let ended = match &mut self.driver {
            Driver::Virtual(_) => Ok(()),
            Driver::Real(driver) => driver
                .take()
                .map_or(Ok(()), |d| d.shutdown(limit.mul_f64(0.3))),
        };
        match (dark, ended) {
            (true, Ok(())) => Ok(()),
            (false, _) => Err(LabError::NotStopped(
                "not all nodes were shut down in order".into(),
            )),
            (true, Err(error)) => Err(LabError::NotStopped(error.to_string())),
        }
    }
}

impl Deref for Lab {
    type Target = Control;

    fn deref(&self) -> &Control {
        &self.control
    }
}
