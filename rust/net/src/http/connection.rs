//! A stream that serves HTTP: between two requests, or in the middle of one.
//!
//! Only what is kept for a stream is here. What is done with a request is in `route`, `admission`,
//! `polling` and `post`.

use std::sync::Arc;

use protocol::Id;
use protocol::http1::{ChunkedDecoder, Request};

use crate::http::bodies::Encoding;
use crate::http::journal::{Log, Noted};
use crate::http::request::is_bare;
use crate::peer::Peer;
use crate::socket::site::Site;

/// Packets of a response to a client that may refuse more.
pub(super) const MAX_PACKETS: usize = 16;

/// A stream in its HTTP life.
#[derive(Debug)]
pub(crate) struct Http {
    pub(crate) site: Arc<Site>,
    pub(crate) peer: Peer,
    pub(crate) generation: u32,
    pub(crate) phase: Phase,
    /// What goes into the access log of the request under way.
    pub(crate) noted: Option<Noted>,
    /// By when the response that is being written must be taken, if a poll's.
    pub(crate) taken_by: engine::Time,
    /// How much of the input was searched for the end of the head.
    pub(super) scanned: usize,
    /// Sent here by another shard for the request that waits.
    pub(super) moved: bool,
}

/// Where a stream is between two requests.
#[derive(Debug)]
pub(crate) enum Phase {
    /// A request waits for the program's decision.
    Asking(Box<Asking>),
    /// The body of a POST is being read.
    Body(Box<Post>),
    /// A head is being read.
    Head,
    /// A GET waits for packets.
    Poll(Box<Poll>),
}

impl Http {
    pub(crate) fn new(site: Arc<Site>, peer: Peer, generation: u32) -> Self {
        Self {
            site,
            peer,
            generation,
            phase: Phase::Head,
            noted: None,
            taken_by: engine::Time(0),
            scanned: 0,
            moved: false,
        }
    }

    /// Whether the stream is between two requests.
    pub(crate) fn is_idle(&self) -> bool {
        matches!(self.phase, Phase::Head)
    }

    /// Whether its requests go into an access log.
    pub(crate) fn is_logged(&self) -> bool {
        self.site.log != Log::default()
    }

    /// Whether a body waits that was read to its end.
    pub(crate) fn has_body(&self) -> bool {
        matches!(&self.phase, Phase::Body(post) if post.is_complete())
    }

    /// The session whose GET (true) or POST (false) is under way.
    pub(crate) fn carries(&self) -> Option<(u32, bool)> {
        match &self.phase {
            Phase::Poll(poll) => Some((poll.session, true)),
            Phase::Body(post) => Some((post.session, false)),
            Phase::Asking(_) | Phase::Head => None,
        }
    }
}

/// A request that waits for the program's decision.
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

/// What a response takes from its request.
#[derive(Debug)]
pub(super) struct Template {
    pub(super) headers: String,
    pub(super) encoding: Encoding,
    pub(super) keep_alive: bool,
    /// Packets that the client takes in one payload.
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
        // The body of a POST is read, that of a GET is not.
        let keep_alive = request.keeps_alive() && (request.method == "POST" || is_bare(request));
        let max_packets = if takes_any_number(request.query()) { usize::MAX } else { MAX_PACKETS };
        Self { headers: headers.to_owned(), encoding, keep_alive, max_packets }
    }
}

/// Whether a client takes a payload of any number of packets. That of python-engineio takes 16, and
/// is known by its time stamp: seconds with a fraction, where others send letters and digits.
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
    /// Where the session goes on with the complete body; `None` while it is being read.
    pub(super) given: Option<usize>,
    pub(super) reply: Template,
}

impl Post {
    /// Whether its body was read to the end.
    pub(crate) fn is_complete(&self) -> bool {
        self.given.is_some()
    }
}

#[derive(Debug)]
pub(super) enum Length {
    Known(usize),
    Chunked(ChunkedDecoder),
}
