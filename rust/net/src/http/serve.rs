//! Serves the requests of a stream one after another, and writes the responses.
//!
//! The next request is parsed when the one before is answered. A request for another path is handed to
//! the application with all bytes that were read. Routing is in `route.rs`.

use std::sync::Arc;

use engine::Via;
use protocol::http1::Request;

use crate::counters::Counter;
use crate::http::connection::{Http, Phase};
use crate::http::reply::Reply;
use crate::http::request::is_bare;
use crate::queue::send_batch::{SendBatch, plain};
use crate::session::NONE;
use crate::socket::stream::Role;
use crate::table::Table;

/// With more bytes of unread responses than this, no further request of the stream is served.
const UNREAD: usize = 64 * 1024;

impl Table {
    /// Serves the requests in the stream's input until one must wait.
    pub(crate) fn serve(&mut self, slot: u32) {
        loop {
            let Some(stream) = self.streams.get_mut(slot) else {
                return;
            };
            let unread = stream.waiting() > UNREAD;
            let Role::Http(http) = &mut stream.role else {
                return;
            };
            if unread && http.is_idle() {
                return;
            }
            let mut input = std::mem::take(&mut stream.input);
            let step = match &http.phase {
                Phase::Head if input.is_empty() => return,
                Phase::Head => self.head(slot, &mut input),
                Phase::Body(_) => self.body(slot, &input),
                Phase::Asking(_) | Phase::Poll(_) => None,
            };
            let Some(used) = step else {
                self.keep_input(slot, input);
                return;
            };
            input.drain(..used);
            self.keep_input(slot, input);
        }
    }

    fn keep_input(&mut self, slot: u32, input: Vec<u8>) {
        if let Some(stream) = self.streams.get_mut(slot)
            && !input.is_empty()
        {
            stream.input = input;
        }
    }

    pub(crate) fn http(&mut self, slot: u32) -> Option<&mut Http> {
        match &mut self.streams.get_mut(slot)?.role {
            Role::Http(http) => Some(http),
            _ => None,
        }
    }

    /// The default header lines of the responses on a stream.
    pub(crate) fn header_lines(&mut self, slot: u32) -> String {
        self.http(slot).map_or_else(String::new, |http| http.config.header_lines())
    }

    /// Answers a request without reading its body.
    pub(crate) fn answer_request(&mut self, slot: u32, request: &Request<'_>, reply: Reply) {
        // The stream closes after the answer to a HEAD request or a failed upgrade.
        let other = request.method == "HEAD" || request.count("upgrade") > 0;
        let keep_alive = request.keeps_alive() && is_bare(request) && !other;
        self.answer(slot, reply.to(request).keep_alive(keep_alive));
    }

    /// Writes a response. Then the stream continues with its next request, or closes.
    pub(crate) fn answer(&mut self, slot: u32, reply: Reply) {
        self.log_answer(slot, reply.status());
        let is_stopping = self.is_stopping();
        let Some(http) = self.http(slot) else { return };
        let config = Arc::clone(&http.config);
        let Some(stream) = self.streams.get_mut(slot) else {
            return;
        };
        let reply = if is_stopping { reply.closing() } else { reply };
        let keeps_alive = reply.keeps_alive();
        let (head, body) = reply.into_parts(&config.header_lines());
        let parts = [head, body];
        let parts = parts.iter().filter(|part| !part.is_empty());
        match stream.send(parts, SendBatch::Own, &mut plain, &mut self.queued_memory) {
            Ok(sent) => self.counters.add_many(Counter::BytesSent, sent.bytes as u64),
            // The next read of the stream finds the error and closes the stream.
            Err(_) => self.streams.read_soon(slot),
        }
        self.counters.add(Counter::RequestsAnswered);
        if let Some(http) = self.http(slot) {
            http.phase = Phase::Head;
            http.moved = false;
        }
        if keeps_alive {
            self.set_idle_deadline(slot);
        } else {
            self.close_stream(slot, false);
        }
    }

    fn set_idle_deadline(&mut self, slot: u32) {
        let idle = self.http(slot).and_then(|http| http.config.idle);
        self.set_deadline(slot, Some(idle.unwrap_or(self.options.body_timeout)));
    }

    /// Called when the kernel has taken more of a response: restarts the idle timeout and serves the
    /// requests that came meanwhile.
    pub(crate) fn response_moved(&mut self, slot: u32) {
        if self.http(slot).is_some_and(|http| http.is_idle()) {
            self.set_idle_deadline(slot);
            self.streams.read_soon(slot);
        }
    }

    /// Ends a stream whose head, body or idle time has passed its deadline.
    pub(crate) fn time_out_request(&mut self, slot: u32) {
        let Some(http) = self.http(slot) else { return };
        let carried = http.carries();
        let started = self.streams.get(slot).is_some_and(|s| !s.input.is_empty());
        if let Some((session, false)) = carried {
            if let Some(session) = self.sessions.get_mut(session) {
                session.post = NONE;
            }
            self.counters.add(Counter::RequestTimeouts);
            self.answer(slot, Reply::new(408).closing());
            if let Some(entry) = self.sessions.get_mut(session).filter(|s| !s.ended) {
                entry.engine.handle_stream_lost(Via::Main, true, self.step.actions());
                self.perform(session);
            }
        } else if started {
            self.counters.add(Counter::RequestTimeouts);
            self.answer(slot, Reply::new(408).closing());
        } else {
            self.remove_stream(slot);
        }
    }
}
