//! Buses that carry the cluster's messages, and what a node does with them.
//!
//! One thread with a tokio runtime for each bus. What another node has emitted goes from there to the
//! shards and never to Python; what needs the application (its handlers, its callbacks, its
//! sessions) is an event for it.
//!
//! | file | what it owns |
//! |---|---|
//! | `handle` | the bus as its users see it: start, publish, ask, answer, stop |
//! | `task` | the node on its bus: messages in and out, deadlines |
//! | `local` | what is done here for other nodes |
//! | `event` | what the application is told |
//! | `queue` | what a driver has received, bounded in bytes |
//! | `driver` | what every transport can do |
//! | `redis` | Redis and Valkey: alone, behind Sentinel, as a cluster |

mod driver;
mod event;
mod handle;
mod local;
mod queue;
mod redis;
mod task;

pub use driver::Transport;
pub use event::BusEvent;
pub use handle::{Bus, BusOptions, Stats};
pub use redis::RedisOptions;
