//! What the machine and its driver tell each other.

use std::borrow::Cow;

/// How a session's packets travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// HTTP requests.
    Polling,
    /// One WebSocket.
    WebSocket,
}

impl Transport {
    /// The name it has in queries and for handlers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Polling => "polling",
            Self::WebSocket => "websocket",
        }
    }

    /// The transport with this name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Polling, Self::WebSocket].into_iter().find(|transport| transport.as_str() == name)
    }
}

/// Which of a session's streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// The one that carries its packets.
    Main,
    /// The WebSocket that is to take over.
    Probe,
}

/// Why a session or a socket has ended. Names as python-socketio's, then our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The client said goodbye.
    ClientDisconnect,
    /// The program ended it.
    ServerDisconnect,
    /// The client did not answer a ping.
    PingTimeout,
    /// The stream was closed.
    TransportClose,
    /// The stream broke, or the client broke the rules of its transport.
    TransportError,
    /// The client sent what is no packet, or not allowed now.
    ParseError,
    /// The client did not read what was sent to it.
    SlowClient,
    /// The client joined no namespace in time.
    ConnectTimeout,
    /// The server is going away.
    ServerShutdown,
    /// A fault in the server.
    InternalError,
}

impl Reason {
    /// The name that handlers get.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClientDisconnect => "client disconnect",
            Self::ServerDisconnect => "server disconnect",
            Self::PingTimeout => "ping timeout",
            Self::TransportClose => "transport close",
            Self::TransportError => "transport error",
            Self::ParseError => "parse error",
            Self::SlowClient => "slow client",
            Self::ConnectTimeout => "connect timeout",
            Self::ServerShutdown => "server shutdown",
            Self::InternalError => "internal error",
        }
    }
}

/// What the peer hears of the end of a session on polling, behind what waits for it. A WebSocket is
/// closed in each case but the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goodbye {
    /// Nothing: the peer knows, or is gone. A GET that waits gets a noop.
    None,
    /// A close packet for the GET that waits. A later one finds that the session is unknown.
    Waiting,
    /// A close packet for the GET that waits, or for the next one.
    Kept,
    /// What waits, or a noop, for the GET that waits. The next one finds that the session is unknown, so
    /// that every client comes back: most of those in other languages than JavaScript stay away after
    /// a close packet.
    Return,
}

/// What the driver must do, in the order it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send `2` on the session's transport.
    SendPing,
    /// Send `3probe` on the probe; as a client, `3` on the session's transport.
    SendPong(Via),
    /// Client: the handshake is complete.
    Opened {
        /// Open a WebSocket for the session and call `handle_probe_opened` when it is there.
        probe: bool,
    },
    /// Client: send `2probe` on the probe.
    SendProbe,
    /// Client: let the open poll come back, then send `5` on the probe.
    SendUpgrade,
    /// Answer the waiting GET with what is queued, or with a noop.
    ReleasePoll,
    /// The probe is now the session's WebSocket: what is queued goes there.
    SwitchTransport,
    /// Close the probe; polling goes on.
    DropProbe,
    /// The session has ended.
    Close {
        /// Why.
        reason: Reason,
        /// What the peer hears of it.
        goodbye: Goodbye,
    },
}

/// Data of the peer's, for [`crate::Sockets`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inbound<'p> {
    /// A text message.
    Text(&'p str),
    /// A binary message.
    Binary(Cow<'p, [u8]>),
}
