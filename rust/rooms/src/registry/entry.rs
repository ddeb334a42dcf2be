//! The entries of the registry: sockets, sessions and namespaces.
//!
//! They are small, because there is a socket and a session for every client.

use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::sync::Arc;

use hashbrown::HashMap;
use protocol::Id;

use super::head::Head;
use super::{Addr, SocketStatus};
use crate::index::Named;
use crate::members::RoomId;

/// The flag of a session that uses TLS.
pub(super) const SECURE: u8 = 1;
/// The flag of a session whose connection is closed. Its entry stays until its last socket is forgotten.
pub(super) const CLOSED: u8 = 2;
/// The number of units that make up the high-water mark, see [`RegisteredSession::unconfirmed`].
pub(super) const MARK_UNITS: usize = 1 << 15;
/// The value of [`RegisteredSession::unconfirmed`] while senders should wait.
pub(super) const BACKED_UP: u16 = u16::MAX;
/// The value of a slot number that stands for no slot.
pub(super) const NONE: u32 = u32::MAX;

#[derive(Debug)]
pub(crate) struct Socket {
    pub(super) sid: Id,
    pub(super) session: u32,
    /// The next socket of the same session, or [`NONE`].
    pub(super) next: u32,
    pub(super) namespace: u32,
    pub(super) status: SocketStatus,
    /// Whether its events wait, even if it is connected ([`super::Registry::hold`]).
    pub(super) is_held: bool,
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
    /// The position in the registry's list of transport names.
    pub(super) transport: u8,
    /// [`SECURE`] and [`CLOSED`].
    pub(super) flags: u8,
    /// How much was sent to this session directly since its shard last reported a small backlog. The unit
    /// is the high-water mark divided by [`MARK_UNITS`]. Above the mark the value is [`BACKED_UP`], until
    /// the shard reports a small backlog again.
    pub(super) unconfirmed: u16,
}

/// A socket address, in half the memory of `Option<SocketAddr>`.
#[derive(Debug)]
pub(crate) enum Peer {
    Unknown,
    V4([u8; 4], u16),
    V6(Box<SocketAddrV6>),
}

#[derive(Debug)]
pub(crate) struct Namespace {
    pub(super) name: Arc<str>,
    /// The room of all sockets of the namespace.
    pub(super) all: RoomId,
    /// The named rooms that have members.
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
    fn the_address_of_a_peer_does_not_change() {
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
