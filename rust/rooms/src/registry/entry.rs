//! What is kept of a socket, a session and a namespace. Small: there is one of each per client.

use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::sync::Arc;

use hashbrown::HashMap;
use protocol::Id;

use super::head::Head;
use super::{Addr, SocketStatus};
use crate::index::Named;
use crate::members::RoomId;

/// The session came over TLS.
pub(super) const SECURE: u8 = 1;
/// The connection is closed; the entry stays until its last socket is forgotten.
pub(super) const CLOSED: u8 = 2;
/// The high-water mark, in its own parts.
pub(super) const MARK: usize = 1 << 15;
/// Nothing more should be sent to a session for now.
pub(super) const WAITS: u16 = u16::MAX;
/// No slot.
pub(super) const NONE: u32 = u32::MAX;

#[derive(Debug)]
pub(crate) struct Socket {
    pub(super) sid: Id,
    pub(super) session: u32,
    /// The next socket of the same session, or [`NONE`].
    pub(super) next: u32,
    pub(super) namespace: u32,
    pub(super) status: SocketStatus,
    /// Its events wait, although it may be connected already ([`super::Registry::hold`]).
    pub(super) held: bool,
}

#[derive(Debug)]
pub(crate) struct RegisteredSession {
    pub(super) id: Id,
    pub(super) addr: Addr,
    /// The request head of the handshake.
    pub(super) head: Head,
    pub(super) peer: Peer,
    /// The first of its sockets, or [`NONE`].
    pub(super) first: u32,
    /// Position in the registry's list of transport names.
    pub(super) transport: u8,
    /// [`SECURE`] and [`CLOSED`].
    pub(super) flags: u8,
    /// How much was sent to it alone since its shard has said last that little waits for it, in parts of
    /// the high-water mark ([`MARK`]); [`WAITS`] from when it is much until the shard says so.
    pub(super) unconfirmed: u16,
}

/// A socket address in half the space.
#[derive(Debug)]
pub(crate) enum Peer {
    Unknown,
    V4([u8; 4], u16),
    V6(Box<SocketAddrV6>),
}

#[derive(Debug)]
pub(crate) struct Namespace {
    pub(super) name: Arc<str>,
    /// The room of everybody.
    pub(super) all: RoomId,
    /// Named rooms that have members.
    pub(super) rooms: HashMap<Arc<str>, RoomId>,
    pub(super) sockets: usize,
}

impl Named for Socket {
    fn id(&self) -> &Id {
        &self.sid
    }
}

impl Named for RegisteredSession {
    fn id(&self) -> &Id {
        &self.id
    }
}

impl From<Option<SocketAddr>> for Peer {
    fn from(addr: Option<SocketAddr>) -> Self {
        match addr {
            None => Self::Unknown,
            Some(SocketAddr::V4(addr)) => Self::V4(addr.ip().octets(), addr.port()),
            Some(SocketAddr::V6(addr)) => Self::V6(Box::new(addr)),
        }
    }
}

impl Peer {
    pub(super) fn addr(&self) -> Option<SocketAddr> {
        match self {
            Self::Unknown => None,
            Self::V4(ip, port) => Some(SocketAddr::new(IpAddr::from(*ip), *port)),
            Self::V6(addr) => Some(SocketAddr::V6(**addr)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_given_back_as_it_was() {
        for text in ["127.0.0.1:8000", "[::1]:1", "[fe80::1%3]:65535"] {
            let addr: SocketAddr = text.parse().unwrap();
            assert_eq!(Peer::from(Some(addr)).addr(), Some(addr));
        }
        assert_eq!(Peer::from(None).addr(), None);
    }

    #[test]
    fn entries_are_small() {
        assert!(size_of::<Socket>() <= 36, "{}", size_of::<Socket>());
        assert!(size_of::<RegisteredSession>() <= 96, "{}", size_of::<RegisteredSession>());
    }
}
