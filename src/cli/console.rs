//! `takeover console`: an administrator's commands to a running lab.

use clap::Args;

use super::{FAILED, OK, fail};
use crate::admin;
use crate::admin::token::Token;

/// Give an administrator's commands to a lab that `serve` keeps running.
#[derive(Args)]
pub(super) struct Console {
    /// Address of the administration port, as `serve` printed it.
    #[arg(
        long,
        value_name = "ADDR",
        env = "TAKEOVER_ADMIN",
        default_value = "127.0.0.1:20075"
    )]
    to: String,
    /// The token that `serve` printed.
    #[arg(long, env = "TAKEOVER_TOKEN", hide_env_values = true)]
    token: String,
    /// Print the data of an answer as JSON.
    #[arg(long)]
    json: bool,
    /// One command, as typed at the console; without one there is a prompt.
    #[arg(trailing_var_arg = true)]
    command: Vec<String>,
}

impl Console {
    pub(super) fn run(self) -> u8 {
        let console = admin::console::Console {
            address: self.to,
            token: Token::from_text(&self.token),
            json: self.json,
        };
        let carried_out = if self.command.is_empty() {
            console.prompt()
        } else {
            console.once(&self.command.join(" "))
        };
        match carried_out {
            Ok(true) => OK,
            Ok(false) => FAILED,
            Err(error) => fail(FAILED, error),
        }
    }
}
