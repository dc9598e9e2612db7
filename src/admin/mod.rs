//! Administration: the command language, the port that takes it, and the secret that opens it.

pub mod call;
mod chat;
pub mod chat_command;
pub mod command;
pub mod console;
mod executor;
pub mod http;
pub mod people;
pub mod reply;
mod reports;
pub mod token;
pub mod troubleshooter;
pub mod words;
