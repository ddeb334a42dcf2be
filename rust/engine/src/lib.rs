//! The state machines of one session: Engine.IO below, Socket.IO above. No I/O, no clock.
//!
//! A driver owns a [`Session`] and a [`Sockets`] for each connection and does four kinds of calls:
//!
//! * `handle_*`: the world tells the machine (a packet, a timeout, a lost stream). What the driver
//!   must do in return is pushed as [`Action`]s, in order, into a vector of the driver's.
//! * `close`, `joined_namespace`: the program tells the machine.
//! * `poll_timeout`: when `handle_timeout` wants to be called; ask after every other call.
//! * getters.
//!
//! Data for the program comes back from `handle_packet` as [`Inbound`]; the driver passes it to
//! `Sockets`, which returns an [`Incoming`]: a packet's meaning, or the message itself,
//! when the program reads them ([`Parser::is_undecoded`]). A client's driver has a [`Receiver`] in its place.
//!
//! Framing is not done here: input is one WebSocket
//! message or one record of a polling body. So the same machine runs in a shard and in tests.

mod attachments;
mod config;
mod error;
mod event;
mod incoming;
mod receiver;
mod session;
mod socket;
mod timer;

pub use config::{Config, Parser};
pub use error::ProtocolError;
pub use event::{Action, Goodbye, Inbound, Reason, Transport, Via};
pub use incoming::Incoming;
pub use receiver::{Received, Receiver};
pub use session::Session;
pub use socket::{Socket, SocketState, Sockets};
pub use timer::{Time, Timer};
