//! Every limit and switch of a server, with its unit in the type or in its doc.
//!
//! The Python layer builds this once; a changed option reaches the shards as a whole new value.

use std::net::IpAddr;
use std::os::fd::AsFd;
use std::time::Duration;

use socket2::SockRef;

/// Which origins may use the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cors {
    /// Any origin, echoed with credentials, or answered with `*` when there are to be none.
    Any,
    /// Python decides at each handshake; requests of a known session are not asked again.
    Ask,
    /// The listed origins (`scheme://host[:port]`, lower case).
    List(Vec<String>),
    /// No check and no header.
    Off,
    /// The origin must have the request's own scheme, host and port.
    Same,
}

/// Whose `X-Forwarded-*` headers are believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trusted {
    /// Every peer's.
    Any,
    /// Those of the addresses in these networks.
    List(Vec<Network>),
}

/// A range of addresses; a single one has the longest prefix there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u32,
}

impl Network {
    /// Reads `10.0.0.0/8`, or a single address; `None` when it is neither.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address.parse().ok()?, Some(prefix.parse().ok()?)),
            None => (text.parse().ok()?, None),
        };
        let longest = if matches!(address, IpAddr::V4(_)) { 32 } else { 128 };
        let prefix = prefix.unwrap_or(longest);
        (prefix <= longest).then_some(Self { address, prefix })
    }

    /// Whether an address lies in it.
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self.address, ip) {
            (IpAddr::V4(own), IpAddr::V4(ip)) => {
                let shift = 32 - self.prefix;
                (own.to_bits() ^ ip.to_bits()).checked_shr(shift).unwrap_or(0) == 0
            }
            (IpAddr::V6(own), IpAddr::V6(ip)) => {
                let shift = 128 - self.prefix;
                (own.to_bits() ^ ip.to_bits()).checked_shr(shift).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

/// The cookie set at the handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cookie {
    /// Its name; the value is the session id.
    pub name: String,
    /// What follows the value, such as `; Path=/; SameSite=Lax`.
    pub attributes: String,
}

/// Compression of polling responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compression {
    /// Whether anything is.
    pub on: bool,
    /// From how many bytes on.
    pub threshold: usize,
}

/// Compression of WebSocket messages (`permessage-deflate`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PerMessageDeflate {
    /// Messages of at least this many bytes are compressed.
    pub threshold: usize,
    /// From 1 (fast) to 9 (small).
    pub level: u32,
}

/// The options of a server.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub struct Options {
    /// What the session machine needs to know.
    pub engine: engine::Config,
    /// Whether handshakes are put to Python (`Event::Admission`) before there is a session.
    pub admission: bool,
    /// Whether the requests of known sessions are put to Python too.
    pub ask_requests: bool,
    /// How long a body may take, from its head to its last byte.
    pub body_timeout: Duration,
    /// How long the peer may take to answer a close, and to read the last bytes.
    pub close_timeout: Duration,
    /// Compression of polling responses.
    pub compression: Compression,
    /// The cookie set at the handshake.
    pub cookie: Option<Cookie>,
    /// Which origins may use the server.
    pub cors: Cors,
    /// Whether accepted origins get `Access-Control-Allow-Credentials`.
    pub cors_credentials: bool,
    /// How long a request head may take.
    pub head_timeout: Duration,
    /// Past so many bytes that wait for one client, the sender is told (`Event::Full`) and should wait.
    pub high_water_mark: usize,
    /// The size of a request head, in bytes.
    pub max_head: usize,
    /// What may wait for one shard, in bytes, before [`crate::Server::is_full`] says so.
    pub max_inbox_bytes: usize,
    /// A client is closed as `slow client` when a packet has waited for so long; what is sent to
    /// this client alone gets as long again for each `high_water_mark` bytes of it.
    pub max_queue_age: Duration,
    /// What may wait for one client, in bytes of memory; past it the session is closed as
    /// `slow client`.
    pub max_queue_bytes: usize,
    /// How many packets may wait for one client; past it the session is closed as `slow client`.
    pub max_queue_packets: usize,
    /// What may wait for all clients, in bytes of memory: a buffer that several clients of a shard
    /// wait for counts once. Past it clients are closed as `slow client`: those that take nothing first,
    /// and among them those with the most waiting.
    pub max_total_queue_bytes: usize,
    /// What may wait for Python of all clients together, in bytes. Past it reading from those with
    /// much waiting pauses.
    pub max_total_unread_bytes: usize,
    /// The same for one client, past which reading from it pauses.
    pub max_unread_bytes: usize,
    /// How many bytes the kernel may hold unsent for a TCP stream (`TCP_NOTSENT_LOWAT`).
    pub not_sent_low_water: Option<u32>,
    /// Compression of WebSocket messages for clients that offer it; `None` refuses it.
    pub per_message_deflate: Option<PerMessageDeflate>,
    /// Added to the ping interval that is announced, for clients with slow timers.
    pub ping_grace: Duration,
    /// Whether Python hears of the requests that were refused (`Event::Refused`).
    pub report_refusals: bool,
    /// The kernel's send buffer of a stream, in bytes (`SO_SNDBUF`).
    pub send_buffer: Option<usize>,
    /// How many I/O threads there are.
    pub shards: usize,
    /// Whether the thread that takes the events may run turns of the shards (inline mode).
    pub inline_mode: bool,
    /// Whose forwarded headers are believed.
    pub trusted: Trusted,
    /// A client is closed as `slow client` when something waits for it and the kernel has taken
    /// nothing for so long.
    pub write_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            engine: engine::Config::default(),
            admission: false,
            ask_requests: false,
            body_timeout: Duration::from_secs(30),
            close_timeout: Duration::from_secs(5),
            compression: Compression { on: true, threshold: 1024 },
            cookie: None,
            cors: Cors::Same,
            cors_credentials: true,
            head_timeout: Duration::from_secs(10),
            high_water_mark: 256 << 10,
            max_head: 16 * 1024,
            max_inbox_bytes: 1 << 20,
            max_queue_age: Duration::from_secs(30),
            max_queue_bytes: 64 << 20,
            max_queue_packets: usize::MAX,
            max_total_queue_bytes: 256 << 20,
            max_total_unread_bytes: 64 << 20,
            max_unread_bytes: 4 << 20,
            not_sent_low_water: Some(128 * 1024),
            per_message_deflate: None,
            ping_grace: Duration::ZERO,
            report_refusals: false,
            send_buffer: None,
            shards: default_shards(),
            inline_mode: true,
            trusted: Trusted::List(Vec::new()),
            write_timeout: Duration::from_secs(10),
        }
    }
}

impl Options {
    /// The high-water mark, which is below the limit at which a client is closed.
    pub fn mark(&self) -> usize {
        self.high_water_mark.min(self.max_queue_bytes / 4).max(1)
    }

    /// Bounds what the kernel holds for a socket. On a listener this bounds what it accepts.
    pub(crate) fn bound_kernel(&self, socket: &impl AsFd) {
        let socket = SockRef::from(socket);
        if let Some(bytes) = self.send_buffer {
            // The kernel cuts it to what it allows.
            let _ = socket.set_send_buffer_size(bytes);
        }
        #[cfg(target_os = "linux")]
        if let Some(bytes) = self.not_sent_low_water {
            // A Unix socket has no such bound.
            let _ = socket.set_tcp_notsent_lowat(bytes);
        }
    }
}

/// One core is left to the asyncio loop.
fn default_shards() -> usize {
    std::thread::available_parallelism().map_or(1, |n| n.get().saturating_sub(1).clamp(1, 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_holds_the_addresses_with_its_prefix() {
        for (network, address, inside) in [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.6", false),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "::1", false),
            ("2001:db8::/32", "2001:db8:1::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("::/0", "2001:db9::1", true),
        ] {
            let network = Network::parse(network).unwrap();
            assert_eq!(network.contains(address.parse().unwrap()), inside, "{network:?} {address}");
        }
        for text in ["10.0.0.0/33", "10.0.0.0/", "::1/129", "proxy", ""] {
            assert_eq!(Network::parse(text), None, "{text}");
        }
    }
}
