//! The events that a connection reports to the application.

use std::sync::Arc;

use engine::{Reason, Transport};

use crate::failure::Failure;
use crate::send_queue::SendQueue;

/// An event together with the connection that it belongs to.
#[derive(Debug)]
pub struct ConnectionEvent {
    /// The connection's number in its hub.
    pub connection: u64,
    /// The event itself.
    pub event: Event,
    /// How much the event counts against the connection's limit of unread input, in bytes.
    pub(crate) cost: usize,
    pub(crate) send_queue: Arc<SendQueue>,
}

/// An event of a connection.
#[derive(Debug)]
pub enum Event {
    /// The handshake is complete.
    Opened {
        /// The session id.
        sid: String,
        /// The transport of the session.
        transport: Transport,
        /// The time between two pings of the server, in milliseconds.
        ping_interval: u64,
        /// The time limit for a pong, in milliseconds.
        ping_timeout: u64,
    },
    /// The session could not be opened.
    Failed(Failure),
    /// The server accepted a namespace.
    Connect {
        /// The namespace.
        namespace: String,
        /// An object in the parser's form, or no bytes.
        data: Vec<u8>,
    },
    /// The server refused a namespace.
    ConnectError {
        /// The namespace.
        namespace: String,
        /// An object or a string in the parser's form.
        data: Vec<u8>,
    },
    /// The server disconnected a namespace.
    Disconnect {
        /// The namespace.
        namespace: String,
    },
    /// An event or an ack.
    Data {
        /// Whether it is an ack.
        ack: bool,
        /// The namespace.
        namespace: String,
        /// The ack id.
        id: Option<u64>,
        /// The array in the parser's form.
        body: Vec<u8>,
        /// The binary attachments, in order.
        attachments: Vec<Vec<u8>>,
    },
    /// A text message, for the application's own parser.
    Text(String),
    /// A binary message, for the application's own parser.
    Binary(Vec<u8>),
    /// The session has moved to a WebSocket.
    Upgraded,
    /// At most half of the limit that was passed to `await_drained` waits to be sent.
    Drained,
    /// A session that was open has ended.
    Closed {
        /// The class of the cause.
        reason: Reason,
        /// A description of the cause. It may be empty.
        detail: String,
    },
}

impl Event {
    /// Whether the event is passed to an event handler.
    pub(crate) fn is_for_handlers(&self) -> bool {
        matches!(self, Self::Data { ack: false, .. })
    }

    /// Whether no event of the connection follows this one.
    pub(crate) fn is_end(&self) -> bool {
        matches!(self, Self::Closed { .. })
    }

    /// How much the event counts against its connection's limit of unread input, in bytes.
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
