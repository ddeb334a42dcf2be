//! The only I/O in Rust: shards, streams, HTTP polling and `WebSockets`.
//!
//! A [`Server`] starts shards. A shard is one thread with a poller, its streams, its sessions and
//! its rooms; nobody locks them. The rest of the program speaks to it through its inbox
//! ([`Command`]) and hears from it through its outbox ([`Event`]). This crate knows no Python and
//! takes no decision of the protocol: those are in `engine` and `rooms`.

mod accept;
mod admission;
mod apply;
mod bodies;
mod cargo;
mod command;
mod counters;
mod deadlines;
mod deliver;
mod ending;
mod event;
mod fault;
mod handshake;
mod http;
mod inbox;
mod journal;
mod lease;
mod listeners;
mod load;
mod options;
mod origin;
mod outbox;
mod pace;
mod polling;
mod random;
mod read;
mod reply;
mod route;
mod server;
mod session;
mod shard;
mod site;
mod slow;
mod stream;
mod table;
mod upgrade;
mod waiting;
mod websocket;
mod wheel;

pub use accept::{Arrival, Io, Listener};
pub use command::{Command, Decision};
pub use counters::{Counter, Counters};
pub use event::{Data, Event, Handshake, Message, Peer};
pub use journal::{Answered, Log};
pub use options::{Compression, Cookie, Cors, Network, Options, PerMessageDeflate, Trusted};
pub use outbox::Outbox;
pub use random::new_sid;
pub use server::Server;
pub use site::{Crowd, Place, Site};
