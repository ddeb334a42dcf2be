//! The inputs and outputs of the session's state machine.

use std::borrow::Cow;

/// The transport of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// HTTP long polling.
    Polling,
    /// One WebSocket.
    WebSocket,
}

impl Transport {
    /// The name of the transport in queries and for handlers.
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

/// The stream of a session that a packet arrives on or leaves on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// The stream of the current transport.
    Main,
    /// The WebSocket of an upgrade in progress.
    Probe,
}

/// The reason for the end of a session or socket. The names of the first five are python-socketio's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The client disconnected.
    ClientDisconnect,
    /// The application disconnected the client.
    ServerDisconnect,
    /// The client did not answer a ping in time.
    PingTimeout,
    /// The stream was closed.
    TransportClose,
    /// The stream failed, or the client broke the rules of its transport.
    TransportError,
    /// The client sent an invalid packet, or a packet that was not allowed.
    ParseError,
    /// The client did not read the data that was sent to it.
    SlowClient,
    /// The client did not join a namespace in time.
    ConnectTimeout,
    /// The server shuts down.
    ServerShutdown,
    /// The server has a fault.
    InternalError,
}

impl Reason {
    /// The name that handlers receive.
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

/// How a polling client is told that its session has ended, after the queued packets. A WebSocket
/// gets a close frame in every case except `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goodbye {
    /// It needs no notice, because it has closed the session or is gone. A waiting GET is answered with
    /// a noop.
    None,
    /// A waiting GET is answered with a close packet. A later GET finds an unknown session.
    Waiting,
    /// The waiting GET, or else the next GET, is answered with a close packet.
    Kept,
    /// A waiting GET is answered with the queued packets or a noop. The next GET finds an unknown
    /// session, so the client reconnects. Most clients in languages other than JavaScript do not
    /// reconnect after a close packet.
    Return,
}

/// An action that the driver must perform. Actions are performed in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send `2` on the session's transport.
    SendPing,
    /// Send `3probe` on the probe. A client sends `3` on the session's transport.
    SendPong(Via),
    /// Client: the handshake is complete.
    Opened {
        /// Whether to open a WebSocket for an upgrade, and then to call `handle_probe_opened`.
        probe: bool,
    },
    /// Client: send `2probe` on the probe.
    SendProbe,
    /// Client: wait for the answer to the open poll, then send `5` on the probe.
    SendUpgrade,
    /// Answer the waiting GET with the queued packets, or with a noop.
    ReleasePoll,
    /// Use the probe as the session's transport. The queued packets go there.
    SwitchTransport,
    /// Close the probe. The session stays on polling.
    DropProbe,
    /// Close the session, which has ended.
    Close {
        /// The reason for the end.
        reason: Reason,
        /// How the peer is told.
        goodbye: Goodbye,
    },
}

/// A message from the peer, for [`crate::Sockets`] or [`crate::Receiver`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inbound<'p> {
    /// A text message.
    Text(&'p str),
    /// A binary message.
    Binary(Cow<'p, [u8]>),
}
