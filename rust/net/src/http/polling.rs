//! Polling: GETs that fetch packets, POSTs that bring them.
//!
//! One GET and one POST may be under way for a session; a second one closes it. A response carries
//! at most 16 packets (python-socketio's clients take no more) and no more bytes than the client
//! was told to expect, unless a single packet is larger.

use engine::{Reason, Transport, Via};
use protocol::engineio::{Packet, records};
use protocol::http1::{Body, ChunkedDecoder, Request};
use rooms::Frame;

use crate::counters::Counter;
use crate::http::Phase;
use crate::http::bodies::Encoding;
use crate::http::fault::Fault;
use crate::http::reply::Reply;
use crate::http::route::is_bare;
use crate::queue::load::Load;
use crate::queue::waiting::Waiting;
use crate::session::NONE;
use crate::table::Table;

const MAX_PACKETS: usize = 16;

/// A GET that waits for packets.
#[derive(Debug)]
pub(crate) struct Poll {
    pub(crate) session: u32,
    reply: Template,
}

/// A POST whose body is being read.
#[derive(Debug)]
pub(crate) struct Post {
    pub(crate) session: u32,
    generation: u32,
    length: Length,
    data: Vec<u8>,
    /// Where the session goes on with the complete body; `None` while it is being read.
    given: Option<usize>,
    reply: Template,
}

impl Post {
    /// Whether its body was read to the end.
    pub(crate) fn is_complete(&self) -> bool {
        self.given.is_some()
    }
}

#[derive(Debug)]
enum Length {
    Known(usize),
    Chunked(ChunkedDecoder),
}

/// What a response takes from its request.
#[derive(Debug)]
struct Template {
    headers: String,
    encoding: Encoding,
    keep_alive: bool,
}

impl Template {
    fn new(request: &Request<'_>, headers: &str) -> Self {
        let encoding = if request.accepts_encoding("gzip") {
            Encoding::Gzip
        } else if request.accepts_encoding("deflate") {
            Encoding::Deflate
        } else {
            Encoding::Identity
        };
        // The body of a POST is read, that of a GET is not.
        let keep_alive = request.keeps_alive() && (request.method == "POST" || is_bare(request));
        Self { headers: headers.to_owned(), encoding, keep_alive }
    }
}

impl Table {
    /// A GET of a session.
    pub(crate) fn poll(
        &mut self,
        slot: u32,
        session: u32,
        request: &Request<'_>,
        headers: &str,
    ) -> Result<(), Fault> {
        let Some(entry) = self.sessions.entry_mut(session) else {
            return Err(Fault::UnknownSession);
        };
        if entry.engine.transport() != Transport::Polling {
            return Err(Fault::BadRequest);
        }
        if entry.poll != NONE {
            self.break_polling(session);
            return Err(Fault::BadRequest);
        }
        if entry.ended && entry.lingers.0 == 0 {
            return Err(Fault::UnknownSession);
        }
        entry.poll = slot;
        let has_packets = entry.queue.is_some();
        let poll = Poll { session, reply: Template::new(request, headers) };
        if let Some(http) = self.http(slot) {
            http.phase = Phase::Poll(Box::new(poll));
        }
        if has_packets {
            self.flush_poll(session);
        }
        Ok(())
    }

    /// A second GET or POST at the same time.
    fn break_polling(&mut self, session: u32) {
        if let Some(entry) = self.sessions.entry_mut(session).filter(|s| !s.ended) {
            entry.engine.close(Reason::TransportError, &mut self.actions);
            self.perform(session);
        }
    }

    /// Answers the waiting GET with what is queued.
    pub(crate) fn flush_poll(&mut self, session: u32) {
        let max = self.options.engine.max_payload;
        let Some(entry) = self.sessions.entry_mut(session) else {
            return;
        };
        entry.flushing = false;
        let (slot, Some(queue)) = (entry.poll, &mut entry.queue) else {
            return;
        };
        if slot == NONE {
            return;
        }
        let (frames, packets) = take_packets(queue, max, &mut self.load);
        self.counters.add_many(Counter::PacketsSent, packets);
        if queue.is_empty() {
            entry.queue = None;
            if entry.lingers.0 > 0 {
                entry.lingers = engine::Time(0);
                self.ended.push(session);
            }
        }
        self.answer_poll(session, frames);
    }

    /// Ends the waiting GET, with a noop when nothing is queued.
    pub(crate) fn release_poll(&mut self, session: u32) {
        let Some(entry) = self.sessions.entry_mut(session) else {
            return;
        };
        if entry.poll == NONE {
            return;
        }
        if entry.queue.is_some() {
            return self.flush_poll(session);
        }
        self.answer_poll(session, vec![self.control.noop.clone()]);
    }

    fn answer_poll(&mut self, session: u32, frames: Vec<Frame>) {
        let Some(entry) = self.sessions.entry_mut(session) else {
            return;
        };
        let slot = std::mem::replace(&mut entry.poll, NONE);
        let compression = self.options.compression;
        let threshold = compression.on.then_some(compression.threshold);
        let Some(http) = self.http(slot) else { return };
        let Phase::Poll(poll) = std::mem::replace(&mut http.phase, Phase::Head) else {
            return;
        };
        let Template { headers, encoding, keep_alive } = poll.reply;
        let (body, used) = self.bodies.body(frames, encoding, threshold, &self.counters);
        let reply = Reply::new(200).text(body).raw_headers(match used {
            Encoding::Deflate => "Content-Encoding: deflate\r\nVary: Accept-Encoding\r\n",
            Encoding::Gzip => "Content-Encoding: gzip\r\nVary: Accept-Encoding\r\n",
            Encoding::Identity => "",
        });
        self.answer(slot, reply.raw_headers(&headers).keep_alive(keep_alive));
        // The next request may be here already.
        self.ready.push(slot);
    }

    /// A POST of a session: checks its head and starts reading its body.
    pub(crate) fn post(
        &mut self,
        slot: u32,
        session: u32,
        request: &Request<'_>,
        headers: &str,
    ) -> Result<(), Fault> {
        let max = self.options.engine.max_payload;
        let Some(entry) = self.sessions.entry_mut(session).filter(|s| !s.ended) else {
            return Err(Fault::UnknownSession);
        };
        if entry.engine.transport() != Transport::Polling {
            return Err(Fault::BadRequest);
        }
        let generation = entry.generation;
        let octets = request.header("content-type") == Some(b"application/octet-stream");
        if entry.post != NONE || octets {
            self.break_polling(session);
            return Err(Fault::BadRequest);
        }
        let length = match request.body() {
            Ok(Body::Empty) => Length::Known(0),
            Ok(Body::Length(n)) if n <= max as u64 => Length::Known(n as usize),
            Ok(Body::Chunked) => Length::Chunked(ChunkedDecoder::default()),
            Ok(Body::Length(_)) => {
                self.refuse_body(slot, headers);
                return Ok(());
            }
            Err(_) => return Err(Fault::BadRequest),
        };
        entry.post = slot;
        let reply = Template::new(request, headers);
        let post = Post { session, generation, length, data: Vec::new(), given: None, reply };
        if let Some(http) = self.http(slot) {
            http.phase = Phase::Body(Box::new(post));
        }
        self.set_deadline(slot, Some(self.options.body_timeout));
        if request.expects_continue() {
            self.write(session, slot, std::iter::once(&"HTTP/1.1 100 Continue\r\n\r\n".into()));
        }
        Ok(())
    }

    /// A body over the limit: the session stays, the stream ends.
    fn refuse_body(&mut self, slot: u32, headers: &str) {
        self.counters.add(Counter::RequestsRefused);
        self.answer(slot, Reply::new(413).raw_headers(headers).closing());
    }

    /// Reads a piece of a body; returns the bytes used, `None` when more are needed.
    pub(crate) fn body(&mut self, slot: u32, input: &[u8]) -> Option<usize> {
        let max = self.options.engine.max_payload;
        let Phase::Body(post) = &self.http(slot)?.phase else {
            return None;
        };
        let session = post.session;
        if self.is_throttled(session) {
            self.throttle(slot);
            return None;
        }
        let Phase::Body(post) = &mut self.http(slot)?.phase else {
            return None;
        };
        if post.given.is_some() {
            self.give_body(slot);
            return Some(0);
        }
        let (used, done) = match &mut post.length {
            Length::Known(length) => {
                let used = input.len().min(*length - post.data.len());
                post.data.extend_from_slice(&input[..used]);
                (used, post.data.len() == *length)
            }
            Length::Chunked(decoder) => match decoder.decode(input, &mut post.data, max) {
                Ok(step) => step,
                Err(error) => {
                    self.fail_body(slot, session, error);
                    return None;
                }
            },
        };
        if done {
            // What is left when reading pauses waits as long as the program does.
            self.set_deadline(slot, None);
            self.give_body(slot);
        }
        (done || used > 0).then_some(used)
    }

    fn fail_body(&mut self, slot: u32, session: u32, error: protocol::DecodeError) {
        if let Some(entry) = self.sessions.entry_mut(session) {
            entry.post = NONE;
        }
        if error == protocol::DecodeError::BodyTooLarge {
            return self.refuse_body(slot, "");
        }
        self.break_polling(session);
        let reply = self.fault(Fault::BadRequest, None);
        self.answer(slot, reply.closing());
    }

    /// The body is complete: its packets go to the session until reading pauses, then `ok` to the
    /// client.
    fn give_body(&mut self, slot: u32) {
        let Some(http) = self.http(slot) else { return };
        let Phase::Body(mut post) = std::mem::replace(&mut http.phase, Phase::Head) else {
            return;
        };
        let entry = self.sessions.entry_mut(post.session);
        if let Some(entry) = entry.filter(|entry| entry.generation == post.generation) {
            entry.post = NONE;
            post.given = self.payload(post.session, &post.data, post.given.unwrap_or(0));
            if post.given.is_some() {
                return self.wait_with_body(slot, post);
            }
        }
        let reply = Reply::ok().raw_headers(&post.reply.headers);
        self.answer(slot, reply.keep_alive(post.reply.keep_alive));
    }

    fn wait_with_body(&mut self, slot: u32, post: Box<Post>) {
        if let Some(entry) = self.sessions.entry_mut(post.session) {
            entry.post = slot;
        }
        if let Some(http) = self.http(slot) {
            http.phase = Phase::Body(post);
        }
    }

    /// Gives the packets from `at` on to the session; returns where it goes on when reading pauses.
    fn payload(&mut self, session: u32, data: &[u8], mut at: usize) -> Option<usize> {
        let Ok(text) = std::str::from_utf8(data.get(at..)?) else {
            self.break_session(session, Via::Main);
            return None;
        };
        for record in records(text) {
            if self.sessions.entry(session).is_none_or(|session| session.ended) {
                return None;
            }
            if self.is_throttled(session) {
                return Some(at);
            }
            at += record.len() + 1;
            match Packet::decode_record(record) {
                Ok(packet) => self.handle_packet(session, Via::Main, packet),
                Err(_) => self.break_session(session, Via::Main),
            }
        }
        None
    }
}

/// The frames of the next response, and how many packets of the program's are in it.
fn take_packets(queue: &mut Waiting<Frame>, max: usize, load: &mut Load) -> (Vec<Frame>, u64) {
    let (mut records, mut bytes) = (0, 0);
    let fits = |frame: &&Frame| {
        records += frame.packets();
        bytes += frame.payload().len() + usize::from(bytes > 0);
        records <= MAX_PACKETS && bytes <= max
    };
    let count = queue.items().take_while(fits).count().max(1);
    let mut packets = 0;
    let taken = std::iter::from_fn(|| queue.pop(load)).take(count).map(|entry| {
        packets += u64::from(entry.packets);
        entry.item
    });
    (taken.collect(), packets)
}
