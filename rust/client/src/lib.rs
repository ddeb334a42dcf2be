//! Clients: connections that this process opens, their transports, and the thread they live on.
//!
//! A [`Hub`] belongs to one asyncio loop: it opens connections and hears from all of them through
//! one outbox. The I/O thread behind it, the client shard, is one for the process and never
//! touches Python. Each connection is one task there, which drives the engine's session and
//! receiver. Requests of the polling transport, handshakes and proxies are hyper's business, TLS
//! rustls's, frames `protocol`'s.

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
