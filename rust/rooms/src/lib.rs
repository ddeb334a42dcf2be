//! Rooms and the fan-out of broadcasts, as data structures without I/O.
//!
//! * [`Frame`] is a packet that is encoded once and shared by all recipients, with its [`Flags`].
//! * [`Members`] stores which connection is in which room.
//! * [`Fanout`] stores the pending broadcasts of a shard. It delivers them to each connection in order,
//!   and joins them into larger buffers where that saves sends.
//! * [`Registry`] answers the application's queries about sockets and rooms without a shard.

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
