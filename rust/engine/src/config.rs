//! The options of the state machines. The defaults are those of Node's server.

use std::time::Duration;

/// How the messages of a session are interpreted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parser {
    /// Socket.IO packets, each in one binary message of msgpack (`protocol::msgpack`).
    Msgpack,
    /// Socket.IO packets, which the application decodes and encodes itself.
    Application,
    /// Messages of Engine.IO without Socket.IO. The application receives them unchanged.
    Raw,
    /// Socket.IO packets as text with JSON, followed by their attachments.
    SocketIo,
}

impl Parser {
    /// Whether the application receives the messages unchanged.
    pub fn is_undecoded(self) -> bool {
        matches!(self, Self::Application | Self::Raw)
    }
}

/// The options of a session.
#[derive(Clone, Debug)]
pub struct Config {
    /// Whether polling sessions may upgrade to a WebSocket.
    pub allow_upgrades: bool,
    /// The time limit for the first namespace to be joined.
    pub connect_timeout: Duration,
    /// The maximum number of attachments of one packet.
    pub max_attachments: u32,
    /// The maximum number of namespaces of one session.
    pub max_namespaces: usize,
    /// The maximum size in bytes of a message, of a polling body, and of a packet with its
    /// attachments.
    pub max_payload: usize,
    /// How messages are interpreted.
    pub parser: Parser,
    /// The time from a pong to the next ping.
    pub ping_interval: Duration,
    /// The time limit for a pong.
    pub ping_timeout: Duration,
    /// Whether the polling transport is allowed.
    pub polling: bool,
    /// The time between two noops that end polls during an upgrade.
    pub upgrade_noop: Duration,
    /// The time limit for an upgrade.
    pub upgrade_timeout: Duration,
    /// Whether the WebSocket transport is allowed.
    pub websocket: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            allow_upgrades: true,
            connect_timeout: Duration::from_secs(45),
            max_attachments: 10,
            max_namespaces: 32,
            max_payload: 1_000_000,
            parser: Parser::SocketIo,
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            polling: true,
            upgrade_noop: Duration::from_millis(100),
            upgrade_timeout: Duration::from_secs(10),
            websocket: true,
        }
    }
}
