//! What the program asks about sockets, sessions and rooms without asking a shard.
//!
//! Shards are the authority on who is there; this is the program's own view, changed by the
//! program's calls and by the events it has taken. A socket's entry outlives its connection until
//! its disconnect handler has run (`forget`), so that rooms can be read in it.

use std::net::SocketAddr;
use std::sync::Arc;

use hashbrown::HashMap;
use protocol::Id;
use rustc_hash::FxHashMap;
use slab::Slab;
use smallvec::SmallVec;

use crate::members::{ConnId, Members, RoomId};

/// Where a session lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addr {
    /// Which shard.
    pub shard: u16,
    /// Which of its slots.
    pub slot: u32,
    /// Different for each session the slot has had.
    pub generation: u32,
}

/// How far a socket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketStatus {
    /// Its connect handler runs.
    Connecting,
    /// It takes part.
    Connected,
    /// It is gone; its disconnect handler runs.
    Leaving,
}

/// Why a room cannot be entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegistryError {
    /// No socket has this sid.
    UnknownSid,
    /// The sid belongs to another namespace.
    WrongNamespace,
    /// The room is another socket's own.
    OwnRoom,
}

#[derive(Debug)]
struct Socket {
    sid: Id,
    session: u32,
    namespace: Arc<str>,
    status: SocketStatus,
}

#[derive(Debug)]
struct Session {
    id: Id,
    addr: Addr,
    head: Box<[u8]>,
    peer: Option<SocketAddr>,
    secure: bool,
    transport: &'static str,
    sockets: SmallVec<[u32; 2]>,
    /// The connection is closed; the entry stays until its last socket is forgotten.
    closed: bool,
}

#[derive(Debug)]
struct Namespace {
    all: RoomId,
    rooms: HashMap<Box<str>, RoomId>,
    sockets: usize,
}

/// Sockets, sessions and rooms of one server.
#[derive(Debug, Default)]
pub struct Registry {
    by_sid: FxHashMap<Id, u32>,
    sockets: Slab<Socket>,
    by_session: FxHashMap<Id, u32>,
    sessions: Slab<Session>,
    /// The session in each slot of each shard.
    by_addr: FxHashMap<(u16, u32), u32>,
    namespaces: HashMap<Arc<str>, Namespace>,
    names: FxHashMap<RoomId, Box<str>>,
    members: Members,
    last_room: u64,
}

/// The handshake request of a session: its head, the peer, and whether it came over TLS.
pub type Request<'r> = (&'r [u8], Option<SocketAddr>, bool);

impl Registry {
    /// Notes a session, with its first CONNECT.
    pub fn open(
        &mut self,
        id: Id,
        addr: Addr,
        head: Box<[u8]>,
        peer: Option<SocketAddr>,
        secure: bool,
        transport: &'static str,
    ) {
        let sockets = SmallVec::new();
        let session = Session { id, addr, head, peer, secure, transport, sockets, closed: false };
        let slot = self.sessions.insert(session) as u32;
        self.by_session.insert(id, slot);
        self.by_addr.insert((addr.shard, addr.slot), slot);
    }

    /// Notes a socket that waits for its connect handler; returns its session's id.
    pub fn connect(&mut self, sid: Id, addr: Addr, namespace: &Arc<str>) -> Option<Id> {
        let slot = *self.by_addr.get(&(addr.shard, addr.slot))?;
        let session = self.sessions.get_mut(slot as usize).filter(|s| s.addr == addr)?;
        let status = SocketStatus::Connecting;
        let namespace = Arc::clone(namespace);
        let all = namespace_entry(&mut self.namespaces, &mut self.last_room, &namespace);
        all.sockets += 1;
        let all = all.all;
        let socket = Socket { sid, session: slot, namespace, status };
        let conn = self.sockets.insert(socket) as u32;
        session.sockets.push(conn);
        self.by_sid.insert(sid, conn);
        self.members.join(ConnId(conn), all, all);
        Some(session.id)
    }

    /// The connect handler accepted the socket; where it is, and its namespace's room.
    pub fn accepted(&mut self, sid: &Id) -> Option<(Addr, RoomId)> {
        let conn = *self.by_sid.get(sid)?;
        let socket = self.sockets.get_mut(conn as usize)?;
        if socket.status != SocketStatus::Connecting {
            return None;
        }
        socket.status = SocketStatus::Connected;
        let namespace = Arc::clone(&socket.namespace);
        Some((self.addr(sid)?, self.all_room(&namespace)?))
    }

    /// The socket is gone; its namespace and its session's id, the first time.
    pub fn leaving(&mut self, sid: &Id) -> Option<(Arc<str>, Id)> {
        let conn = *self.by_sid.get(sid)?;
        let socket = self.sockets.get_mut(conn as usize)?;
        socket.status = SocketStatus::Leaving;
        let session = self.sessions.get(socket.session as usize)?.id;
        Some((Arc::clone(&socket.namespace), session))
    }

    /// Forgets a socket; and its session, if that is closed and has no other.
    pub fn forget(&mut self, sid: &Id) {
        let Some(conn) = self.by_sid.remove(sid) else {
            return;
        };
        let rooms: Vec<_> = self.members.rooms_of(ConnId(conn)).collect();
        self.members.remove(ConnId(conn));
        let socket = self.sockets.remove(conn as usize);
        for room in rooms {
            self.free_room(&socket.namespace, room);
        }
        if let Some(namespace) = self.namespaces.get_mut(&socket.namespace) {
            namespace.sockets -= 1;
            if namespace.sockets == 0 {
                self.namespaces.remove(&socket.namespace);
            }
        }
        if let Some(session) = self.sessions.get_mut(socket.session as usize) {
            session.sockets.retain(|other| *other != conn);
            self.free_session(socket.session);
        }
    }

    /// The session's connection is closed.
    pub fn close(&mut self, session: &Id) {
        let Some(slot) = self.by_session.get(session).copied() else {
            return;
        };
        if let Some(entry) = self.sessions.get_mut(slot as usize) {
            entry.closed = true;
            self.free_session(slot);
        }
    }

    fn free_session(&mut self, slot: u32) {
        let Some(session) = self.sessions.get(slot as usize) else {
            return;
        };
        if !session.closed || !session.sockets.is_empty() {
            return;
        }
        let session = self.sessions.remove(slot as usize);
        self.by_session.remove(&session.id);
        let key = (session.addr.shard, session.addr.slot);
        if self.by_addr.get(&key) == Some(&slot) {
            self.by_addr.remove(&key);
        }
    }

    /// Frees the name of a room that is empty.
    fn free_room(&mut self, namespace: &str, room: RoomId) {
        if self.members.len(room) > 0 {
            return;
        }
        if let Some(name) = self.names.remove(&room)
            && let Some(entry) = self.namespaces.get_mut(namespace)
        {
            entry.rooms.remove(&name);
        }
    }

    fn socket(&self, sid: &Id) -> Option<(ConnId, &Socket)> {
        let conn = *self.by_sid.get(sid)?;
        Some((ConnId(conn), self.sockets.get(conn as usize)?))
    }

    fn socket_in(&self, sid: &Id, namespace: &str) -> Option<(ConnId, &Socket)> {
        self.socket(sid).filter(|(_, socket)| *socket.namespace == *namespace)
    }

    /// Puts a socket into a room; `None` when it is in it already.
    ///
    /// # Errors
    /// For an unknown sid, one of another namespace, and another socket's own room.
    pub fn join(
        &mut self,
        sid: &Id,
        namespace: &str,
        room: &str,
    ) -> Result<Option<(Addr, RoomId, RoomId)>, RegistryError> {
        let (conn, socket) = self.socket(sid).ok_or(RegistryError::UnknownSid)?;
        if *socket.namespace != *namespace {
            return Err(RegistryError::WrongNamespace);
        }
        if room == sid.as_str() {
            return Ok(None);
        }
        if Id::parse(room).is_some_and(|other| self.socket_in(&other, namespace).is_some()) {
            return Err(RegistryError::OwnRoom);
        }
        let addr = self.addr(sid).ok_or(RegistryError::UnknownSid)?;
        let entry = self.namespaces.get_mut(namespace).ok_or(RegistryError::WrongNamespace)?;
        let all = entry.all;
        let id = if let Some(id) = entry.rooms.get(room) {
            *id
        } else {
            self.last_room += 1;
            let id = RoomId(self.last_room);
            entry.rooms.insert(room.into(), id);
            self.names.insert(id, room.into());
            id
        };
        Ok(self.members.join(conn, id, all).then_some((addr, id, all)))
    }

    /// Takes a socket out of a room; `None` when it is not in it.
    pub fn leave(&mut self, sid: &Id, namespace: &str, room: &str) -> Option<(Addr, RoomId)> {
        let (conn, _) = self.socket_in(sid, namespace)?;
        let addr = self.addr(sid)?;
        let id = self.room(namespace, room)?;
        if !self.members.leave(conn, id) {
            return None;
        }
        self.free_room(namespace, id);
        Some((addr, id))
    }

    /// Takes everybody out of a room.
    pub fn close_room(&mut self, namespace: &str, room: &str) -> Option<RoomId> {
        let id = self.room(namespace, room)?;
        let members: Vec<_> = self.members.members(id).collect();
        for conn in members {
            self.members.leave(conn, id);
        }
        self.free_room(namespace, id);
        Some(id)
    }

    /// The id of a room that has members.
    pub fn room(&self, namespace: &str, room: &str) -> Option<RoomId> {
        self.namespaces.get(namespace)?.rooms.get(room).copied()
    }

    /// The room of everybody in a namespace.
    pub fn all_room(&self, namespace: &str) -> Option<RoomId> {
        self.namespaces.get(namespace).map(|entry| entry.all)
    }

    /// Whether a socket is in a room.
    pub fn is_member(&self, sid: &Id, room: RoomId) -> bool {
        self.socket(sid).is_some_and(|(conn, _)| self.members.is_member(conn, room))
    }

    /// The names of a socket's rooms, its own sid first.
    pub fn rooms_of(&self, sid: &Id, namespace: &str) -> Vec<&str> {
        let Some((conn, socket)) = self.socket_in(sid, namespace) else {
            return Vec::new();
        };
        let named = self.members.rooms_of(conn).filter_map(|room| self.names.get(&room));
        std::iter::once(socket.sid.as_str()).chain(named.map(|name| &**name)).collect()
    }

    /// The sockets of a room, or of the namespace, that are connected: sid and session id.
    pub fn participants(&self, namespace: &str, room: Option<&str>) -> Vec<(Id, Id)> {
        let pair = |socket: &Socket| {
            let session = self.sessions.get(socket.session as usize)?;
            (socket.status == SocketStatus::Connected).then_some((socket.sid, session.id))
        };
        let own = room.and_then(Id::parse).and_then(|sid| self.socket_in(&sid, namespace));
        if let Some((_, socket)) = own {
            return pair(socket).into_iter().collect();
        }
        let id = match room {
            Some(room) => self.room(namespace, room),
            None => self.all_room(namespace),
        };
        let members = id.into_iter().flat_map(|id| self.members.members(id));
        members.filter_map(|conn| pair(self.sockets.get(conn.0 as usize)?)).collect()
    }

    /// The names of a namespace's rooms, without the sockets' own.
    pub fn room_names(&self, namespace: &str) -> Vec<&str> {
        let entry = self.namespaces.get(namespace);
        entry.into_iter().flat_map(|entry| entry.rooms.keys()).map(|name| &**name).collect()
    }

    /// The namespaces that have sockets.
    pub fn namespaces(&self) -> Vec<&str> {
        self.namespaces.keys().map(|name| &**name).collect()
    }

    /// Where a socket's session lives.
    pub fn addr(&self, sid: &Id) -> Option<Addr> {
        let (_, socket) = self.socket(sid)?;
        self.sessions.get(socket.session as usize).map(|session| session.addr)
    }

    /// Where a socket of this namespace lives.
    pub fn addr_in(&self, sid: &Id, namespace: &str) -> Option<Addr> {
        self.socket_in(sid, namespace).and_then(|_| self.addr(sid))
    }

    /// How far a socket is.
    pub fn status(&self, sid: &Id) -> Option<SocketStatus> {
        self.socket(sid).map(|(_, socket)| socket.status)
    }

    /// A socket's namespace.
    pub fn namespace_of(&self, sid: &Id) -> Option<&Arc<str>> {
        self.socket(sid).map(|(_, socket)| &socket.namespace)
    }

    /// A socket's session.
    pub fn session_of(&self, sid: &Id) -> Option<Id> {
        let (_, socket) = self.socket(sid)?;
        self.sessions.get(socket.session as usize).map(|session| session.id)
    }

    /// A session's socket in a namespace.
    pub fn sid_of(&self, session: &Id, namespace: &str) -> Option<Id> {
        let sockets = &self.session(session)?.sockets;
        let mut sockets = sockets.iter().filter_map(|conn| self.sockets.get(*conn as usize));
        sockets.find(|socket| *socket.namespace == *namespace).map(|socket| socket.sid)
    }

    fn session(&self, session: &Id) -> Option<&Session> {
        self.sessions.get(*self.by_session.get(session)? as usize)
    }

    /// Where a session lives.
    pub fn session_addr(&self, session: &Id) -> Option<Addr> {
        self.session(session).map(|session| session.addr)
    }

    /// A session's transport.
    pub fn transport(&self, session: &Id) -> Option<&'static str> {
        self.session(session).map(|session| session.transport)
    }

    /// The session has moved to another transport.
    pub fn set_transport(&mut self, session: &Id, transport: &'static str) {
        let slot = self.by_session.get(session).copied();
        if let Some(entry) = slot.and_then(|slot| self.sessions.get_mut(slot as usize)) {
            entry.transport = transport;
        }
    }

    /// The request that opened a session.
    pub fn request(&self, session: &Id) -> Option<Request<'_>> {
        self.session(session).map(|session| (&*session.head, session.peer, session.secure))
    }

    /// How many sockets there are.
    pub fn len(&self) -> usize {
        self.by_sid.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_sid.is_empty()
    }
}

fn namespace_entry<'n>(
    namespaces: &'n mut HashMap<Arc<str>, Namespace>,
    last_room: &mut u64,
    name: &Arc<str>,
) -> &'n mut Namespace {
    namespaces.entry(Arc::clone(name)).or_insert_with(|| {
        *last_room += 1;
        Namespace { all: RoomId(*last_room), rooms: HashMap::new(), sockets: 0 }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sid(n: u8) -> Id {
        Id::from_random([n; 15])
    }

    fn addr(slot: u32) -> Addr {
        Addr { shard: 0, slot, generation: 1 }
    }

    /// Three connected sockets in `/`.
    fn three() -> Registry {
        let mut registry = Registry::default();
        let namespace = Arc::from("/");
        for n in 0..3 {
            let head = Box::from(&b"GET"[..]);
            registry.open(sid(100 + n), addr(n.into()), head, None, false, "polling");
            registry.connect(sid(n), addr(n.into()), &namespace).unwrap();
            registry.accepted(&sid(n)).unwrap();
        }
        registry
    }

    #[test]
    fn rooms_are_known_from_both_sides() {
        let mut registry = three();
        assert!(registry.join(&sid(0), "/", "a").unwrap().is_some());
        assert_eq!(registry.join(&sid(0), "/", "a"), Ok(None));
        registry.join(&sid(1), "/", "a").unwrap();
        assert_eq!(registry.rooms_of(&sid(0), "/"), [sid(0).as_str(), "a"]);
        assert_eq!(registry.participants("/", Some("a")), [(sid(0), sid(100)), (sid(1), sid(101))]);
        assert_eq!(registry.participants("/", None).len(), 3);
        assert_eq!(registry.participants("/", Some(sid(2).as_str())), [(sid(2), sid(102))]);
        registry.leave(&sid(0), "/", "a").unwrap();
        registry.close_room("/", "a").unwrap();
        assert_eq!((registry.room("/", "a"), registry.room_names("/").len()), (None, 0));
    }

    #[test]
    fn rooms_that_cannot_be_entered_say_why() {
        let mut registry = three();
        assert_eq!(registry.join(&sid(9), "/", "a"), Err(RegistryError::UnknownSid));
        assert_eq!(registry.join(&sid(0), "/x", "a"), Err(RegistryError::WrongNamespace));
        let own = registry.join(&sid(0), "/", sid(1).as_str());
        assert_eq!(own, Err(RegistryError::OwnRoom));
    }

    #[test]
    fn nothing_is_left_of_forgotten_sockets() {
        let mut registry = three();
        registry.join(&sid(0), "/", "a").unwrap();
        for n in 0..3 {
            registry.leaving(&sid(n)).unwrap();
            registry.close(&sid(100 + n));
            assert!(registry.request(&sid(100 + n)).is_some());
            registry.forget(&sid(n));
            assert!(registry.request(&sid(100 + n)).is_none());
        }
        assert!(registry.is_empty() && registry.namespaces().is_empty());
        assert!(registry.members.is_empty() && registry.names.is_empty());
        assert!(registry.by_addr.is_empty() && registry.sessions.is_empty());
    }
}
