//! HTTP long-polling: GET requests that fetch packets. POST requests are in `post.rs`.
//!
//! A session may have one GET and one POST at a time; a second one closes the session. A response has
//! all packets of the backlog, up to `maxPayload` bytes of the handshake; a single packet may be
//! larger. python-socketio's clients refuse more than 16 packets in a payload, so they get at most 16.

use engine::{Goodbye, Reason, Transport};
use protocol::http1::Request;
use rooms::Frame;

use crate::counters::Counter;
use crate::http::bodies::Encoding;
use crate::http::connection::{MAX_PACKETS, Phase, Poll, Template};
use crate::http::fault::Fault;
use crate::http::reply::Reply;
use crate::queue::queued_memory::QueuedMemory;
use crate::queue::waiting::Waiting;
use crate::session::NONE;
use crate::socket::stream::Role;
use crate::table::Table;

impl Table {
    /// Starts a GET of a session.
    pub(crate) fn poll(
        &mut self,
        slot: u32,
        session: u32,
        request: &Request<'_>,
        headers: &str,
    ) -> Result<(), Fault> {
        let Some(entry) = self.sessions.get_mut(session) else {
            return Err(Fault::UnknownSession);
        };
        if entry.engine.transport() != Transport::Polling {
            return Err(Fault::BadRequest);
        }
        if entry.poll != NONE {
            self.break_polling(session);
            return Err(Fault::BadRequest);
        }
        if self.is_mute(session) {
            self.close_session(session, Reason::TransportError);
            return Err(Fault::UnknownSession);
        }
        let Some(entry) = self.sessions.get_mut(session) else {
            return Err(Fault::UnknownSession);
        };
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

    /// Closes a session that has a second GET or POST at the same time.
    pub(super) fn break_polling(&mut self, session: u32) {
        self.close_session_with(session, Reason::TransportError, Goodbye::Waiting);
    }

    /// Answers the waiting GET with the packets in the queue.
    pub(crate) fn flush_poll(&mut self, session: u32) {
        let max_bytes = self.options.engine.max_payload;
        let Some(entry) = self.sessions.get_mut(session) else {
            return;
        };
        entry.flushing = false;
        let (slot, Some(queue)) = (entry.poll, &mut entry.queue) else {
            return;
        };
        let Some(Role::Http(http)) = self.streams.get(slot).map(|stream| &stream.role) else {
            return;
        };
        let max_packets = match &http.phase {
            Phase::Poll(poll) => poll.reply.max_packets,
            _ => MAX_PACKETS,
        };
        let (frames, packets) =
            take_packets(queue, (max_packets, max_bytes), &mut self.queued_memory);
        self.counters.add_many(Counter::PacketsSent, packets);
        if queue.is_empty() {
            entry.queue = None;
            if entry.lingers.0 > 0 {
                entry.lingers = engine::Time(0);
                self.step.free_later(session);
            }
        }
        self.answer_poll(session, frames);
        self.note_level(session);
        self.file_session(session);
    }

    /// Answers the waiting GET, with a noop when the queue is empty.
    pub(crate) fn release_poll(&mut self, session: u32) {
        let Some(entry) = self.sessions.get_mut(session) else {
            return;
        };
        if entry.poll == NONE {
            return;
        }
        if entry.queue.is_some() {
            return self.flush_poll(session);
        }
        self.answer_poll(session, vec![self.codecs.control().noop.clone()]);
    }

    fn answer_poll(&mut self, session: u32, frames: Vec<Frame>) {
        let Some(entry) = self.sessions.get_mut(session) else {
            return;
        };
        let slot = std::mem::replace(&mut entry.poll, NONE);
        let compression = self.options.compression;
        let threshold = compression.on.then_some(compression.threshold);
        let Some(http) = self.http(slot) else { return };
        let Phase::Poll(poll) = std::mem::replace(&mut http.phase, Phase::Head) else {
            return;
        };
        let Template { headers, encoding, keep_alive, .. } = poll.reply;
        let (body, used) = self.codecs.body(frames, encoding, threshold, &self.counters);
        let reply = Reply::new(200).text(body).raw_headers(match used {
            Encoding::Deflate => "Content-Encoding: deflate\r\nVary: Accept-Encoding\r\n",
            Encoding::Gzip => "Content-Encoding: gzip\r\nVary: Accept-Encoding\r\n",
            Encoding::Identity => "",
        });
        self.answer(slot, reply.raw_headers(&headers).keep_alive(keep_alive));
        self.note_answer(session, slot);
        // The input may already have the next request.
        self.streams.read_soon(slot);
    }
}

/// The frames of the next response, and the number of the application's packets in them.
fn take_packets(
    queue: &mut Waiting<Frame>,
    (max_packets, max_bytes): (usize, usize),
    memory: &mut QueuedMemory,
) -> (Vec<Frame>, u64) {
    let (mut records, mut bytes) = (0, 0);
    let fits = |frame: &&Frame| {
        records += frame.packets();
        bytes += frame.payload().len() + usize::from(bytes > 0);
        records <= max_packets && bytes <= max_bytes
    };
    let count = queue.items().take_while(fits).count().max(1);
    let mut packets = 0;
    let taken = std::iter::from_fn(|| queue.pop(memory)).take(count).map(|entry| {
        packets += u64::from(entry.packets);
        entry.item
    });
    (taken.collect(), packets)
}
