//! What a connection tells the program.

use std::sync::Arc;

use engine::{Reason, Transport};

use crate::failure::Failure;
use crate::send_queue::SendQueue;

/// An event of one connection.
#[derive(Debug)]
pub struct ConnectionEvent {
    /// The connection's number in its hub.
    pub connection: u64,
    /// What it tells.
    pub event: Event,
    /// How much of the connection's inbound allowance it takes.
    pub(crate) cost: usize,
    pub(crate) send_queue: Arc<SendQueue>,
}

/// Something the program must hear.
#[derive(Debug)]
pub enum Event {
    /// The handshake is done.
    Opened {
        /// The session's id.
        sid: String,
        /// What carries it.
        transport: Transport,
        /// Between two pings of the server's, in milliseconds.
        ping_interval: u64,
        /// For the answer to one, in milliseconds.
        ping_timeout: u64,
    },
    /// The session could not be opened.
    Failed(Failure),
    /// A namespace is granted.
    Connect {
        /// Which.
        namespace: String,
        /// An object in the parser's form, or nothing.
        data: Vec<u8>,
    },
    /// A namespace is refused.
    ConnectError {
        /// Which.
        namespace: String,
        /// An object or a text in the parser's form.
        data: Vec<u8>,
    },
    /// The server ends a namespace.
    Disconnect {
        /// Which.
        namespace: String,
    },
    /// An event or an ack.
    Data {
        /// Whether it is an ack.
        ack: bool,
        /// In which namespace.
        namespace: String,
        /// The ack id.
        id: Option<u64>,
        /// The array in the parser's form.
        body: Vec<u8>,
        /// The binary attachments, in order.
        attachments: Vec<Vec<u8>>,
    },
    /// A text message, for the program's own parser.
    Text(String),
    /// A binary message, for the program's own parser.
    Binary(Vec<u8>),
    /// The session moved to a WebSocket.
    Upgraded,
    /// What waited to be sent has gone down to the half of what the program waits for.
    Drained,
    /// The session has ended, after `Opened`.
    Closed {
        /// Why.
        reason: Reason,
        /// The same in words, when there is more to say.
        detail: String,
    },
}

impl Event {
    /// Whether it is an event of the server's, which a handler would get.
    pub(crate) fn is_for_handlers(&self) -> bool {
        matches!(self, Self::Data { ack: false, .. })
    }

    /// Whether it is the last that is told.
    pub(crate) fn is_end(&self) -> bool {
        matches!(self, Self::Closed { .. })
    }

    /// What the event weighs against its connection's allowance of unread input.
    pub(crate) fn cost(&self) -> usize {
        const EACH: usize = 256;
        EACH + match self {
            Self::Data { body, attachments, .. } => {
                body.len() + attachments.iter().map(Vec::len).sum::<usize>()
            }
            Self::Text(text) => text.len(),
            Self::Binary(data) => data.len(),
            _ => 0,
        }
    }
}
