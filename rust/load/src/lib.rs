//! Measures any Socket.IO v4 server over WebSocket, from one thread.
//!
//! One file per command; `swarm` drives the clients, `client` is one of them, `meter` reads the server's CPU time and
//! memory. Speaks the wire by itself: it must not share a mistake with the server it measures, so it knows none of
//! fanio's other crates. Knows no Python either: `bindings` shows it to `fanio bench`, `main.rs` is the program `load`.

#![allow(
    clippy::cast_sign_loss,
    reason = "counts and microseconds of a run become floats for the report and back"
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

/// Why there is no report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The watcher ended the run.
    Cancelled,
    /// The server did something wrong, or could not be reached; or this machine is at its limit.
    Failed(String),
    /// The arguments are not what the command takes.
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

/// Runs one command with the arguments that stand after it on the command line.
///
/// # Errors
/// `Failed` when a message was lost, doubled or out of order, an answer was wrong, or a client failed.
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
