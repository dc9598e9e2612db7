//! A lab in another async program: it lives on threads of its own, your program holds its control.
//!
//! `cargo run --example in_async_program`

use std::error::Error;
use std::time::Duration;

use takeover::Lab;
use takeover::ha::{Action, State};

fn main() -> Result<(), Box<dyn Error>> {
    let lab = Lab::real_time(30.0).start()?;
    let control = lab.control();

    // Your own runtime, of whatever kind; the control's answers are plain futures.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        println!("{}: asking 1A to fail over by hand (HA-4)", control.now());
        control.administer("1A", Action::Failover)?.await??;
        let limit = Duration::from_secs(300);
        let idle = |lab: &takeover::Control| {
            lab.state("1A") == Some(State::Idle) && lab.state("1B") == Some(State::Backup)
        };
        assert!(control.wait_until(idle, limit).await);
        println!("{}: 1B carries the users of 1A", control.now());

        // What the state forbids is refused with what it allows (HA-11).
        let refused = control.administer("1A", Action::Failover)?.await?;
        println!(
            "once more? {}",
            refused.expect_err("an idle node cannot fail over")
        );

        control.administer("1A", Action::Fallback)?.await??;
        let normal = |lab: &takeover::Control| lab.state("1A") == Some(State::Normal);
        assert!(control.wait_until(normal, limit).await);
        println!("{}: everybody is at home", control.now());
        Ok::<(), Box<dyn Error>>(())
    })?;
    lab.shut_down(Duration::from_secs(5))?;
    Ok(())
}
