//! Who an emit is for: rooms, sockets, and who of them does not get it.

use net::Command;
use protocol::Id;
use pyo3::pybacked::PyBackedStr;
use rooms::{Addr, Frame, Registry, RoomId};
use smallvec::SmallVec;

/// Who an emit is for.
pub(crate) struct Audience {
    rooms: SmallVec<[RoomId; 1]>,
    sockets: SmallVec<[(Addr, Id); 1]>,
    except: SmallVec<[Addr; 1]>,
    except_rooms: SmallVec<[RoomId; 1]>,
}

impl Audience {
    /// Those in the rooms and sockets `to`, or in the namespace; without the sockets `skip` and the
    /// members of `except_rooms`.
    pub(crate) fn new(
        registry: &Registry,
        namespace: &str,
        to: Option<&[PyBackedStr]>,
        skip: Option<&[PyBackedStr]>,
        except_rooms: &[PyBackedStr],
    ) -> Self {
        let mut audience = meant(registry, namespace, to, skip);
        audience.leave_out(registry, namespace, except_rooms);
        audience
    }

    /// Whether there is nobody.
    pub(crate) fn is_empty(&self) -> bool {
        self.rooms.is_empty() && self.sockets.is_empty()
    }

    /// Sends the frame to everybody.
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

    /// Leaves out the members of these rooms; a socket's sid is its own room.
    fn leave_out(&mut self, registry: &Registry, namespace: &str, names: &[PyBackedStr]) {
        for name in names {
            if let Some(own) = socket_named(registry, namespace, name) {
                self.sockets.retain(|socket| *socket != own);
                self.except.push(own.0);
            } else if let Some(room) = registry.room(namespace, name) {
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

fn meant(
    registry: &Registry,
    namespace: &str,
    to: Option<&[PyBackedStr]>,
    skip: Option<&[PyBackedStr]>,
) -> Audience {
    let skipped: Vec<Id> = skip.unwrap_or_default().iter().filter_map(|s| Id::parse(s)).collect();
    let except = skipped.iter().filter_map(|sid| registry.addr_in(sid, namespace)).collect();
    let Some(to) = to else {
        let rooms = registry.all_room(namespace).into_iter().collect();
        let (sockets, except_rooms) = (SmallVec::new(), SmallVec::new());
        return Audience { rooms, sockets, except, except_rooms };
    };
    let mut rooms = SmallVec::new();
    let mut sids: SmallVec<[(Addr, Id); 1]> = SmallVec::new();
    for name in to {
        match socket_named(registry, namespace, name) {
            Some(pair) if !sids.contains(&pair) => sids.push(pair),
            Some(_) => {}
            None => rooms.extend(registry.room(namespace, name)),
        }
    }
    // A socket that is in one of the rooms gets the packet there.
    let rooms_ref = &rooms;
    sids.retain(|(_, sid)| {
        let in_room = registry.status(sid) == Some(rooms::SocketStatus::Connected)
            && rooms_ref.iter().any(|room| registry.is_member(sid, *room));
        !in_room && !skipped.contains(sid)
    });
    Audience { rooms, sockets: sids, except, except_rooms: SmallVec::new() }
}
