//! Client connections: connections that this process opens.
//!
//! A [`Hub`] belongs to one asyncio event loop. It opens connections, and takes the events of all
//! of them from one outbox. All hubs share one I/O thread, the client shard, which never touches
//! Python. Each connection is one task of that thread, and drives a session and a receiver of the
//! `engine` crate. The hyper crate does HTTP, rustls does TLS, and the `protocol` crate decodes
//! WebSocket frames and packets.

mod connection;
mod deflate;
mod dial;
mod event;
mod failure;
mod http;
mod hub;
mod identity;
mod options;
mod polling;
mod send_queue;
mod shard;
mod state;
mod stream;
mod tls;
mod websocket;

pub use event::{ConnectionEvent, Event};
pub use failure::Failure;
pub use hub::{Handle, Hub};
pub use options::{Address, Options, PerMessageDeflate, Proxy};
pub use send_queue::Outgoing;
pub use tls::TlsOptions;
