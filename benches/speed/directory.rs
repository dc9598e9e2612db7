//! Who is where: looked up, and handed over, while others do the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use takeover_core::id::NodeId;
use takeover_core::sync::{Directory, Ownership, Slot};

use super::control::{CHANNEL, channel};
use super::measure::Bench;

/// Users in the directory.
const USERS: usize = 25_000;
/// What is done at once, so that the clock is read seldom.
const AT_ONCE: u64 = 1000;

type Place = Slot<u64, u64>;

pub fn measure(bench: &mut Bench) {
    let names: Vec<String> = (0..USERS).map(|n| format!("user{n}@example.com")).collect();
    for busy in [false, true] {
        look_up(bench, &names, busy);
        hand_over(bench, &names, busy);
    }
}

fn filled(names: &[String]) -> Arc<Directory<Place>> {
    let directory = Directory::new();
    for name in names {
        let place = Slot::new(Ownership::new(NodeId(0), 0), 0);
        directory.insert(name.as_str(), Arc::new(place));
    }
    Arc::new(directory)
}

/// Another thread that delivers and moves users without a pause, if there is to be one.
struct Other(Arc<AtomicBool>, Option<JoinHandle<u64>>);

impl Other {
    fn start(directory: &Arc<Directory<Place>>, names: &[String], busy: bool) -> Self {
        let over = Arc::new(AtomicBool::new(!busy));
        let (stop, directory) = (over.clone(), directory.clone());
        let names: Vec<String> = names.iter().skip(1).step_by(2).cloned().collect();
        let work = move || {
            let mut done = 0;
            while !stop.load(Ordering::Relaxed) {
                let name = &names[done as usize % names.len()];
                if let Some(place) = directory.get(name) {
                    let seen = place.owner();
                    let _ = place.deliver(seen, done, |sum, more| *sum += more);
                    let to = NodeId(1 - seen.node().0);
                    let moved = place.take_over(seen, to, |_| {}, |_, _| {});
                    done += u64::from(moved.is_ok());
                }
            }
            done
        };
        #[expect(clippy::disallowed_methods, reason = "nothing of a lab runs here")]
        let thread = busy.then(|| std::thread::spawn(work));
        Self(over, thread)
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
        if let Some(thread) = self.1.take() {
            let moved = thread.join().expect("a thread that ends");
            println!("beside it {moved} users were moved");
        }
    }
}

/// The processor time of both threads counts where there are two: half of it is this one's.
fn named(what: &str, busy: bool) -> String {
    match busy {
        true => format!("{what}, two threads"),
        false => what.to_owned(),
    }
}

fn look_up(bench: &mut Bench, names: &[String], busy: bool) {
    let name = named("look-up of a user", busy);
    if !bench.wants(&name) {
        return;
    }
    let directory = filled(names);
    let other = Other::start(&directory, names, busy);
    let mut at = 0;
    let cost = bench.cost(&name, AT_ONCE, || {
        for _ in 0..AT_ONCE {
            // Not in their order: a cache would know what comes.
            at = (at + 7919) % names.len();
            let found = directory.get(&names[at]).expect("a user");
            std::hint::black_box(found.owner());
        }
    });
    drop(other);
    let least = channel(bench, &format!("{name}/floor"));
    bench.beside(&name, CHANNEL, (cost, least));
}

fn hand_over(bench: &mut Bench, names: &[String], busy: bool) {
    let name = named("hand-over of a user", busy);
    if !bench.wants(&name) {
        return;
    }
    let directory = filled(names);
    let other = Other::start(&directory, names, busy);
    let evens = names.iter().step_by(2);
    let places: Vec<Arc<Place>> = evens.filter_map(|name| directory.get(name)).collect();
    let mut at = 0;
    let cost = bench.cost(&name, AT_ONCE, || {
        for _ in 0..AT_ONCE {
            at = (at + 7919) % places.len();
            let place = &places[at];
            let seen = place.owner();
            let to = NodeId(1 - seen.node().0);
            let taken = place.take_over(seen, to, |_| {}, |_, _| {});
            assert!(taken.is_ok());
        }
    });
    drop(other);
    let least = channel(bench, &format!("{name}/floor"));
    bench.beside(&name, CHANNEL, (cost, least));
}
