//! How messages are written: one file for each family of servers.
//!
//! | file | who speaks it |
//! |---|---|
//! | `python` | python-socketio's managers, on one channel |
//! | `classic` | Node's `@socket.io/redis-adapter` and `redis-emitter` |
//! | `envelope` | Node's adapters on `ClusterAdapter`: sharded Redis, Redis Streams, Postgres |
//! | `room` | the names of rooms that are numbers |

pub mod classic;
pub mod envelope;
mod json;
mod options;
pub mod python;
mod room;

use bytes::Bytes;

/// A message on its way to the bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    /// Where to.
    pub channel: String,
    /// What.
    pub body: Bytes,
}
