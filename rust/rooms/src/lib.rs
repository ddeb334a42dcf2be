//! Who gets a broadcast, and what: pure data, no sockets.
//!
//! * [`Frame`]: one packet, encoded once, shared by all who get it; with its [`Flags`].
//! * [`Members`]: which connection is in which room, both ways, in constant time.
//! * [`Fanout`]: what is pending for whom; it gives each connection its packets in order, joined
//!   wherever that saves a send.
//! * [`Registry`]: what the program asks about sockets and rooms without asking a shard.

mod fanout;
mod flags;
mod frame;
mod index;
mod members;
mod merge;
mod pending;
mod queue;
mod registry;
mod run;
mod walk;

pub use fanout::Fanout;
pub use flags::{Flags, Key};
pub use frame::{Frame, OutgoingMessage};
pub use index::{Index, Named};
pub use members::{ConnId, Members, RoomId};
pub use pending::Target;
pub use registry::{Addr, Registry, RegistryError, Request, SocketStatus};
pub use run::{Outlet, Run, Tally};
