//! The `takeover` command.

/// A deployment is made of many small pieces; this one has them nearer together, and for less, than the system's.
#[cfg(feature = "allocator")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    takeover::cli::run()
}
