//! Requests that concern one socket or one room: accept, refuse, ack, disconnect, join, leave.

use std::sync::Arc;

use net::Command;
use protocol::Id;
use protocol::socketio::PacketType;
use rooms::{Addr, Flags, Frame, SocketStatus};

use crate::emit::Sent;
use crate::error::Error;
use crate::packet::{self, Header, Payload};
use crate::start::Router;

impl Router {
    /// Accepts a socket and answers its CONNECT. `false` when it was accepted before, or the client has
    /// left meanwhile; the CONNECT of a client that has left is answered too.
    pub fn accept(&self, sid: &str, payload: &Payload<'_>) -> bool {
        let Some((sid, _, namespace)) = self.locate(sid) else {
            return false;
        };
        let frame = self.control(PacketType::Connect, &namespace, payload);
        let mut registry = self.registry.lock();
        let Some((addr, all)) = registry.accepted(&sid) else {
            return false;
        };
        self.push(addr, Command::Accept { addr, sid, frame, all });
        registry.status(&sid) == Some(SocketStatus::Connected)
    }

    /// Begins or ends the hold of a socket. Events of a held socket come with `early`, also when it is
    /// connected. A held socket stays registered when it is refused.
    pub fn hold(&self, sid: &str, held: bool) {
        if let Some(sid) = Id::parse(sid) {
            self.registry.lock().hold(&sid, held);
        }
    }

    /// Refuses a socket and removes it from the registry. A held socket gets the status `Leaving`
    /// instead and stays registered until [`Router::forget`].
    pub fn refuse(&self, sid: &str, payload: &Payload<'_>) {
        let Some((sid, addr, namespace)) = self.locate(sid) else {
            return;
        };
        let frame = self.control(PacketType::ConnectError, &namespace, payload);
        let mut registry = self.registry.lock();
        self.push(addr, Command::Refuse { addr, sid, frame });
        if registry.is_held(&sid) {
            registry.leaving(&sid);
        } else {
            registry.forget(&sid);
        }
    }

    /// Removes a socket that has left from the registry, after its disconnect handler has run.
    pub fn forget(&self, sid: &str) {
        if let Some(sid) = Id::parse(sid) {
            self.registry.lock().forget(&sid);
        }
    }

    /// Sends the ack of an event. `may_wait` as in [`crate::Emit`].
    ///
    /// A shard with its own thread is woken at once: it sends the first acks while the application
    /// produces the next. Only a shard in inline mode waits for the flush.
    pub fn ack(
        &self,
        sid: &str,
        ack_id: u64,
        payload: &Payload<'_>,
        attachments: &[&[u8]],
        may_wait: bool,
    ) -> Sent {
        let (Some((sid, addr, namespace)), Ok(net)) = (self.locate(sid), self.net()) else {
            return Sent::default();
        };
        let bytes = payload.bytes() + attachments.iter().map(|data| data.len()).sum::<usize>();
        if may_wait && self.has_no_memory_for(bytes, &net) {
            return Sent::CROWDED;
        }
        let header = Header { kind: PacketType::Ack, namespace: &namespace, id: Some(ack_id) };
        let frame = packet::encode(self.parser, &header, payload, attachments, Flags::default());
        let mut registry = self.registry.lock();
        // A socket that has left gets no ack, so the caller must not wait for it.
        let is_here = registry.status(&sid) == Some(SocketStatus::Connected);
        if may_wait && is_here && registry.is_backed_up(addr) {
            return Sent::WAIT;
        }
        let bytes = frame.wire().len();
        net.push_quietly(addr.shard, Command::Direct { addr, sid, frame });
        self.count_sent(&mut registry, &net, addr, bytes);
        drop(registry);
        if !net.is_inline(addr.shard) {
            net.wake_shard(addr.shard);
            return Sent::default();
        }
        Sent { flush: self.deferred.wake(&net), ..Sent::default() }
    }

    /// Sends DISCONNECT to a connected socket; its end comes as `Inbound::Disconnect`. `false` when it
    /// is not connected.
    pub fn disconnect(&self, sid: &str, namespace: &str, payload: &Payload<'_>) -> bool {
        let Some(sid) = Id::parse(sid) else {
            return false;
        };
        let frame = self.control(PacketType::Disconnect, namespace, payload);
        let registry = self.registry.lock();
        let is_connected = registry.status(&sid) == Some(SocketStatus::Connected);
        let found = registry.addr_in(&sid, namespace).zip(registry.all_room(namespace));
        let Some((addr, all)) = found.filter(|_| is_connected) else {
            return false;
        };
        self.push(addr, Command::Disconnect { addr, sid, frame: Some(frame), all });
        true
    }

    /// Puts a socket into a room.
    ///
    /// # Errors
    /// When the sid is unknown or of another namespace, and when the room's name is the sid of another
    /// socket.
    pub fn join(&self, sid: &str, namespace: &str, room: &str) -> Result<(), Error> {
        let sid = Id::parse(sid).ok_or(Error::UnknownSid)?;
        let mut registry = self.registry.lock();
        if let Some((addr, room, all)) = registry.join(&sid, namespace, room)? {
            self.push(addr, Command::Join { addr, sid, room, all });
        }
        Ok(())
    }

    /// Removes a socket from a room.
    pub fn leave(&self, sid: &str, namespace: &str, room: &str) {
        let Some(sid) = Id::parse(sid) else { return };
        let mut registry = self.registry.lock();
        if let Some((addr, room)) = registry.leave(&sid, namespace, room) {
            self.push(addr, Command::Leave { addr, sid, room });
        }
    }

    /// Removes all sockets from a room.
    pub fn close_room(&self, namespace: &str, room: &str) {
        let mut registry = self.registry.lock();
        if let (Some(room), Ok(net)) = (registry.close_room(namespace, room), self.net()) {
            net.push_all(|| Command::CloseRoom { room });
        }
    }

    /// A socket's id, the address of its session, and its namespace.
    fn locate(&self, sid: &str) -> Option<(Id, Addr, Arc<str>)> {
        let sid = Id::parse(sid)?;
        let registry = self.registry.lock();
        let (addr, namespace) = registry.locate(&sid)?;
        Some((sid, addr, Arc::clone(namespace)))
    }

    /// Encodes a CONNECT, `CONNECT_ERROR` or DISCONNECT packet.
    fn control(&self, kind: PacketType, namespace: &str, payload: &Payload<'_>) -> Frame {
        let header = Header { kind, namespace, id: None };
        packet::encode(self.parser, &header, payload, &[], Flags::default())
    }
}
