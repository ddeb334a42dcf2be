//! The options of a connection. The Python side has parsed the URL already.

use std::path::PathBuf;
use std::time::Duration;

use engine::{Config, Transport};

use crate::tls::TlsOptions;

/// The address of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A host and a port. An IPv6 address has no brackets.
    Tcp(String, u16),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

/// An HTTP proxy that supports the CONNECT method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// The host of the proxy.
    pub host: String,
    /// The port of the proxy.
    pub port: u16,
    /// The value of `Proxy-Authorization`.
    pub authorization: Option<String>,
}

/// Compression of WebSocket messages (`permessage-deflate`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PerMessageDeflate {
    /// The size in bytes from which a message is compressed.
    pub threshold: usize,
    /// The level of zlib, from 1 (fastest) to 9 (smallest).
    pub level: u32,
}

/// The options of one connection.
#[derive(Clone, Debug)]
pub struct Options {
    /// The address of the server.
    pub address: Address,
    /// The value of the `Host` header.
    pub authority: String,
    /// The path of requests, with a slash at both ends.
    pub path: String,
    /// The application's part of the query, without `?`.
    pub query: String,
    /// Headers of each request.
    pub headers: Vec<(String, String)>,
    /// The transports to try, in this order.
    pub transports: Vec<Transport>,
    /// Whether the next transport is tried when one cannot be opened.
    pub try_all: bool,
    /// The options of TLS, for `https` and `wss`.
    pub tls: Option<TlsOptions>,
    /// The proxy to connect through.
    pub proxy: Option<Proxy>,
    /// Whether each request has a random `t` in its query, against caches.
    pub timestamp: bool,
    /// The compression that is offered to the server.
    pub per_message_deflate: Option<PerMessageDeflate>,
    /// The time limit for opening a connection, and for each request except a poll.
    pub timeout: Duration,
    /// The options of the session. Its `connect_timeout` limits the handshake.
    pub engine: Config,
}
