//! What a message of a client's is to the program.

use std::borrow::Cow;

use protocol::Id;

use crate::event::Inbound;

/// What a message was, for the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming<'p> {
    /// The client asks for a namespace; call `connecting` with the new sid.
    Connect {
        /// Which.
        namespace: &'p str,
        /// An object as the parser's bytes, or nothing.
        auth: Cow<'p, [u8]>,
    },
    /// An event.
    Event {
        /// From this socket.
        sid: Id,
        /// The ack id.
        id: Option<u64>,
        /// The array as the parser's bytes.
        data: Cow<'p, [u8]>,
        /// The binary attachments, in order.
        attachments: Vec<Vec<u8>>,
    },
    /// An ack.
    Ack {
        /// From this socket.
        sid: Id,
        /// The ack id.
        id: u64,
        /// The array as the parser's bytes.
        data: Cow<'p, [u8]>,
        /// The binary attachments, in order.
        attachments: Vec<Vec<u8>>,
    },
    /// The client leaves a namespace; call `remove`.
    Disconnect {
        /// This socket.
        sid: Id,
    },
    /// A message of a session without this layer.
    Message(&'p Inbound<'p>),
}

impl<'p> Incoming<'p> {
    /// An event, or an ack.
    pub(crate) fn data(
        ack: bool,
        sid: Id,
        id: Option<u64>,
        data: Cow<'p, [u8]>,
        attachments: Vec<Vec<u8>>,
    ) -> Self {
        match id {
            Some(id) if ack => Self::Ack { sid, id, data, attachments },
            _ => Self::Event { sid, id, data, attachments },
        }
    }
}
