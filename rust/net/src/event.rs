//! What a shard tells the program: events of clients, requests that are not ours, questions.

use std::os::fd::{OwnedFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use engine::Reason;
use protocol::Id;
use rooms::Addr;

use crate::http::access_log::Answered;
use crate::peer::Peer;
use crate::too_large::TooLarge;

/// The request that opened a session.
#[derive(Debug)]
pub struct Handshake {
    /// The session's public id.
    pub session: Id,
    /// The raw bytes of the request head.
    pub head: Box<[u8]>,
    /// Who sent it.
    pub peer: Peer,
    /// The transport at the time of the first CONNECT.
    pub transport: engine::Transport,
}

/// An event or ack with its data as the parser's bytes.
#[derive(Debug)]
pub struct Data {
    /// The socket it came from.
    pub sid: Id,
    /// The ack id, if there is one.
    pub id: Option<u64>,
    /// The array.
    pub body: Box<[u8]>,
    /// The binary attachments, in order.
    pub attachments: Vec<Vec<u8>>,
}

/// One message of a session without the Socket.IO layer.
#[derive(Debug)]
pub enum Message {
    /// Text, without Engine.IO's type digit.
    Text(Box<str>),
    /// Bytes.
    Binary(Vec<u8>),
}

/// What waited for a client that is closed as `slow client`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slow {
    /// The session.
    pub session: Id,
    /// Bytes of memory.
    pub bytes: usize,
    /// Packets of the program's.
    pub packets: usize,
    /// For how long the oldest packet has waited.
    pub age: Duration,
    /// For how long the client has taken nothing.
    pub idle: Duration,
}

/// Something the program must hear.
#[derive(Debug)]
pub enum Event {
    /// A client acknowledged a packet.
    Ack(Data),
    /// A handshake (option `admission`) or another request (`ask_requests`) asks to be let in.
    Admission {
        /// Given back with the answer.
        token: u64,
        /// The session: the one to be, for a handshake.
        session: Id,
        /// Whether it is a handshake.
        handshake: bool,
        /// The raw bytes of the request head.
        head: Box<[u8]>,
        /// Who sent it.
        peer: Peer,
    },
    /// A request was answered (`ListenerConfig::log`).
    Answered(Box<Answered>),
    /// A session that the program knows is closed.
    Closed {
        /// The session.
        session: Id,
        /// Why, for the program that reads the messages itself.
        reason: Option<Reason>,
        /// What was too large, if that is why.
        too_large: Option<TooLarge>,
    },
    /// A client asks for a namespace.
    Connect {
        /// Where its session lives.
        addr: Addr,
        /// The socket's new id.
        sid: Id,
        /// The namespace.
        namespace: Arc<str>,
        /// Its auth object as the parser's bytes, or nothing.
        auth: Box<[u8]>,
        /// With the first CONNECT of a session.
        handshake: Option<Box<Handshake>>,
    },
    /// A socket is gone.
    Disconnect {
        /// The socket.
        sid: Id,
        /// Why.
        reason: Reason,
        /// What was too large, if that is why.
        too_large: Option<TooLarge>,
    },
    /// So little waits for a client again that the program may send it more, or it is gone: follows
    /// each `Full` and each `Command::Watch`.
    Drained {
        /// The session.
        session: Id,
    },
    /// A WebSocket has ended (`ListenerConfig::log`).
    Ended,
    /// A client sent an event.
    Event(Data),
    /// More than the high-water mark waits for a client.
    Full {
        /// The session.
        session: Id,
    },
    /// A request for another path; the stream is the receiver's.
    HandOff {
        /// The stream.
        fd: OwnedFd,
        /// What was read from it.
        data: Vec<u8>,
        /// The listener it came from.
        listener: u32,
    },
    /// The event loop's thread runs this shard's turns from now on, each time that its descriptor is
    /// readable.
    Inline {
        /// Its number.
        shard: u16,
        /// The descriptor.
        fd: RawFd,
    },
    /// A message, when the program reads them itself.
    Message {
        /// The session.
        session: Id,
        /// What came.
        message: Message,
    },
    /// A session has begun, whose messages the program reads itself.
    Open {
        /// Where it lives.
        addr: Addr,
        /// The request that opened it.
        handshake: Box<Handshake>,
    },
    /// A request was answered with an error (option `report_refusals`).
    Refused {
        /// The raw bytes of the request head.
        head: Box<[u8]>,
        /// Who sent it.
        peer: Peer,
        /// The error's number.
        code: u8,
        /// Its text.
        message: String,
    },
    /// A client is about to be closed as `slow client`.
    Slow(Box<Slow>),
    /// A message of a session's was too large.
    TooLarge {
        /// The session.
        session: Id,
        /// What is known about the message.
        detail: TooLarge,
    },
    /// The session moved to a WebSocket.
    Upgraded {
        /// The session.
        session: Id,
    },
    /// The last session of this shard is closed, after `Command::Shutdown`.
    Stopped,
}

impl Event {
    /// Whether it brings what a client has sent to a handler, or to who waits for it.
    pub(crate) fn is_data(&self) -> bool {
        matches!(self, Self::Ack(_) | Self::Event(_) | Self::Message { .. })
    }

    /// How much of what a client has sent is in it.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Ack(data) | Self::Event(data) => {
                data.body.len() + data.attachments.iter().map(Vec::len).sum::<usize>()
            }
            Self::Connect { auth, .. } => auth.len(),
            Self::Message { message: Message::Text(text), .. } => text.len(),
            Self::Message { message: Message::Binary(data), .. } => data.len(),
            _ => 0,
        }
    }
}
