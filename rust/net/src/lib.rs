//! The only I/O in Rust: shards, streams, HTTP polling and `WebSockets`.
//!
//! A [`Server`] starts shards. A shard is one thread with a poller, its streams, its sessions and
//! its rooms; nobody locks them. The rest of the program speaks to it through its inbox
//! ([`Command`]) and hears from it through its outbox ([`Event`]). This crate knows no Python and
//! takes no decision of the protocol: those are in `engine` and `rooms`.

mod apply;
mod awaited;
mod close;
mod command;
mod counters;
mod event;
#[cfg(not(feature = "faults"))]
mod fault;
#[cfg(feature = "faults")]
pub mod fault;
mod http;
mod inbox;
mod large_messages;
mod options;
mod outbox;
mod peer;
mod queue;
mod random;
mod server;
mod session;
mod shard;
mod socket;
mod sync;
mod table;
mod throttle;
mod timer_wheel;
mod too_large;
mod unread;

pub use command::{Command, Decision};
pub use counters::{Counter, Counters};
pub use event::{Data, Event, Handshake, Message, Slow};
pub use http::access_log::{AccessLogMode, Answered};
pub use options::{Compression, Cookie, Cors, Network, Options, PerMessageDeflate, Trusted};
pub use outbox::Outbox;
pub use peer::Peer;
pub use random::new_sid;
pub use server::Server;
pub use socket::accept::{Arrival, Io, Listener};
pub use socket::listener_config::{ConnectionLimit, ConnectionSlot, ListenerConfig};
pub use too_large::TooLarge;
