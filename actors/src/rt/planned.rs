//! Panics that the laboratory plans: real ones, told by whoever hears of them.
//!
//! A fault search plans thousands of them. The standard hook would write a backtrace of each, and to
//! capture and name its frames costs more than all that follows from the panic.

use std::cell::Cell;
use std::panic;
use std::sync::Once;

static HOOK: Once = Once::new();

thread_local! {
    /// The panic that this thread is about to raise is planned.
    static PLANNED: Cell<bool> = const { Cell::new(false) };
}

/// Panics with `text`, as it was planned: the process's panic hook captures no backtrace and leaves the
/// telling to the parent, which hears the text and knows the node. Every other panic goes to the hook
/// that was there before.
pub(crate) fn planned_panic(text: &str) -> ! {
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !PLANNED.replace(false) {
                before(info);
            }
        }));
    });
    PLANNED.set(true);
    panic!("{text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SVC-5: what was planned is a panic as any other, with its text, and the next one is not taken for
    /// planned.
    #[test]
    fn a_planned_panic_is_real_and_the_only_one() {
        let planned = panic::catch_unwind(|| planned_panic("as planned"));
        let payload = planned.expect_err("it panics");
        assert_eq!(
            payload.downcast_ref::<String>().map(String::as_str),
            Some("as planned")
        );
        assert!(!PLANNED.get(), "the next panic is not");
    }
}
