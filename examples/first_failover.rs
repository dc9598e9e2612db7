//! Your first failover, in a test: a pair, two users, a power cut, and nobody loses a word.
//!
//! `cargo run --example first_failover`

use std::time::Duration;

use takeover::{Lab, LabError, ha::State};

const MINUTE: Duration = Duration::from_secs(60);

fn main() -> Result<(), LabError> {
    // Time is virtual: it stands still until the test lets it pass, and then it flies.
    let mut lab = Lab::virtual_time(2024)
        .cluster("office", |cluster| cluster.pair("pair-1", "1A", "1B"))
        .user("andy", "1A")
        .user("bob", "1B")
        .start()?;

    let (andy, bob) = (lab.client("andy")?, lab.client("bob")?);
    for client in [&andy, &bob] {
        client.log_in();
    }
    assert!(lab.until(|_| andy.is_online() && bob.is_online(), MINUTE));

    // Node 1A loses its power. Andy does not know yet; Bob writes to him all the same.
    lab.node("1A")?.kill()?;
    bob.say("andy", "are you there?");

    // The peer misses the heartbeat for 60 s and takes Andy over (HA-1).
    assert!(lab.until(|lab| lab.state("1B") == Some(State::Backup), 3 * MINUTE));
    println!("{}: 1B runs in backup mode", lab.now());

    // Andy's client waits its random time (SES-5) and logs in at 1B, where the message waits.
    assert!(lab.until(|_| andy.has_received("are you there?"), 15 * MINUTE));
    println!("{}: Andy reads Bob's message", lab.now());

    // What was acknowledged has arrived, once, in its sender's order.
    assert!(lab.finding().total.is_clean(), "{:?}", lab.finding());
    print!("{}", lab.journal().lines());
    Ok(())
}
