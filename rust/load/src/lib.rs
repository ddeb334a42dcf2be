//! A load generator for any Socket.IO v4 server with WebSocket. It runs on one thread.
//!
//! Each command has a file. `swarm` does the I/O of all clients, `client` is the protocol of one client, and `meter`
//! measures the server's CPU time and memory. The crate uses none of fanio's other crates, because a generator that
//! shared their code would also share their faults. `fanio bench` uses it through `bindings`, and `main.rs` is the
//! command `load`.

#![allow(
    clippy::cast_sign_loss,
    reason = "counts and microseconds of a run become floats for the report"
)]

mod broadcast;
mod client;
mod connect;
mod echo;
pub mod frame;
mod identity;
mod idle;
mod inflate;
mod meter;
mod mixed;
pub mod options;
mod process;
mod ramp;
mod report;
mod stall_timeout;
mod swarm;
pub mod upgrade;
mod watch;

use std::fmt;

use options::Options;
pub use report::{Report, Value};
pub use watch::{Unwatched, Watch};

/// The reason why a run gives no report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The caller cancelled the run.
    Cancelled,
    /// The server has a fault or is unreachable, or this machine has reached a limit.
    Failed(String),
    /// The arguments are wrong.
    Usage(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cancelled => f.write_str("cancelled"),
            Self::Failed(text) | Self::Usage(text) => f.write_str(text),
        }
    }
}

impl From<String> for Error {
    fn from(text: String) -> Self {
        Self::Failed(text)
    }
}

/// Runs one command. `arguments` are the command line after the name of the command.
///
/// # Errors
/// `Failed` when a message was lost, repeated or out of order, an ack was wrong, or a client failed.
pub fn run(
    command: &str,
    arguments: impl IntoIterator<Item = String>,
    watch: &dyn Watch,
) -> Result<Report, Error> {
    let mut options = Options::parse(arguments)?;
    let result = match command {
        "broadcast" => broadcast::run(&mut options, watch),
        "connect" => connect::run(&mut options, watch),
        "echo" => echo::run(&mut options, watch),
        "idle" => idle::run(&mut options, watch),
        "mixed" => mixed::run(&mut options, watch),
        _ => Err(Error::Usage(format!("no command {command}"))),
    };
    match result {
        Err(Error::Failed(_)) if watch.is_cancelled() => Err(Error::Cancelled),
        other => other,
    }
}
