//! The result of decoding a client's message.

use std::borrow::Cow;

use protocol::Id;

use crate::event::Inbound;

/// A decoded message of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming<'p> {
    /// The client asks to join a namespace. The driver calls `connecting` with the new sid.
    Connect {
        /// The namespace.
        namespace: &'p str,
        /// An object in the parser's form, or no bytes.
        auth: Cow<'p, [u8]>,
    },
    /// An event.
    Event {
        /// The socket that sent it.
        sid: Id,
        /// The ack id.
        id: Option<u64>,
        /// The array in the parser's form.
        data: Cow<'p, [u8]>,
        /// The binary attachments, in order.
        attachments: Vec<Vec<u8>>,
    },
    /// An ack.
    Ack {
        /// The socket that sent it.
        sid: Id,
        /// The ack id.
        id: u64,
        /// The array in the parser's form.
        data: Cow<'p, [u8]>,
        /// The binary attachments, in order.
        attachments: Vec<Vec<u8>>,
    },
    /// The client leaves a namespace. The driver calls `remove`.
    Disconnect {
        /// The socket that leaves.
        sid: Id,
    },
    /// A message that the application decodes itself ([`crate::Parser::is_undecoded`]).
    Message(&'p Inbound<'p>),
}

impl<'p> Incoming<'p> {
    /// An ack if `is_ack` is set and there is an id, otherwise an event.
    pub(crate) fn data(
        is_ack: bool,
        sid: Id,
        id: Option<u64>,
        data: Cow<'p, [u8]>,
        attachments: Vec<Vec<u8>>,
    ) -> Self {
        match id {
            Some(id) if is_ack => Self::Ack { sid, id, data, attachments },
            _ => Self::Event { sid, id, data, attachments },
        }
    }
}
