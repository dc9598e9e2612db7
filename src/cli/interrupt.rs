//! Ctrl-C and SIGTERM: the command ends in order, and a second one ends it at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::serve::Signals;

/// Whether somebody wants the command to end.
pub(super) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Listens from now on. Where the system refuses that, a signal ends the process as it always
    /// does.
    pub(super) fn listen() -> Self {
        let come = Arc::new(AtomicBool::new(false));
        let told = come.clone();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        if let Ok(runtime) = runtime {
            #[expect(
                clippy::disallowed_methods,
                reason = "a signal belongs to the process, not to a lab"
            )]
            std::thread::spawn(move || runtime.block_on(listen(&told)));
        }
        Self(come)
    }

    /// Whether a signal has come.
    pub(super) fn has_come(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

async fn listen(told: &AtomicBool) {
    let Ok(mut signals) = Signals::new() else {
        return;
    };
    signals.wait().await;
    told.store(true, Ordering::Relaxed);
    signals.wait().await;
    std::process::exit(super::FAILED.into());
}
