//! HTTP long-polling: POST requests, whose bodies have packets.
//!
//! The packets of a complete body are given to the session one by one. When reading pauses, the rest
//! of the body waits here, and the client waits for the response.

use engine::{Goodbye, Reason, Transport, Via};
use protocol::engineio::{Packet, records};
use protocol::http1::{Body, ChunkedDecoder, Request};

use crate::counters::Counter;
use crate::http::connection::{Length, Phase, Post, Template};
use crate::http::fault::Fault;
use crate::http::reply::Reply;
use crate::session::NONE;
use crate::table::Table;

impl Table {
    /// Checks the head of a POST and starts reading its body.
    pub(crate) fn post(
        &mut self,
        slot: u32,
        session: u32,
        request: &Request<'_>,
        headers: &str,
    ) -> Result<(), Fault> {
        let max = self.options.engine.max_payload;
        let Some(entry) = self.sessions.get_mut(session).filter(|s| !s.ended) else {
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
            Ok(Body::Length(n)) => {
                self.refuse_body(slot, session, headers, Some(n));
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

    /// Answers a body over the limit with 413, closes the stream, and notes the size for the session.
    fn refuse_body(&mut self, slot: u32, session: u32, headers: &str, size: Option<u64>) {
        self.counters.add(Counter::RequestsRefused);
        self.answer(slot, Reply::new(413).raw_headers(headers).closing());
        self.note_large_body(session, size);
    }

    /// Reads a part of a body; returns the number of bytes used, `None` when more are needed.
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
            // When reading pauses, the rest waits for the application, without a deadline.
            self.set_deadline(slot, None);
            self.give_body(slot);
        }
        (done || used > 0).then_some(used)
    }

    fn fail_body(&mut self, slot: u32, session: u32, error: protocol::DecodeError) {
        if let Some(entry) = self.sessions.get_mut(session) {
            entry.post = NONE;
        }
        if error == protocol::DecodeError::BodyTooLarge {
            let headers = match self.http(slot).map(|http| &http.phase) {
                Some(Phase::Body(post)) => post.reply.headers.clone(),
                _ => String::new(),
            };
            return self.refuse_body(slot, session, &headers, None);
        }
        self.break_polling(session);
        let reply = self.fault(Fault::BadRequest, None);
        self.answer(slot, reply.closing());
    }

    /// Gives the packets of a complete body to the session until reading pauses. After the last one, it
    /// answers `ok`.
    fn give_body(&mut self, slot: u32) {
        let Some(http) = self.http(slot) else { return };
        let Phase::Body(mut post) = std::mem::replace(&mut http.phase, Phase::Head) else {
            return;
        };
        let entry = self.sessions.get_mut(post.session);
        if let Some(entry) = entry.filter(|entry| entry.generation == post.generation) {
            entry.post = NONE;
            self.forgive_large(post.session);
            post.given = self.payload(post.session, &post.data, post.given.unwrap_or(0));
            if post.given.is_some() {
                return self.wait_with_body(slot, post);
            }
        }
        let reply = Reply::ok().raw_headers(&post.reply.headers);
        self.answer(slot, reply.keep_alive(post.reply.keep_alive));
    }

    fn wait_with_body(&mut self, slot: u32, post: Box<Post>) {
        if let Some(entry) = self.sessions.get_mut(post.session) {
            entry.post = slot;
        }
        if let Some(http) = self.http(slot) {
            http.phase = Phase::Body(post);
        }
    }

    /// Gives the packets from byte `at` on to the session. When reading pauses, it returns the index of
    /// the next packet.
    fn payload(&mut self, session: u32, data: &[u8], mut at: usize) -> Option<usize> {
        let Ok(text) = std::str::from_utf8(data.get(at..)?) else {
            self.reject_payload(session);
            return None;
        };
        for record in records(text) {
            if self.sessions.get(session).is_none_or(|session| session.ended) {
                return None;
            }
            if self.is_throttled(session) {
                return Some(at);
            }
            at += record.len() + 1;
            match Packet::decode(record) {
                Ok(packet) => self.handle_packet(session, Via::Main, packet),
                Err(_) => self.reject_payload(session),
            }
        }
        None
    }

    /// Closes a session after an invalid packet; a waiting GET is still answered.
    fn reject_payload(&mut self, session: u32) {
        self.close_session_with(session, Reason::ParseError, Goodbye::Waiting);
    }
}
