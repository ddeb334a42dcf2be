//! What a shard can be asked to do. Commands are applied in the order they were pushed.

use std::sync::Arc;

use engine::Reason;
use protocol::Id;
use rooms::{Addr, Frame, RoomId};
use smallvec::SmallVec;

use crate::options::Options;
use crate::socket::accept::{Arrival, Listener};

/// The program's answer to `Event::Admission`.
#[derive(Debug)]
pub enum Decision {
    /// The request is served.
    Admit {
        /// The attributes of the cookie, when they are made anew for each handshake.
        cookie: Option<String>,
        /// Header lines for the response, each with its line end.
        headers: String,
    },
    /// It is refused.
    Deny {
        /// The status of the response.
        status: u16,
        /// Its body, JSON.
        body: String,
        /// Whether a page of the request's origin may read it.
        readable: bool,
    },
}

/// A request to a shard.
#[derive(Debug)]
pub enum Command {
    /// The connect handler accepted a socket: send the reply, join its rooms, release what waits.
    Accept {
        /// The session.
        addr: Addr,
        /// The socket.
        sid: Id,
        /// The CONNECT reply.
        frame: Frame,
        /// The room of everybody in the namespace.
        all: RoomId,
    },
    /// A stream to serve.
    Arrive(Box<Arrival>),
    /// Close a session.
    Close {
        /// The session.
        addr: Addr,
        /// Why.
        reason: Reason,
    },
    /// Everybody leaves a room.
    CloseRoom {
        /// The room.
        room: RoomId,
    },
    /// What becomes of a request that the program was asked about.
    Decide {
        /// From `Event::Admission`.
        token: u64,
        /// The session, from there too.
        session: Id,
        /// The answer.
        decision: Box<Decision>,
    },
    /// Send to one socket, after all that is pending for its session.
    Direct {
        /// The session.
        addr: Addr,
        /// The socket.
        sid: Id,
        /// The packet.
        frame: Frame,
    },
    /// The program has read a CONNECT packet: a socket waits for its decision.
    Connecting {
        /// The session.
        addr: Addr,
        /// The socket.
        sid: Id,
        /// The namespace.
        namespace: Arc<str>,
    },
    /// End one socket: send the DISCONNECT packet and leave its rooms.
    Disconnect {
        /// The session.
        addr: Addr,
        /// The socket.
        sid: Id,
        /// The DISCONNECT packet; `None` when it was the client that left.
        frame: Option<Frame>,
        /// The room of everybody in the namespace.
        all: RoomId,
    },
    /// Send to everybody in any of the rooms, once.
    Emit {
        /// The rooms.
        rooms: SmallVec<[RoomId; 1]>,
        /// Sessions left out.
        except: SmallVec<[Addr; 1]>,
        /// Rooms whose members are left out.
        except_rooms: SmallVec<[RoomId; 1]>,
        /// The packet.
        frame: Frame,
    },
    /// Put a socket into a room.
    Join {
        /// The session.
        addr: Addr,
        /// The socket.
        sid: Id,
        /// The room.
        room: RoomId,
        /// The room of everybody in the namespace.
        all: RoomId,
    },
    /// Take a socket out of a room.
    Leave {
        /// The session.
        addr: Addr,
        /// The socket.
        sid: Id,
        /// The room.
        room: RoomId,
    },
    /// Accept connections from this socket.
    Listen(Box<Listener>),
    /// Replace the options.
    Options(Arc<Options>),
    /// Stop reading from a session until `Resume`.
    Pause {
        /// The session.
        addr: Addr,
    },
    /// The connect handler refused a socket.
    Refuse {
        /// The session.
        addr: Addr,
        /// The socket.
        sid: Id,
        /// The `CONNECT_ERROR` packet.
        frame: Frame,
    },
    /// Read from a session again.
    Resume {
        /// The session.
        addr: Addr,
    },
    /// Send to a session, whatever sockets it has, after all that is pending for it.
    Send {
        /// The session.
        addr: Addr,
        /// The messages.
        frame: Frame,
    },
    /// Close every session; `Event::Stopped` follows the last one.
    Shutdown,
    /// End the thread.
    Stop,
    /// Accept no more connections.
    Unlisten,
    /// Say when little waits for a session (`Event::Drained`), all that was sent to it before included.
    Watch {
        /// Where it lives.
        addr: Addr,
        /// The session.
        session: Id,
    },
}

/// What a command takes beside its frame, roughly.
const OVERHEAD: usize = 256;

impl Command {
    /// The session it is about.
    pub(crate) fn addr(&self) -> Option<Addr> {
        match self {
            Self::Accept { addr, .. }
            | Self::Close { addr, .. }
            | Self::Direct { addr, .. }
            | Self::Connecting { addr, .. }
            | Self::Disconnect { addr, .. }
            | Self::Join { addr, .. }
            | Self::Leave { addr, .. }
            | Self::Pause { addr }
            | Self::Refuse { addr, .. }
            | Self::Resume { addr }
            | Self::Send { addr, .. }
            | Self::Watch { addr, .. } => Some(*addr),
            Self::Arrive(_)
            | Self::CloseRoom { .. }
            | Self::Decide { .. }
            | Self::Emit { .. }
            | Self::Listen(_)
            | Self::Options(_)
            | Self::Shutdown
            | Self::Stop
            | Self::Unlisten => None,
        }
    }

    /// The bytes it keeps alive, roughly; 0 when it carries no packet of the program's.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Direct { frame, .. } | Self::Emit { frame, .. } | Self::Send { frame, .. } => {
                frame.wire().len() + OVERHEAD
            }
            _ => 0,
        }
    }
}
