//! What each command does. This is where sessions and rooms meet.

use std::sync::Arc;

use engine::SocketState;
use protocol::Id;
use rooms::{Addr, ConnId, Frame, RoomId, Target};
use smallvec::SmallVec;

use crate::command::Command;
use crate::event::Event;
use crate::fault::{self, Place};
use crate::shard::Shard;
use crate::table::Table;

impl Shard {
    /// Applies one command.
    pub(crate) fn apply(&mut self, command: Command) {
        fault::point(Place::Command);
        match command {
            Command::Accept { addr, sid, frame, all } => self.accept_socket(addr, sid, &frame, all),
            Command::Arrive(arrival) => self.table.arrive(*arrival),
            Command::Close { addr, reason } => {
                if self.table.sessions.at(addr).is_some() {
                    self.fanout.catch_up(ConnId(addr.slot), &mut self.table);
                    self.table.close_session(addr.slot, reason);
                }
            }
            Command::CloseRoom { room } => self.fanout.close_room(room, &mut self.table),
            Command::Decide { token, session, decision } => {
                self.table.decided(token, session, *decision);
            }
            Command::Direct { addr, sid, frame } => self.direct(addr, sid, frame),
            Command::Connecting { addr, sid, namespace } => {
                self.table.connecting(addr, sid, &namespace);
            }
            Command::Disconnect { addr, sid, frame, all } => {
                self.disconnect(addr, sid, frame.as_ref(), all);
            }
            Command::Emit { rooms, except, except_rooms, frame } => {
                self.emit(rooms, &except, except_rooms, frame);
            }
            Command::Join { addr, sid, room, all } => self.join(addr, sid, room, all),
            Command::Leave { addr, sid, room } => self.leave(addr, sid, room),
            Command::Listen(listener) => self.listen(*listener),
            Command::Options(options) => self.table.set_options(options),
            Command::Pause { addr } => self.pause(addr, true),
            Command::Refuse { addr, sid, frame } => self.refuse(addr, sid, &frame),
            Command::Resume { addr } => self.pause(addr, false),
            Command::Send { addr, frame } => {
                if self.table.sessions.at(addr).is_some() {
                    self.fanout.direct(ConnId(addr.slot), &frame, &mut self.table);
                }
            }
            Command::Shutdown => self.shut_down(),
            Command::Stop => self.stop_by = Some(self.table.last_words()),
            Command::Unlisten => self.unlisten(),
            Command::Watch { addr, session } => self.table.watch_level(addr, session),
        }
    }

    fn emit(
        &mut self,
        rooms: SmallVec<[RoomId; 1]>,
        except: &[Addr],
        except_rooms: SmallVec<[RoomId; 1]>,
        frame: Frame,
    ) {
        let except = except
            .iter()
            .filter(|addr| self.table.sessions.at(**addr).is_some())
            .map(|addr| ConnId(addr.slot))
            .collect();
        self.fanout.emit(Target { rooms, except, except_rooms }, frame);
    }

    /// An emit to a socket whose handler has not decided yet follows its CONNECT reply.
    fn direct(&mut self, addr: Addr, sid: Id, frame: Frame) {
        match self.table.socket_state(addr, &sid) {
            Some(SocketState::Connected) => {
                self.fanout.direct(ConnId(addr.slot), &frame, &mut self.table);
            }
            Some(SocketState::Connecting) => {
                self.table.hold(addr, sid, frame);
            }
            None => {}
        }
    }

    fn accept_socket(&mut self, addr: Addr, sid: Id, reply: &Frame, all: RoomId) {
        let Some(session) = self.table.sessions.at(addr) else {
            return;
        };
        session.engine.joined_namespace();
        if !session.sockets.connected(&sid) {
            // The client has left the namespace meanwhile; its CONNECT is answered all the same.
            return self.fanout.direct(ConnId(addr.slot), reply, &mut self.table);
        }
        let held = session.take_held(&sid);
        let namespace = session.sockets.find(&sid).map(|socket| Arc::clone(&socket.namespace));
        if let Some(namespace) = namespace {
            self.table.sessions.set_room_of_all(&namespace, all);
        }
        let conn = ConnId(addr.slot);
        self.fanout.direct(conn, reply, &mut self.table);
        self.fanout.join(conn, all, all, &mut self.table);
        let Some(held) = held else { return };
        for room in held.rooms {
            self.fanout.join(conn, room, all, &mut self.table);
        }
        for frame in held.frames {
            self.fanout.direct(conn, &frame, &mut self.table);
        }
    }

    fn refuse(&mut self, addr: Addr, sid: Id, frame: &Frame) {
        let Some(session) = self.table.sessions.at(addr) else {
            return;
        };
        session.take_held(&sid);
        // None: the client has left the namespace meanwhile.
        if let Some(socket) = session.sockets.remove(&sid) {
            self.table.sessions.leave_namespace(&socket.namespace);
        }
        self.fanout.direct(ConnId(addr.slot), frame, &mut self.table);
    }

    fn disconnect(&mut self, addr: Addr, sid: Id, frame: Option<&Frame>, all: RoomId) {
        let Some(session) = self.table.sessions.at(addr) else {
            return;
        };
        session.take_held(&sid);
        let Some(socket) = session.sockets.remove(&sid) else {
            return;
        };
        let conn = ConnId(addr.slot);
        if let Some(frame) = frame {
            self.fanout.direct(conn, frame, &mut self.table);
        }
        self.fanout.leave_group(conn, all, &mut self.table);
        self.table.sessions.leave_namespace(&socket.namespace);
        let reason = engine::Reason::ServerDisconnect;
        self.table.publish(addr.slot, Event::Disconnect { sid, reason, too_large: None });
    }

    fn join(&mut self, addr: Addr, sid: Id, room: RoomId, all: RoomId) {
        match self.table.socket_state(addr, &sid) {
            Some(SocketState::Connected) => {
                self.fanout.join(ConnId(addr.slot), room, all, &mut self.table);
            }
            Some(SocketState::Connecting) => {
                if let Some(session) = self.table.sessions.at(addr) {
                    session.held_for(sid).rooms.push(room);
                }
            }
            None => {}
        }
    }

    fn leave(&mut self, addr: Addr, sid: Id, room: RoomId) {
        let Some(session) = self.table.sessions.at(addr) else {
            return;
        };
        session.leave_held(&sid, room);
        self.fanout.leave(ConnId(addr.slot), room, &mut self.table);
    }

    fn pause(&mut self, addr: Addr, paused: bool) {
        if let Some(session) = self.table.sessions.at(addr) {
            session.paused = paused;
        }
    }
}

impl Table {
    fn socket_state(&mut self, addr: Addr, sid: &Id) -> Option<SocketState> {
        self.sessions.at(addr)?.sockets.find(sid).map(|socket| socket.state)
    }
}
