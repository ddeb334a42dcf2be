//! The registry answers queries about sockets, sessions and rooms without a shard.
//!
//! The shards own the connections. The registry is the application's view of them: only the calls of the
//! application and the events that it has taken change it. The entry of a socket remains until its
//! disconnect handler has run (`forget`), so that the handler can read its rooms. The rooms are stored in
//! the same structure as in a shard, with the slots of sockets instead of connections.

mod entry;
mod flow;
mod head;
mod lookup;
mod rooms;

use std::net::SocketAddr;
use std::sync::Arc;

use hashbrown::HashMap;
use protocol::Id;
use rustc_hash::{FxHashMap, FxHashSet};
use slab::Slab;

use self::entry::{CLOSED, NONE, Namespace, RegisteredSession, SECURE, Socket};
use self::head::Heads;
pub use self::lookup::Request;
pub use self::rooms::RegistryError;
use crate::index::Index;
use crate::members::{ConnId, Members, RoomId};

/// A burst of clients that connect must not keep its table for ever.
const MANY: usize = 1024;

/// The address of a session in the shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addr {
    /// The number of the shard.
    pub shard: u16,
    /// The slot in the shard.
    pub slot: u32,
    /// A number that distinguishes the sessions that have used the slot.
    pub generation: u32,
}

/// The status of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketStatus {
    /// Its connect handler is running.
    Connecting,
    /// Its connect handler has accepted it.
    Connected,
    /// It has disconnected, and its disconnect handler is running.
    Leaving,
}

/// Sockets, sessions and rooms of one server.
#[derive(Debug, Default)]
pub struct Registry {
    sockets: Index<Socket>,
    /// The slots of those whose connect handler runs.
    connecting: FxHashSet<u32>,
    sessions: Index<RegisteredSession>,
    heads: Heads,
    /// The session in each slot of each shard, or [`NONE`].
    by_addr: Vec<Vec<u32>>,
    namespaces: Slab<Namespace>,
    by_name: HashMap<Arc<str>, u32>,
    /// The names of the rooms that have one.
    names: FxHashMap<RoomId, Arc<str>>,
    members: Members,
    last_room: u64,
    /// The names of the transports that were used.
    transports: Vec<&'static str>,
}

impl Registry {
    /// Adds a session.
    pub fn open(
        &mut self,
        id: Id,
        addr: Addr,
        head: &[u8],
        peer: Option<SocketAddr>,
        secure: bool,
        transport: &'static str,
    ) {
        let session = RegisteredSession {
            id,
            addr,
            head: self.heads.insert(head),
            peer: peer.into(),
            first: NONE,
            transport: self.transport_position(transport),
            flags: if secure { SECURE } else { 0 },
            unconfirmed: 0,
        };
        let session = self.sessions.insert(session);
        let (shard, slot) = (addr.shard as usize, addr.slot as usize);
        if self.by_addr.len() <= shard {
            self.by_addr.resize_with(shard + 1, Vec::new);
        }
        let slots = &mut self.by_addr[shard];
        if slots.len() <= slot {
            slots.resize(slot + 1, NONE);
        }
        slots[slot] = session;
    }

    /// The slot of the latest session with this shard and slot. Its generation may be different.
    fn session_slot(&self, addr: Addr) -> Option<u32> {
        let slots = self.by_addr.get(addr.shard as usize)?;
        slots.get(addr.slot as usize).copied()
    }

    fn transport_position(&mut self, name: &'static str) -> u8 {
        let mut known = self.transports.iter();
        let position = known.position(|other| *other == name);
        position.unwrap_or_else(|| {
            self.transports.push(name);
            self.transports.len() - 1
        }) as u8
    }

    /// Adds a socket that waits for its connect handler. Returns the id of its session.
    pub fn connect(&mut self, sid: Id, addr: Addr, namespace: &Arc<str>) -> Option<Id> {
        let slot = self.session_slot(addr)?;
        self.sessions.entry(slot).filter(|s| s.addr == addr)?;
        self.connect_at(slot, sid, namespace)
    }

    /// Like [`Registry::connect`], with the id of the session. The session may be closed already.
    pub fn connect_in(&mut self, session: &Id, sid: Id, namespace: &Arc<str>) -> Option<Id> {
        self.connect_at(self.sessions.slot(session)?, sid, namespace)
    }

    fn connect_at(&mut self, slot: u32, sid: Id, namespace: &Arc<str>) -> Option<Id> {
        let namespace = self.namespace_slot(namespace);
        let session = self.sessions.entry_mut(slot)?;
        let socket = self.sockets.insert(Socket {
            sid,
            session: slot,
            next: session.first,
            namespace,
            status: SocketStatus::Connecting,
            is_held: false,
        });
        session.first = socket;
        self.connecting.insert(socket);
        let entry = self.namespaces.get_mut(namespace as usize)?;
        entry.sockets += 1;
        self.members.join(ConnId(socket), entry.all, entry.all);
        Some(session.id)
    }

    fn namespace_slot(&mut self, name: &Arc<str>) -> u32 {
        if let Some(slot) = self.by_name.get(name) {
            return *slot;
        }
        let entry = Namespace {
            name: Arc::clone(name),
            all: self.new_room(),
            rooms: HashMap::new(),
            sockets: 0,
        };
        let slot = self.namespaces.insert(entry) as u32;
        self.by_name.insert(Arc::clone(name), slot);
        slot
    }

    /// Marks a socket as accepted by its connect handler. Returns its address and the room of its namespace.
    ///
    /// A socket that has left in the meantime stays in that status, but its CONNECT must still be answered.
    pub fn accepted(&mut self, sid: &Id) -> Option<(Addr, RoomId)> {
        self.decided(sid);
        let socket = self.sockets.find_mut(sid)?;
        match socket.status {
            SocketStatus::Connecting => socket.status = SocketStatus::Connected,
            SocketStatus::Connected => return None,
            SocketStatus::Leaving => {}
        }
        let addr = self.sessions.entry(socket.session)?.addr;
        let all = self.namespaces.get(socket.namespace as usize)?.all;
        Some((addr, all))
    }

    /// A socket's connect handler has ended, or the client has left.
    fn decided(&mut self, sid: &Id) {
        if let Some(slot) = self.sockets.slot(sid) {
            self.connecting.remove(&slot);
        }
        if self.connecting.is_empty() && self.connecting.capacity() > MANY {
            self.connecting = FxHashSet::default();
        }
    }

    /// Sets whether a socket is held. The events of a held socket wait, even if it is connected.
    pub fn hold(&mut self, sid: &Id, is_held: bool) {
        if let Some(socket) = self.sockets.find_mut(sid) {
            socket.is_held = is_held;
        }
    }

    /// Marks a socket as leaving. Returns its namespace and the id of its session, or `None` if it was
    /// marked before.
    pub fn leaving(&mut self, sid: &Id) -> Option<(Arc<str>, Id)> {
        self.decided(sid);
        let socket = self.sockets.find_mut(sid)?;
        if socket.status == SocketStatus::Leaving {
            return None;
        }
        socket.status = SocketStatus::Leaving;
        let session = self.sessions.entry(socket.session)?.id;
        let entry = self.namespaces.get(socket.namespace as usize)?;
        Some((Arc::clone(&entry.name), session))
    }

    /// Removes a socket. Also removes its session, if that is closed and has no other socket.
    pub fn forget(&mut self, sid: &Id) {
        self.decided(sid);
        let Some(slot) = self.sockets.slot(sid) else {
            return;
        };
        let rooms: Vec<_> = self.members.rooms_of(ConnId(slot)).collect();
        self.members.remove(ConnId(slot));
        self.unlink(slot);
        let Some(socket) = self.sockets.remove(slot) else {
            return;
        };
        for room in rooms {
            self.free_room(socket.namespace, room);
        }
        self.free_namespace(socket.namespace);
        self.free_session(socket.session);
    }

    /// Removes a socket from the list of its session.
    fn unlink(&mut self, slot: u32) {
        let Some((session, next)) = self.sockets.entry(slot).map(|s| (s.session, s.next)) else {
            return;
        };
        let Some(session) = self.sessions.entry_mut(session) else {
            return;
        };
        let mut at = session.first;
        if at == slot {
            session.first = next;
            return;
        }
        while let Some(socket) = self.sockets.entry_mut(at) {
            if socket.next == slot {
                socket.next = next;
                return;
            }
            at = socket.next;
        }
    }

    /// Counts one socket of a namespace less, and removes the namespace with its last socket.
    fn free_namespace(&mut self, slot: u32) {
        let Some(entry) = self.namespaces.get_mut(slot as usize) else {
            return;
        };
        entry.sockets -= 1;
        if entry.sockets == 0 {
            let entry = self.namespaces.remove(slot as usize);
            self.by_name.remove(&entry.name);
        }
    }

    /// Marks the connection of a session as closed.
    pub fn close(&mut self, session: &Id) {
        let Some(slot) = self.sessions.slot(session) else {
            return;
        };
        if let Some(session) = self.sessions.entry_mut(slot) {
            session.flags |= CLOSED;
        }
        self.free_session(slot);
    }

    /// Removes a session if it is closed and has no socket.
    fn free_session(&mut self, slot: u32) {
        let is_over =
            |session: &RegisteredSession| session.flags & CLOSED > 0 && session.first == NONE;
        if !self.sessions.entry(slot).is_some_and(is_over) {
            return;
        }
        let Some(RegisteredSession { addr, head, .. }) = self.sessions.remove(slot) else {
            return;
        };
        self.heads.remove(&head);
        let slots = self.by_addr.get_mut(addr.shard as usize);
        let place = slots.and_then(|slots| slots.get_mut(addr.slot as usize));
        // Another session may use the address already.
        if let Some(place) = place.filter(|place| **place == slot) {
            *place = NONE;
        }
    }

    /// Sets the transport of a session after an upgrade.
    pub fn set_transport(&mut self, session: &Id, transport: &'static str) {
        let position = self.transport_position(transport);
        if let Some(session) = self.sessions.find_mut(session) {
            session.transport = position;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn sid(n: u8) -> Id {
        Id::from_random([n; 15])
    }

    fn addr(slot: u32) -> Addr {
        Addr { shard: 0, slot, generation: 1 }
    }

    /// Three connected sockets in `/`.
    pub(super) fn three() -> Registry {
        let mut registry = Registry::default();
        let namespace = Arc::from("/");
        for n in 0..3 {
            registry.open(sid(100 + n), addr(n.into()), b"GET", None, false, "polling");
            registry.connect(sid(n), addr(n.into()), &namespace).unwrap();
            registry.accepted(&sid(n)).unwrap();
        }
        registry
    }

    #[test]
    fn forgotten_sockets_leave_nothing_behind() {
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
        assert!(registry.connecting.is_empty());
        assert!(registry.members.is_empty() && registry.names.is_empty());
        assert_eq!((registry.sessions.len(), registry.heads.len()), (0, 0));
        assert!(registry.by_addr[0].iter().all(|slot| *slot == NONE));
    }

    #[test]
    fn members_that_connect_are_found_until_they_are_decided_about() {
        let mut registry = three();
        let namespace = Arc::from("/");
        for n in 3..7 {
            registry.open(sid(100 + n), addr(n.into()), b"GET", None, false, "polling");
            registry.connect(sid(n), addr(n.into()), &namespace).unwrap();
        }
        registry.join(&sid(0), "/", "a").unwrap();
        registry.join(&sid(3), "/", "a").unwrap();
        let (room, all) = (registry.room("/", "a").unwrap(), registry.all_room("/").unwrap());
        let found = |registry: &Registry, rooms: &[RoomId]| {
            let mut sids: Vec<_> = registry.connecting_in(rooms).map(|(_, sid)| sid).collect();
            sids.sort_unstable_by_key(|sid: &Id| sid.as_str().to_owned());
            sids
        };
        assert_eq!(found(&registry, &[room]), [sid(3)]);
        assert_eq!(found(&registry, &[all]).len(), 4);
        registry.accepted(&sid(3)).unwrap();
        registry.leaving(&sid(4)).unwrap();
        registry.forget(&sid(5));
        assert_eq!(found(&registry, &[all]), [sid(6)]);
    }

    #[test]
    fn a_client_takes_few_bytes() {
        let (mut registry, clients, room) = (Registry::default(), 10_000u32, "room");
        let namespace = Arc::from("/");
        for n in 0..clients {
            let id = |salt: u8| {
                let mut bytes = [salt; 15];
                bytes[..4].copy_from_slice(&n.to_le_bytes());
                Id::from_random(bytes)
            };
            let head = format!(
                "GET /?EIO=4&transport=websocket HTTP/1.1\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n\
                 Sec-WebSocket-Key: {n:022}==\r\nUpgrade: websocket\r\n\r\n"
            );
            registry.open(id(1), addr(n), head.as_bytes(), None, false, "websocket");
            registry.connect(id(2), addr(n), &namespace).unwrap();
            registry.join(&id(2), "/", room).unwrap();
        }
        let slots: usize = registry.by_addr.iter().map(|slots| 4 * slots.capacity()).sum();
        let indexes = registry.sockets.footprint() + registry.sessions.footprint();
        let bytes = (indexes + slots + registry.members.footprint()) / clients as usize;
        assert!(bytes <= 245, "{bytes} bytes");
        assert_eq!(registry.heads.len(), 1);
    }
}
