//! Finds the recipients of an emit and pushes its frame to their shards.
//!
//! An audience holds room numbers and socket addresses. The members of a room are looked up later, by
//! each shard. This file does not encode the packet (`packet.rs`) and does not wake the shards.

use net::Command;
use protocol::Id;
use rooms::{Addr, Frame, Registry, RoomId, SocketStatus};
use smallvec::SmallVec;

use crate::emit::Emit;

/// The recipients of one emit.
pub(crate) struct Audience {
    rooms: SmallVec<[RoomId; 1]>,
    sockets: SmallVec<[(Addr, Id); 1]>,
    except: SmallVec<[Addr; 1]>,
    except_rooms: SmallVec<[RoomId; 1]>,
    /// Whether sockets are among the recipients because they are members of a room and still connect.
    has_connecting: bool,
    /// For an emit to exactly one socket: its session, and whether the socket is connected.
    only: Option<(Addr, bool)>,
}

impl Audience {
    /// Looks up the recipients that `to`, `skip` and `except_rooms` of the emit name.
    pub(crate) fn new(registry: &Registry, emit: &Emit<'_>) -> Self {
        let skipped: SmallVec<[Id; 1]> =
            emit.skip.iter().filter_map(|sid| Id::parse(sid)).collect();
        let mut audience = Self {
            rooms: SmallVec::new(),
            sockets: SmallVec::new(),
            except: skipped
                .iter()
                .filter_map(|sid| registry.addr_in(sid, emit.namespace))
                .collect(),
            except_rooms: SmallVec::new(),
            has_connecting: false,
            only: None,
        };
        match &emit.to {
            None => audience.rooms.extend(registry.all_room(emit.namespace)),
            Some(names) => audience.add(registry, emit.namespace, names, &skipped),
        }
        if !emit.volatile {
            audience.add_connecting(registry, &skipped);
        }
        audience.exclude(registry, emit.namespace, &emit.except_rooms);
        audience
    }

    /// Whether the emit has no recipient.
    pub(crate) fn is_empty(&self) -> bool {
        self.rooms.is_empty() && self.sockets.is_empty()
    }

    /// Whether a change of the registry can make this audience wrong.
    ///
    /// An audience of rooms stays right, because the shards look up the members when they deliver. An
    /// audience of sockets stays right too. With both, a socket that joins or leaves one of the rooms
    /// before the push, or is accepted, would get the frame twice or not at all.
    pub(crate) fn depends_on_membership(&self, emit: &Emit<'_>) -> bool {
        let is_of_both = emit.to.as_ref().is_some_and(|names| names.len() > 1);
        self.has_connecting || (is_of_both && !self.rooms.is_empty())
    }

    /// The session of the only recipient, if its socket is connected.
    ///
    /// The packets of a socket that is still connecting are held back until its connect handler
    /// returns. If that handler waited for their delivery, it would wait for ever.
    pub(crate) fn only(&self) -> Option<Addr> {
        self.only.filter(|(_, accepted)| *accepted).map(|(addr, _)| addr)
    }

    /// Whether the emit is for exactly one socket.
    pub(crate) fn is_one(&self) -> bool {
        self.only.is_some()
    }

    /// Pushes the frame to the shards of all recipients, without a wake.
    pub(crate) fn push(self, net: &net::Server, frame: Frame) {
        for (addr, sid) in self.sockets {
            net.push_quietly(addr.shard, Command::Direct { addr, sid, frame: frame.clone() });
        }
        if self.rooms.is_empty() {
            return;
        }
        let last = net.shards() as u16 - 1;
        let of = |shard| self.except.iter().filter(move |addr| addr.shard == shard).copied();
        for shard in 0..last {
            let (rooms, except_rooms) = (self.rooms.clone(), self.except_rooms.clone());
            let (except, frame) = (of(shard).collect(), frame.clone());
            net.push_quietly(shard, Command::Emit { rooms, except, except_rooms, frame });
        }
        let (rooms, except, except_rooms) =
            (self.rooms.clone(), of(last).collect(), self.except_rooms.clone());
        net.push_quietly(last, Command::Emit { rooms, except, except_rooms, frame });
    }

    /// Adds the rooms and sockets with these names.
    fn add(&mut self, registry: &Registry, namespace: &str, names: &[&str], skipped: &[Id]) {
        if let [name] = names
            && let Some(sid) = Id::parse(name)
            && let Some((addr, status)) = registry.place_in(&sid, namespace)
        {
            // One sid is the most frequent case; it takes one lookup in the registry.
            if !skipped.contains(&sid) {
                self.sockets.push((addr, sid));
                self.only = Some((addr, status == SocketStatus::Connected));
            }
            return;
        }
        for name in names {
            match socket_named(registry, namespace, name) {
                Some(pair) if !self.sockets.contains(&pair) => self.sockets.push(pair),
                Some(_) => {}
                None => self.rooms.extend(registry.room(namespace, name)),
            }
        }
        // A socket that is a member of one of the rooms gets the packet as a member.
        let rooms = &self.rooms;
        self.sockets.retain(|(_, sid)| {
            let in_room = registry.status(sid) == Some(SocketStatus::Connected)
                && rooms.iter().any(|room| registry.is_member(sid, *room));
            !in_room && !skipped.contains(sid)
        });
    }

    /// Adds the members whose connect handlers run. The packet waits for them until they are accepted.
    fn add_connecting(&mut self, registry: &Registry, skipped: &[Id]) {
        for socket in registry.connecting_in(&self.rooms) {
            if !skipped.contains(&socket.1) && !self.sockets.contains(&socket) {
                self.sockets.push(socket);
                self.has_connecting = true;
            }
        }
    }

    /// Excludes the members of these rooms; a sid names the room of that one socket.
    fn exclude(&mut self, registry: &Registry, namespace: &str, names: &[&str]) {
        for name in names {
            if let Some(own) = socket_named(registry, namespace, name) {
                self.only = None;
                self.sockets.retain(|socket| *socket != own);
                self.except.push(own.0);
            } else if let Some(room) = registry.room(namespace, name) {
                self.only = None;
                self.sockets.retain(|(_, sid)| !registry.is_member(sid, room));
                self.except_rooms.push(room);
            }
        }
    }
}

/// The socket that has this name as its sid.
fn socket_named(registry: &Registry, namespace: &str, name: &str) -> Option<(Addr, Id)> {
    let sid = Id::parse(name)?;
    registry.addr_in(&sid, namespace).map(|addr| (addr, sid))
}
