//! What one node tells or asks the others, whatever the dialect.

use crate::event::EventData;

/// A message with its sender and its namespace.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope {
    /// The name of the node that sent it.
    pub from: String,
    /// The namespace it is about.
    pub namespace: String,
    /// What it says.
    pub message: Message,
}

/// Which clients of a namespace are meant: those in any of the rooms, or all when there is none,
/// without those in any of the excepted rooms. The sid of a client is a room, too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// In any of these; empty is everybody.
    pub rooms: Vec<String>,
    /// But in none of these.
    pub except: Vec<String>,
}

/// An event for clients of other nodes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Emit {
    /// Name and arguments.
    pub event: EventData,
    /// Who gets it.
    pub to: Selection,
    /// A client that has a backlog does not get it.
    pub volatile: bool,
    /// `false` when it must not be compressed.
    pub compress: Option<bool>,
    /// What is to be done with the clients' acknowledgements.
    pub ack: Option<AckRequest>,
}

/// Where acknowledgements of an emit go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AckRequest {
    /// Node's way: each node says how many clients it has asked, then passes on each answer.
    Counted {
        /// The request.
        request: String,
    },
    /// python-socketio's way: the arguments of an answer call a function of the node that emitted.
    Callback {
        /// The room that was emitted to, which names the table of functions there.
        room: String,
        /// The number of the function.
        id: u64,
    },
}

/// What a node says.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// An event.
    Emit(Emit),
    /// Clients enter rooms.
    Join {
        /// Which clients.
        who: Selection,
        /// The rooms.
        rooms: Vec<String>,
    },
    /// Clients leave rooms.
    Leave {
        /// Which clients.
        who: Selection,
        /// The rooms.
        rooms: Vec<String>,
    },
    /// Clients are disconnected from the namespace, or their connections closed.
    Disconnect {
        /// Which clients.
        who: Selection,
        /// Whether the connection is closed, too.
        close: bool,
    },
    /// Everybody leaves a room.
    CloseRoom {
        /// The room.
        room: String,
    },
    /// Which clients are there, with their data.
    FetchSockets {
        /// The request.
        request: String,
        /// Which clients.
        who: Selection,
    },
    /// The sids of the clients in any of these rooms.
    SocketIds {
        /// The request.
        request: String,
        /// The rooms; empty is everybody.
        rooms: Vec<String>,
    },
    /// The names of all rooms.
    AllRooms {
        /// The request.
        request: String,
    },
    /// An event for the other servers themselves.
    ServerSideEmit {
        /// The request, when an answer is wanted.
        request: Option<String>,
        /// Name and arguments.
        event: EventData,
    },
    /// An answer to a request of another node.
    Answer {
        /// Who has asked; dialects with a common channel for answers leave it out.
        to: String,
        /// The request.
        request: String,
        /// The answer.
        answer: Answer,
    },
    /// The answer of one client to an event that python-socketio's way asks to be called back.
    Callback {
        /// The node that emitted.
        to: String,
        /// The room that was emitted to.
        room: String,
        /// The number of the function.
        id: u64,
        /// The array of its arguments.
        arguments: EventData,
    },
    /// A node has come and wants to hear who is there.
    Hello,
    /// A node is there.
    Heartbeat,
    /// A node is going.
    Bye,
}

/// The answer of one node.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The array of its clients: objects with `id`, `handshake`, `rooms` and `data`.
    Sockets(EventData),
    /// Sids.
    SocketIds(Vec<String>),
    /// Names of rooms.
    Rooms(Vec<String>),
    /// What the handler of a server-side event has answered: one value.
    ServerSide(EventData),
    /// How many clients an emit has asked to acknowledge it.
    ClientCount(u64),
    /// The acknowledgement of one client: Node passes on its first argument only.
    Ack(EventData),
    /// It was done.
    Done,
}
