//! A Socket.IO server without its language: who is connected, who gets what, and in which bytes.
//!
//! A [`Router`] holds the shards of one server ([`net::Server`]) and the registry of its sockets,
//! sessions and rooms. Requests come in as plain text and bytes; what clients did goes out as
//! [`Inbound`]. This crate knows no Python, so a cluster adapter may call it from any thread.
//!
//! Two rules hold for every request here:
//!
//! * A change of the registry and the command that tells the shard about it are one step under the
//!   registry's lock, so that a shard sees changes in the order of the registry.
//! * Packets are encoded while that lock is not held.

mod audience;
mod decoded;
mod deferred_flush;
mod emit;
mod error;
mod flow;
mod inbound;
mod listeners;
mod packet;
mod questions;
mod sessions;
mod sockets;
mod start;
mod sync;

pub use emit::{Emit, Sent};
pub use engine::Reason;
pub use error::Error;
pub use inbound::{Batch, Inbound};
pub use packet::Payload;
pub use rooms::{OutgoingMessage, SocketStatus};
pub use start::Router;
