//! The `takeover` command.

fn main() -> std::process::ExitCode {
    takeover::cli::run()
}
