//! The state of a stream that serves HTTP: between two requests, or in the middle of one.
//!
//! This file holds the types. The handling of requests is in `route`, `admission`, `polling` and
//! `post`.

use std::sync::Arc;

use protocol::Id;
use protocol::http1::{ChunkedDecoder, Request};

use crate::http::access_log::{AccessLogMode, PendingEntry};
use crate::http::bodies::Encoding;
use crate::http::request::is_bare;
use crate::peer::Peer;
use crate::socket::listener_config::ListenerConfig;

/// The maximum number of packets in a response to python-engineio's client, which refuses more.
pub(super) const MAX_PACKETS: usize = 16;

/// The HTTP state of a stream.
#[derive(Debug)]
pub(crate) struct Http {
    pub(crate) config: Arc<ListenerConfig>,
    pub(crate) peer: Peer,
    pub(crate) generation: u32,
    pub(crate) phase: Phase,
    /// The access log entry of the current request.
    pub(crate) log_entry: Option<PendingEntry>,
    /// The deadline for the client to take the response of a poll.
    pub(crate) taken_by: engine::Time,
    /// The number of input bytes that were searched for the end of the head.
    pub(super) scanned: usize,
    /// Another shard sent the stream, because its request names a session of this shard.
    pub(super) moved: bool,
}

/// The part of a request that a stream is at.
#[derive(Debug)]
pub(crate) enum Phase {
    /// A request waits for the application's decision.
    Asking(Box<Asking>),
    /// The body of a POST is being read.
    Body(Box<Post>),
    /// A head is being read.
    Head,
    /// A GET waits for packets.
    Poll(Box<Poll>),
}

impl Http {
    pub(crate) fn new(config: Arc<ListenerConfig>, peer: Peer, generation: u32) -> Self {
        Self {
            config,
            peer,
            generation,
            phase: Phase::Head,
            log_entry: None,
            taken_by: engine::Time(0),
            scanned: 0,
            moved: false,
        }
    }

    /// Whether the stream is between two requests.
    pub(crate) fn is_idle(&self) -> bool {
        matches!(self.phase, Phase::Head)
    }

    /// Whether its requests are logged.
    pub(crate) fn is_logged(&self) -> bool {
        self.config.log != AccessLogMode::default()
    }

    /// Whether it has a complete body that the session has not taken.
    pub(crate) fn has_body(&self) -> bool {
        matches!(&self.phase, Phase::Body(post) if post.is_complete())
    }

    /// The session of the current GET (true) or POST (false).
    pub(crate) fn carries(&self) -> Option<(u32, bool)> {
        match &self.phase {
            Phase::Poll(poll) => Some((poll.session, true)),
            Phase::Body(post) => Some((post.session, false)),
            Phase::Asking(_) | Phase::Head => None,
        }
    }
}

/// A request that waits for the application's decision.
#[derive(Debug)]
pub(crate) struct Asking {
    pub(super) head: Box<[u8]>,
    pub(super) session: Id,
}

/// A GET that waits for packets.
#[derive(Debug)]
pub(crate) struct Poll {
    pub(crate) session: u32,
    pub(super) reply: Template,
}

/// The properties of a response that depend on its request.
#[derive(Debug)]
pub(super) struct Template {
    pub(super) headers: String,
    pub(super) encoding: Encoding,
    pub(super) keep_alive: bool,
    /// The maximum number of packets that the client accepts in one payload.
    pub(super) max_packets: usize,
}

impl Template {
    pub(super) fn new(request: &Request<'_>, headers: &str) -> Self {
        let encoding = if request.accepts_encoding("gzip") {
            Encoding::Gzip
        } else if request.accepts_encoding("deflate") {
            Encoding::Deflate
        } else {
            Encoding::Identity
        };
        // The body of a GET is not read, so its stream cannot be used for another request.
        let keep_alive = request.keeps_alive() && (request.method == "POST" || is_bare(request));
        let max_packets = if takes_any_number(request.query()) { usize::MAX } else { MAX_PACKETS };
        Self { headers: headers.to_owned(), encoding, keep_alive, max_packets }
    }
}

/// Whether a client accepts a payload of any number of packets. python-engineio's client accepts 16.
/// Its query has a time stamp `t` in seconds with a fraction; other clients send letters and digits.
fn takes_any_number(query: &str) -> bool {
    let stamp = query.split('&').find_map(|pair| pair.strip_prefix("t="));
    stamp.is_some_and(|stamp| !stamp.is_empty() && !stamp.contains('.'))
}

/// A POST whose body is being read.
#[derive(Debug)]
pub(crate) struct Post {
    pub(crate) session: u32,
    pub(super) generation: u32,
    pub(super) length: Length,
    pub(super) data: Vec<u8>,
    /// The index of the next packet in the complete body; `None` while the body is being read.
    pub(super) given: Option<usize>,
    pub(super) reply: Template,
}

impl Post {
    /// Whether the body is complete.
    pub(crate) fn is_complete(&self) -> bool {
        self.given.is_some()
    }
}

#[derive(Debug)]
pub(super) enum Length {
    Known(usize),
    Chunked(ChunkedDecoder),
}
