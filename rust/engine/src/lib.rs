//! The state machines of one session: Engine.IO in [`Session`], Socket.IO in [`Sockets`].
//!
//! The crate does no I/O and reads no clock. A driver (a shard, a client connection or a test) owns
//! one machine of each kind for each connection. It makes four kinds of calls:
//!
//! * `handle_*` pass input to the machine: a packet, a timeout or a lost stream. The machine appends
//!   the resulting [`Action`]s to a vector of the driver.
//! * `close` and `joined_namespace` pass decisions of the application to the machine.
//! * `poll_timeout` returns the time for the next `handle_timeout`. It may change with every call.
//! * The other methods only read.
//!
//! `handle_packet` returns messages as [`Inbound`]. The driver passes them to `Sockets`, which returns
//! an [`Incoming`]: a decoded packet, or the message itself if the application decodes it
//! ([`Parser::is_undecoded`]). The driver of a client uses a [`Receiver`] instead of `Sockets`.
//!
//! The input is one WebSocket message or one record of a polling body. The driver does the framing.

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
