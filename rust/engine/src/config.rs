//! What the machines need to know; defaults are those of Node's server.

use std::time::Duration;

/// What a session's messages are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parser {
    /// Packets of the Socket.IO protocol, one binary message each (`protocol::msgpack`).
    Msgpack,
    /// Packets of the Socket.IO protocol that the program reads and writes itself.
    Application,
    /// The program's business: it gets them as they come.
    Raw,
    /// Packets of the Socket.IO protocol: text with JSON, and attachments behind it.
    SocketIo,
}

impl Parser {
    /// Whether the program gets the messages as they come.
    pub fn is_undecoded(self) -> bool {
        matches!(self, Self::Application | Self::Raw)
    }
}

/// The options of a session.
#[derive(Clone, Debug)]
pub struct Config {
    /// Whether polling sessions may move to a WebSocket.
    pub allow_upgrades: bool,
    /// How long a session may go without joining a namespace.
    pub connect_timeout: Duration,
    /// Attachments of one packet.
    pub max_attachments: u32,
    /// Namespaces of one session.
    pub max_namespaces: usize,
    /// Bytes of one message or body; of the text of a packet and its attachments together.
    pub max_payload: usize,
    /// Who reads the messages, and how.
    pub parser: Parser,
    /// From one pong to the next ping.
    pub ping_interval: Duration,
    /// For the pong.
    pub ping_timeout: Duration,
    /// Whether polling is served.
    pub polling: bool,
    /// Between the noops that free polls while an upgrade is under way.
    pub upgrade_noop: Duration,
    /// How long an upgrade may take.
    pub upgrade_timeout: Duration,
    /// Whether `WebSockets` are served.
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
