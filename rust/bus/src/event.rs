//! What the application is told by its bus.

use cluster::node::{Outcome, ReplyTo};
use cluster::{Answer, Emit, EventData, Message};

/// Something for the application.
#[derive(Debug)]
pub enum BusEvent {
    /// The bus can be used.
    Up,
    /// The bus cannot be reached; it is tried again. The text says why, without passwords.
    Down(String),
    /// The first message that was no message, and how it was wrong.
    Refused(String),
    /// An event of another node that wants acknowledgements: emit it here, and pass them on.
    Emit {
        /// The namespace.
        namespace: String,
        /// The event.
        emit: Emit,
        /// Who has emitted it.
        from: String,
        /// Where counts and acknowledgements go, in Node's way.
        reply: Option<ReplyTo>,
    },
    /// Another node asks for clients with their data.
    FetchSockets {
        /// What is asked.
        message: Message,
        /// Where the answer goes.
        reply: ReplyTo,
    },
    /// An event for this server itself.
    ServerSide {
        /// The namespace.
        namespace: String,
        /// Name and arguments.
        event: EventData,
        /// Where an answer goes, when one is wanted.
        reply: Option<ReplyTo>,
    },
    /// An answer for a callback of this node.
    Callback {
        /// The room that was emitted to.
        room: String,
        /// The number of the callback.
        id: u64,
        /// The array of its arguments.
        arguments: EventData,
    },
    /// The other nodes have answered a request, or its time is over.
    Done(Outcome),
    /// The dialect has no form for a request.
    Failed {
        /// The number of the request.
        token: u64,
        /// Why.
        error: String,
    },
    /// How many clients of other nodes were asked, or what one has answered.
    Acknowledged {
        /// The number of the request.
        token: u64,
        /// Which of the two.
        answer: Answer,
    },
}
