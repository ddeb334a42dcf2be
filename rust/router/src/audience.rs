//! Who an emit is for: rooms, sockets, and who of them does not get it.

use net::Command;
use protocol::Id;
use rooms::{Addr, Frame, Registry, RoomId, SocketStatus};
use smallvec::SmallVec;

use crate::emit::Emit;

/// Who an emit is for.
pub(crate) struct Audience {
    rooms: SmallVec<[RoomId; 1]>,
    sockets: SmallVec<[(Addr, Id); 1]>,
    except: SmallVec<[Addr; 1]>,
    except_rooms: SmallVec<[RoomId; 1]>,
    /// The session of the one socket that is meant, and whether it was accepted.
    only: Option<(Addr, bool)>,
}

impl Audience {
    /// Those in the rooms and sockets `to`, or in the namespace; without the sockets `skip` and the
    /// members of `except_rooms`.
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
            only: None,
        };
        match &emit.to {
            None => audience.rooms.extend(registry.all_room(emit.namespace)),
            Some(names) => audience.add(registry, emit.namespace, names, &skipped),
        }
        audience.leave_out(registry, emit.namespace, &emit.except_rooms);
        audience
    }

    /// Whether there is nobody.
    pub(crate) fn is_empty(&self) -> bool {
        self.rooms.is_empty() && self.sockets.is_empty()
    }

    /// Whether it may be wrong once the registry has changed.
    ///
    /// Rooms alone stay right, as the shards look at their members; so do sockets alone. A socket
    /// that joins or leaves one of the rooms meanwhile would get the frame twice or not at all.
    pub(crate) fn is_fleeting(&self, emit: &Emit<'_>) -> bool {
        let is_of_both = |names: &[&str]| names.len() > 1 && !self.rooms.is_empty();
        emit.to.as_ref().is_some_and(|names| is_of_both(names))
    }

    /// The session of the one socket that is meant, if it was accepted: until then its packets wait
    /// for the connect handler, which must not wait for them.
    pub(crate) fn only(&self) -> Option<Addr> {
        self.only.filter(|(_, accepted)| *accepted).map(|(addr, _)| addr)
    }

    /// Whether one socket is meant.
    pub(crate) fn is_one(&self) -> bool {
        self.only.is_some()
    }

    /// Sends the frame to everybody; the shards are not woken.
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

    /// Adds rooms and sockets by their names.
    fn add(&mut self, registry: &Registry, namespace: &str, names: &[&str], skipped: &[Id]) {
        if let [name] = names
            && let Some(sid) = Id::parse(name)
            && let Some((addr, status)) = registry.place_in(&sid, namespace)
        {
            // The most frequent case, with one look at the registry.
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
        // A socket that is in one of the rooms gets the packet there.
        let rooms = &self.rooms;
        self.sockets.retain(|(_, sid)| {
            let in_room = registry.status(sid) == Some(SocketStatus::Connected)
                && rooms.iter().any(|room| registry.is_member(sid, *room));
            !in_room && !skipped.contains(sid)
        });
    }

    /// Leaves out the members of these rooms; a socket's sid is its own room.
    fn leave_out(&mut self, registry: &Registry, namespace: &str, names: &[&str]) {
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

/// The socket whose own room has this name.
fn socket_named(registry: &Registry, namespace: &str, name: &str) -> Option<(Addr, Id)> {
    let sid = Id::parse(name)?;
    registry.addr_in(&sid, namespace).map(|addr| (addr, sid))
}
