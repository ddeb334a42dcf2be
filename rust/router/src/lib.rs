//! The Rust API behind `AsyncServer`: emit, join, ack, and so on.
//!
//! A [`Router`] owns the shards of one server ([`net::Server`]) and the registry of its sockets,
//! sessions and rooms. Its methods take text and bytes. The actions of clients come out as [`Inbound`].
//! This crate does not depend on Python, so a cluster adapter may call it from any thread.
//!
//! Two rules hold for every method:
//!
//! * A change of the registry and the command for the shard are pushed together, under the registry's
//!   lock. So each shard sees the changes in the order of the registry.
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
mod queries;
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
