//! What a shard counts. Names live only here.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $variant:ident => $name:literal,)*) => {
        /// Something a shard counts.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(usize)]
        pub enum Counter { $($(#[$doc])* $variant,)* }

        impl Counter {
            /// Every counter, in the order of its declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name under which the counter is shown.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }

        const COUNT: usize = Counter::ALL.len();
    };
}

counters! {
    /// Streams accepted or adopted.
    StreamsOpened => "streams_opened",
    /// Streams closed.
    StreamsClosed => "streams_closed",
    /// Sessions opened.
    SessionsOpened => "sessions_opened",
    /// Sessions that moved from polling to WebSocket.
    Upgrades => "upgrades",
    /// Runs handed to a client's stream or queue; a run may join several packets.
    Deliveries => "deliveries",
    /// Packets of the program's that went out: the kernel, or a response to a poll, took them.
    PacketsSent => "packets_sent",
    /// Volatile packets left out for clients that had a backlog.
    DroppedVolatile => "dropped_volatile",
    /// Packets that newer ones with the same key replaced.
    DroppedConflated => "dropped_conflated",
    /// Packets that waited for a client, or were pending for it, when it was closed.
    DroppedClosed => "dropped_closed",
    /// Bytes written to streams.
    BytesSent => "bytes_sent",
    /// Bytes read from streams.
    BytesReceived => "bytes_received",
    /// WebSocket messages compressed, each once for all who get it.
    Deflates => "deflates",
    /// Polling bodies made of several packets, each once for all who get it.
    PollBodies => "poll_bodies",
    /// Polling bodies compressed, each once for all who get it.
    PollCompressions => "poll_compressions",
    /// Requests answered, those that were refused among them.
    RequestsAnswered => "requests_answered",
    /// Engine.IO packets received.
    PacketsReceived => "packets_received",
    /// Steps of a shard that were cut short by a fault in the server.
    Panics => "panics",
    /// Requests refused with an error status.
    RequestsRefused => "requests_refused",
    /// Request heads or bodies that took too long.
    RequestTimeouts => "request_timeouts",
    /// Sessions closed as `client disconnect`.
    ClosedClientDisconnect => "closed_client_disconnect",
    /// Sessions closed as `server disconnect`.
    ClosedServerDisconnect => "closed_server_disconnect",
    /// Sessions closed as `ping timeout`.
    ClosedPingTimeout => "closed_ping_timeout",
    /// Sessions closed as `transport close`.
    ClosedTransportClose => "closed_transport_close",
    /// Sessions closed as `transport error`.
    ClosedTransportError => "closed_transport_error",
    /// Sessions closed as `parse error`.
    ClosedParseError => "closed_parse_error",
    /// Sessions closed as `slow client`.
    ClosedSlowClient => "closed_slow_client",
    /// Sessions closed as `connect timeout`.
    ClosedConnectTimeout => "closed_connect_timeout",
    /// Sessions closed as `server shutdown`.
    ClosedServerShutdown => "closed_server_shutdown",
    /// Panics caught, each of which closed one connection.
    ClosedInternalError => "closed_internal_error",
    /// Connections not accepted because the process has no descriptor left.
    AcceptErrors => "accept_errors",
    /// Now: bytes of memory that wait for clients.
    QueuedBytes => "queued_bytes",
    /// Now: packets that wait for clients, beside those that are pending for many.
    QueuedPackets => "queued_packets",
    /// Now: sessions on polling.
    Polling => "polling",
    /// Now: sessions on a WebSocket.
    WebSocket => "websocket",
    /// Now: clients in a namespace, counted once for each.
    Sockets => "sockets",
    /// Clients whose reading was paused because Python had not taken their events.
    ReadPauses => "read_pauses",
    /// Events dropped because their client had gone while it was not read.
    DroppedUnread => "dropped_unread",
    /// Times that the event loop's thread began to run the shard's turns.
    InlinePeriods => "inline_periods",
}

/// The counters of one shard, apart from those of others in memory.
#[derive(Debug)]
#[repr(align(128))]
pub struct Counters([AtomicU64; COUNT]);

impl Default for Counters {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; COUNT])
    }
}

impl Counters {
    /// Adds one.
    pub fn add(&self, counter: Counter) {
        self.add_many(counter, 1);
    }

    /// Adds `n`.
    pub fn add_many(&self, counter: Counter, n: u64) {
        // There is one writer, the shard: no locked instruction is needed.
        let value = &self.0[counter as usize];
        value.store(value.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
    }

    /// Sets a gauge.
    pub fn set(&self, counter: Counter, value: usize) {
        self.0[counter as usize].store(value as u64, Ordering::Relaxed);
    }

    /// The value.
    pub fn value(&self, counter: Counter) -> u64 {
        self.0[counter as usize].load(Ordering::Relaxed)
    }

    /// Counts the end of a session by its reason.
    pub(crate) fn closed(&self, reason: engine::Reason) {
        use engine::Reason as R;
        self.add(match reason {
            R::ClientDisconnect => Counter::ClosedClientDisconnect,
            R::ServerDisconnect => Counter::ClosedServerDisconnect,
            R::PingTimeout => Counter::ClosedPingTimeout,
            R::TransportClose => Counter::ClosedTransportClose,
            R::TransportError => Counter::ClosedTransportError,
            R::ParseError => Counter::ClosedParseError,
            R::SlowClient => Counter::ClosedSlowClient,
            R::ConnectTimeout => Counter::ClosedConnectTimeout,
            R::ServerShutdown => Counter::ClosedServerShutdown,
            R::InternalError => Counter::ClosedInternalError,
        });
    }
}
