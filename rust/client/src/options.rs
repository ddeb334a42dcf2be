//! What a connection needs to know. The program has read its URL already.

use std::path::PathBuf;
use std::time::Duration;

use engine::{Config, Transport};

use crate::tls::TlsOptions;

/// Where the server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A host, without the brackets of IPv6, and a port.
    Tcp(String, u16),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

/// An HTTP proxy that is asked to CONNECT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The value of `Proxy-Authorization`.
    pub authorization: Option<String>,
}

/// Compression of WebSocket messages (`permessage-deflate`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PerMessageDeflate {
    /// Messages of at least this many bytes are compressed.
    pub threshold: usize,
    /// From 1 (fast) to 9 (small).
    pub level: u32,
}

/// The options of one connection.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the server is.
    pub address: Address,
    /// The `Host` of requests.
    pub authority: String,
    /// The path of requests, with both slashes.
    pub path: String,
    /// The program's own part of the query, without `?`.
    pub query: String,
    /// Headers of each request.
    pub headers: Vec<(String, String)>,
    /// What to try, in this order.
    pub transports: Vec<Transport>,
    /// Whether the next transport is tried when one cannot be opened.
    pub try_all: bool,
    /// TLS, for `https` and `wss`.
    pub tls: Option<TlsOptions>,
    /// By way of this proxy.
    pub proxy: Option<Proxy>,
    /// Whether each request gets a `t` that no cache knows.
    pub timestamp: bool,
    /// Whether compression is offered to the server.
    pub per_message_deflate: Option<PerMessageDeflate>,
    /// For opening a connection, and for each request but the poll that waits.
    pub timeout: Duration,
    /// The session's; its `connect_timeout` is for the handshake.
    pub engine: Config,
}
