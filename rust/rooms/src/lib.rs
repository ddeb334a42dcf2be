//! Who gets a broadcast, and what: pure data, no sockets.
//!
//! * [`Frame`]: one packet, encoded once, shared by all who get it.
//! * [`Members`]: which connection is in which room, both ways, in constant time.
//! * [`Fanout`]: what is pending for whom; it gives each connection its packets in order, joined
//!   wherever that saves a send.
//! * [`Registry`]: what the program asks about sockets and rooms without asking a shard.

mod fanout;
mod frame;
mod members;
mod pending;
mod registry;

pub use fanout::{Fanout, Outlet};
pub use frame::Frame;
pub use members::{ConnId, Members, RoomId};
pub use pending::{Run, Target};
pub use registry::{Addr, Registry, RegistryError, Request, SocketStatus};
