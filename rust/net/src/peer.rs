//! Where a stream comes from.

use std::net::SocketAddr;

/// Where a stream comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peer {
    /// The remote address; `None` for Unix sockets.
    pub addr: Option<SocketAddr>,
    /// Whether the stream came over TLS (ended by somebody else).
    pub secure: bool,
}
