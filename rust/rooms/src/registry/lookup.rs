//! The queries of the registry. No function in this file changes it.

use std::net::SocketAddr;
use std::sync::Arc;

use protocol::Id;

use super::entry::{CLOSED, NONE, Namespace, RegisteredSession, SECURE, Socket};
use super::{Addr, Registry, SocketStatus};
use crate::members::{ConnId, RoomId};

/// The handshake request of a session: its head, the peer, and whether it came over TLS.
pub type Request = (Vec<u8>, Option<SocketAddr>, bool);

impl Registry {
    /// The id of a room that has members.
    pub fn room(&self, namespace: &str, room: &str) -> Option<RoomId> {
        self.namespace(namespace)?.rooms.get(room).copied()
    }

    /// The room of all sockets of a namespace.
    pub fn all_room(&self, namespace: &str) -> Option<RoomId> {
        self.namespace(namespace).map(|entry| entry.all)
    }

    /// Whether a socket is in a room.
    pub fn is_member(&self, sid: &Id, room: RoomId) -> bool {
        let slot = self.sockets.slot(sid);
        slot.is_some_and(|slot| self.members.is_member(ConnId(slot), room))
    }

    /// The members of any of these rooms whose connect handler runs: the shards do not know them as
    /// members yet.
    pub fn connecting_in<'a>(
        &'a self,
        rooms: &'a [RoomId],
    ) -> impl Iterator<Item = (Addr, Id)> + 'a {
        let is_member = |slot: u32| rooms.iter().any(|r| self.members.is_member(ConnId(slot), *r));
        let slots = self.connecting.iter().copied().filter(move |slot| is_member(*slot));
        let sockets = slots.filter_map(|slot| self.sockets.entry(slot));
        sockets.filter_map(|socket| {
            self.session_of_socket(socket).map(|session| (session.addr, socket.sid))
        })
    }

    /// The names of a socket's rooms. The first is its own sid.
    pub fn rooms_of(&self, sid: &Id, namespace: &str) -> Vec<&str> {
        let Some((slot, socket)) = self.socket_in(sid, namespace) else {
            return Vec::new();
        };
        let rooms = self.members.rooms_of(ConnId(slot));
        let named = rooms.filter_map(|room| self.names.get(&room));
        let own = std::iter::once(socket.sid.as_str());
        own.chain(named.map(|name| &**name)).collect()
    }

    /// The connected sockets of a room or, with `None`, of the namespace: their sids and session ids.
    pub fn participants(&self, namespace: &str, room: Option<&str>) -> Vec<(Id, Id)> {
        let own = room.and_then(Id::parse);
        let own = own.and_then(|sid| self.socket_in(&sid, namespace));
        if let Some((_, socket)) = own {
            return self.participant(socket).into_iter().collect();
        }
        let id = match room {
            Some(room) => self.room(namespace, room),
            None => self.all_room(namespace),
        };
        let members = id.into_iter().flat_map(|id| self.members.members(id));
        let sockets = members.filter_map(|conn| self.sockets.entry(conn.0));
        sockets.filter_map(|socket| self.participant(socket)).collect()
    }

    fn participant(&self, socket: &Socket) -> Option<(Id, Id)> {
        let session = self.sessions.entry(socket.session)?;
        (socket.status == SocketStatus::Connected).then_some((socket.sid, session.id))
    }

    /// The names of a namespace's rooms, without the own rooms of sockets.
    pub fn room_names(&self, namespace: &str) -> Vec<&str> {
        let entry = self.namespace(namespace);
        let names = entry.into_iter().flat_map(|entry| entry.rooms.keys());
        names.map(|name| &**name).collect()
    }

    /// The namespaces that have sockets.
    pub fn namespaces(&self) -> Vec<&str> {
        self.by_name.keys().map(|name| &**name).collect()
    }

    /// The address of a socket's session, and the socket's namespace.
    pub fn locate(&self, sid: &Id) -> Option<(Addr, &Arc<str>)> {
        let socket = self.socket(sid)?;
        let session = self.session_of_socket(socket)?;
        let namespace = self.namespaces.get(socket.namespace as usize)?;
        Some((session.addr, &namespace.name))
    }

    /// The address of a socket in this namespace.
    pub fn addr_in(&self, sid: &Id, namespace: &str) -> Option<Addr> {
        self.place_in(sid, namespace).map(|(addr, _)| addr)
    }

    /// The address and the status of a socket in this namespace.
    pub fn place_in(&self, sid: &Id, namespace: &str) -> Option<(Addr, SocketStatus)> {
        let (_, socket) = self.socket_in(sid, namespace)?;
        self.session_of_socket(socket).map(|session| (session.addr, socket.status))
    }

    /// The status of a socket.
    pub fn status(&self, sid: &Id) -> Option<SocketStatus> {
        self.socket(sid).map(|socket| socket.status)
    }

    /// A socket's namespace.
    pub fn namespace_of(&self, sid: &Id) -> Option<&Arc<str>> {
        let namespace = self.socket(sid)?.namespace;
        self.namespaces.get(namespace as usize).map(|entry| &entry.name)
    }

    /// Whether a socket is held (see [`Registry::hold`]).
    pub fn is_held(&self, sid: &Id) -> bool {
        self.socket(sid).is_some_and(|socket| socket.is_held)
    }

    /// A socket's namespace, and whether its events must wait.
    pub fn sender(&self, sid: &Id) -> Option<(&Arc<str>, bool)> {
        let socket = self.socket(sid)?;
        let must_wait = socket.is_held || socket.status != SocketStatus::Connected;
        let namespace = self.namespaces.get(socket.namespace as usize)?;
        Some((&namespace.name, must_wait))
    }

    /// The id of a socket's session.
    pub fn session_of(&self, sid: &Id) -> Option<Id> {
        self.session_of_socket(self.socket(sid)?).map(|session| session.id)
    }

    /// The socket of a session in a namespace. If an earlier socket is not forgotten yet, this is the latest.
    pub fn sid_of(&self, session: &Id, namespace: &str) -> Option<Id> {
        let namespace = *self.by_name.get(namespace)?;
        let first = self.sockets.entry(self.session(session)?.first);
        let mut sockets = std::iter::successors(first, |socket| self.sockets.entry(socket.next));
        let found = sockets.find(|socket| socket.namespace == namespace);
        found.map(|socket| socket.sid)
    }

    /// The number of a session's sockets, without those that are leaving.
    pub fn sockets_of(&self, session: &Id) -> usize {
        let first = self.session(session).and_then(|session| self.sockets.entry(session.first));
        let all = std::iter::successors(first, |socket| self.sockets.entry(socket.next));
        all.filter(|socket| socket.status != SocketStatus::Leaving).count()
    }

    /// The id of the session at an address.
    pub fn session_at(&self, addr: Addr) -> Option<Id> {
        let session = self.session_slot(addr).and_then(|slot| self.sessions.entry(slot))?;
        (session.addr == addr).then_some(session.id)
    }

    /// The sockets of a session: their sids and namespaces.
    pub fn sockets_in(&self, session: &Id) -> Vec<(Id, Arc<str>)> {
        let mut found = Vec::new();
        let mut at = self.session(session).map_or(NONE, |session| session.first);
        while let Some(socket) = self.sockets.entry(at) {
            if let Some(namespace) = self.namespaces.get(socket.namespace as usize) {
                found.push((socket.sid, Arc::clone(&namespace.name)));
            }
            at = socket.next;
        }
        found
    }

    /// The address of a session.
    pub fn session_addr(&self, session: &Id) -> Option<Addr> {
        self.session(session).map(|session| session.addr)
    }

    /// The number of sessions on each transport that was ever used.
    pub fn sessions_by_transport(&self) -> Vec<(&'static str, usize)> {
        let mut found: Vec<_> = self.transports.iter().map(|name| (*name, 0)).collect();
        for (_, session) in self.sessions.iter() {
            if let Some((_, count)) = found.get_mut(session.transport as usize) {
                *count += 1;
            }
        }
        found
    }

    /// The transport of a session.
    pub fn transport(&self, session: &Id) -> Option<&'static str> {
        let position = self.session(session)?.transport;
        self.transports.get(position as usize).copied()
    }

    /// The sessions whose connections are open.
    pub fn sessions(&self) -> impl Iterator<Item = &Id> {
        self.sessions
            .iter()
            .filter(|(_, entry)| entry.flags & CLOSED == 0)
            .map(|(_, entry)| &entry.id)
    }

    /// The request that opened a session.
    pub fn request(&self, session: &Id) -> Option<Request> {
        let session = self.session(session)?;
        Some((session.head.bytes(), session.peer.addr(), session.flags & SECURE > 0))
    }

    /// The number of sockets.
    pub fn len(&self) -> usize {
        self.sockets.len()
    }

    /// Whether there are no sockets.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn namespace(&self, name: &str) -> Option<&Namespace> {
        self.namespaces.get(*self.by_name.get(name)? as usize)
    }

    fn session(&self, session: &Id) -> Option<&RegisteredSession> {
        self.sessions.find(session).map(|(_, session)| session)
    }

    pub(super) fn session_of_socket(&self, socket: &Socket) -> Option<&RegisteredSession> {
        self.sessions.entry(socket.session)
    }

    fn socket(&self, sid: &Id) -> Option<&Socket> {
        self.sockets.find(sid).map(|(_, socket)| socket)
    }

    /// A socket in this namespace, with its slot.
    pub(super) fn socket_in(&self, sid: &Id, namespace: &str) -> Option<(u32, &Socket)> {
        let found = self.sockets.find(sid)?;
        let entry = self.namespaces.get(found.1.namespace as usize)?;
        (*entry.name == *namespace).then_some(found)
    }
}
