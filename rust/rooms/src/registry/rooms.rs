//! Joining and leaving of rooms in the registry. A room exists while it has members.

use std::sync::Arc;

use protocol::Id;

use super::{Addr, Registry};
use crate::members::{ConnId, RoomId};

/// The reason why a socket cannot join a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegistryError {
    /// No socket has this sid.
    UnknownSid,
    /// The socket belongs to another namespace.
    WrongNamespace,
    /// The room is the own room of another socket.
    OwnRoom,
}

impl Registry {
    pub(super) fn new_room(&mut self) -> RoomId {
        self.last_room += 1;
        RoomId(self.last_room)
    }

    /// Adds a socket to a room. Returns its address, the room and the room of its namespace, or `None` if
    /// it is a member already.
    ///
    /// # Errors
    /// The sid is unknown or belongs to another namespace, or the room is another socket's own.
    pub fn join(
        &mut self,
        sid: &Id,
        namespace: &str,
        room: &str,
    ) -> Result<Option<(Addr, RoomId, RoomId)>, RegistryError> {
        let (slot, socket) = self.sockets.find(sid).ok_or(RegistryError::UnknownSid)?;
        let session = self.sessions.entry(socket.session);
        let addr = session.ok_or(RegistryError::UnknownSid)?.addr;
        let space = socket.namespace;
        if self.socket_in(sid, namespace).is_none() {
            return Err(RegistryError::WrongNamespace);
        }
        if room == sid.as_str() {
            return Ok(None);
        }
        if Id::parse(room).is_some_and(|other| self.socket_in(&other, namespace).is_some()) {
            return Err(RegistryError::OwnRoom);
        }
        let id = self.room_in(space, room).ok_or(RegistryError::WrongNamespace)?;
        let all = self.namespaces.get(space as usize).map_or(id, |entry| entry.all);
        let is_new = self.members.join(ConnId(slot), id, all);
        Ok(is_new.then_some((addr, id, all)))
    }

    /// The id of a room. Creates the room if it does not exist.
    fn room_in(&mut self, namespace: u32, room: &str) -> Option<RoomId> {
        let known = self.namespaces.get(namespace as usize)?.rooms.get(room);
        if let Some(id) = known.copied() {
            return Some(id);
        }
        let (id, name) = (self.new_room(), Arc::<str>::from(room));
        let entry = self.namespaces.get_mut(namespace as usize)?;
        entry.rooms.insert(Arc::clone(&name), id);
        self.names.insert(id, name);
        Some(id)
    }

    /// Removes a socket from a room. Returns its address and the room, or `None` if it is not a member.
    pub fn leave(&mut self, sid: &Id, namespace: &str, room: &str) -> Option<(Addr, RoomId)> {
        let (slot, socket) = self.socket_in(sid, namespace)?;
        let (space, addr) = (socket.namespace, self.session_of_socket(socket)?.addr);
        let id = self.room(namespace, room)?;
        if !self.members.leave(ConnId(slot), id) {
            return None;
        }
        self.free_room(space, id);
        Some((addr, id))
    }

    /// Removes all members from a room. Returns `None` if the room does not exist.
    pub fn close_room(&mut self, namespace: &str, room: &str) -> Option<RoomId> {
        let space = *self.by_name.get(namespace)?;
        let id = self.room(namespace, room)?;
        let members: Vec<_> = self.members.members(id).collect();
        for conn in members {
            self.members.leave(conn, id);
        }
        self.free_room(space, id);
        Some(id)
    }

    /// Removes a room if it is empty.
    pub(super) fn free_room(&mut self, namespace: u32, room: RoomId) {
        if self.members.len(room) > 0 {
            return;
        }
        if let Some(name) = self.names.remove(&room)
            && let Some(entry) = self.namespaces.get_mut(namespace as usize)
        {
            entry.rooms.remove(&name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{sid, three};
    use super::*;

    #[test]
    fn joins_and_leaves_change_the_answers_of_queries() {
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
    fn a_join_that_is_not_possible_fails_with_its_reason() {
        let mut registry = three();
        assert_eq!(registry.join(&sid(9), "/", "a"), Err(RegistryError::UnknownSid));
        assert_eq!(registry.join(&sid(0), "/x", "a"), Err(RegistryError::WrongNamespace));
        let own = registry.join(&sid(0), "/", sid(1).as_str());
        assert_eq!(own, Err(RegistryError::OwnRoom));
    }
}
