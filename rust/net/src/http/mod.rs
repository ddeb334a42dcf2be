//! Requests on a stream: which are ours, and their answers.
//!
//! Requests are served one after another, in order; the next one is looked at when the one before
//! is answered. A request for another path is handed to the program with every byte that was read.

pub(crate) mod admission;
pub(crate) mod bodies;
pub(crate) mod fault;
pub(crate) mod handshake;
pub(crate) mod journal;
pub(crate) mod origin;
pub(crate) mod polling;
pub(crate) mod reply;
pub(crate) mod route;
pub(crate) mod upgrade;

use std::sync::Arc;

use engine::Via;
use protocol::http1::{Request, has_bare_newline, parse_request};

use crate::counters::Counter;
use crate::event::{Event, Peer};
use crate::http::admission::Asking;
use crate::http::fault::Fault;
use crate::http::journal::{Log, Noted};
use crate::http::polling::{Poll, Post};
use crate::http::reply::Reply;
use crate::http::route::{is_bare, named_session};
use crate::queue::cargo::{Cargo, plain};
use crate::random::shard_of;
use crate::session::NONE;
use crate::socket::accept::Arrival;
use crate::socket::site::Site;
use crate::socket::stream::Role;
use crate::table::Table;

/// Bytes of responses that may wait for a client that goes on asking without reading them.
const UNREAD: usize = 64 * 1024;

/// A stream in its HTTP life.
#[derive(Debug)]
pub(crate) struct Http {
    pub(crate) site: Arc<Site>,
    pub(crate) peer: Peer,
    pub(crate) generation: u32,
    pub(crate) phase: Phase,
    /// What goes into the access log of the request under way.
    pub(crate) noted: Option<Noted>,
    /// How much of the input was searched for the end of the head.
    scanned: usize,
    /// Sent here by another shard for the request that waits.
    moved: bool,
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
        Self { site, peer, generation, phase: Phase::Head, noted: None, scanned: 0, moved: false }
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

/// What became of the input of a stream.
enum Step {
    /// The head is not complete.
    More,
    /// So many bytes were a head that is dealt with.
    Used(usize),
    /// The stream has gone elsewhere, with its input.
    Gone,
}

impl Table {
    /// Serves the requests in the stream's input as far as they can be served now.
    pub(crate) fn serve(&mut self, slot: u32) {
        loop {
            let Some(stream) = self.streams.get_mut(slot as usize) else {
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
        if let Some(stream) = self.streams.get_mut(slot as usize)
            && !input.is_empty()
        {
            stream.input = input;
        }
    }

    /// Deals with one request head; `None` when it waits.
    fn head(&mut self, slot: u32, input: &mut Vec<u8>) -> Option<usize> {
        match self.try_head(slot, input) {
            Step::More => None,
            Step::Used(n) => Some(n),
            Step::Gone => {
                input.clear();
                None
            }
        }
    }

    fn try_head(&mut self, slot: u32, input: &mut Vec<u8>) -> Step {
        let max = self.options.max_head;
        let Some(http) = self.http(slot) else {
            return Step::Gone;
        };
        if http.site.listener.is_some() && !is_ours(input, &http.site.path) {
            return self.hand_off(slot, std::mem::take(input));
        }
        if self.waits_for_log(slot) {
            self.set_deadline(slot, None);
            self.throttle(slot);
            return Step::More;
        }
        let Some(http) = self.http(slot) else {
            return Step::Gone;
        };
        let scanned = std::mem::replace(&mut http.scanned, input.len());
        let from = scanned.saturating_sub(3);
        if !input[from..].windows(4).any(|four| four == b"\r\n\r\n") {
            return match (input.len() > max, has_bare_newline(input, scanned)) {
                (true, _) => self.refuse_head(slot, 431),
                // Its end would never be found.
                (false, true) => self.refuse_head(slot, 400),
                (false, false) => Step::More,
            };
        }
        http.scanned = 0;
        let (used, session) = match parse_request(input) {
            Ok(Some((_, used))) if used > max => return self.refuse_head(slot, 431),
            Ok(Some((request, used))) => (used, named_session(&request)),
            Ok(None) | Err(_) => return self.refuse_head(slot, 400),
        };
        if let Some(shard) = session.map(|id| shard_of(&id)).filter(|s| *s != self.shard)
            && self.move_stream(slot, shard, input)
        {
            return Step::Gone;
        }
        let Ok(Some((request, _))) = parse_request(input) else {
            return Step::Gone;
        };
        self.set_deadline(slot, None);
        self.request(slot, &request, &input[..used]);
        Step::Used(used)
    }

    pub(crate) fn http(&mut self, slot: u32) -> Option<&mut Http> {
        match &mut self.streams.get_mut(slot as usize)?.role {
            Role::Http(http) => Some(http),
            _ => None,
        }
    }

    /// The header lines that every response on a stream begins with.
    pub(crate) fn header_lines(&mut self, slot: u32) -> String {
        self.http(slot).map_or_else(String::new, |http| http.site.header_lines())
    }

    /// A head that cannot be a request.
    fn refuse_head(&mut self, slot: u32, status: u16) -> Step {
        self.counters.add(Counter::RequestsRefused);
        self.answer(slot, Reply::new(status).closing());
        Step::Gone
    }

    /// Gives the stream to the program.
    fn hand_off(&mut self, slot: u32, data: Vec<u8>) -> Step {
        if let Some(stream) = self.remove_stream(slot)
            && let Role::Http(http) = stream.role
            && let Some(listener) = http.site.listener
        {
            let fd = stream.io.into_fd();
            self.published += 1;
            self.events.push(Event::HandOff { fd, data, listener });
        }
        Step::Gone
    }

    /// Gives the stream to the shard that has the session; false when it was moved already.
    fn move_stream(&mut self, slot: u32, shard: u16, input: &mut Vec<u8>) -> bool {
        let Some(inbox) = self.inboxes.get(usize::from(shard)).cloned() else {
            return false;
        };
        if self.http(slot).is_none_or(|http| http.moved) {
            return false;
        }
        let Some(stream) = self.remove_stream(slot) else {
            return false;
        };
        let Role::Http(http) = stream.role else {
            return false;
        };
        let arrival = Arrival {
            io: stream.io,
            site: http.site,
            place: stream.place,
            peer: http.peer,
            data: std::mem::take(input),
            moved: true,
        };
        inbox.push(crate::Command::Arrive(Box::new(arrival)));
        true
    }

    /// An error in Node's form.
    pub(crate) fn fault(&self, fault: Fault, message: Option<&str>) -> Reply {
        self.counters.add(Counter::RequestsRefused);
        let status = if fault == Fault::Forbidden { 403 } else { 400 };
        let message = message.unwrap_or(fault.message());
        let quoted = message.replace(['"', '\\'], "'").replace(|c: char| c.is_control(), " ");
        Reply::new(status).json(format!(r#"{{"code":{},"message":"{quoted}"}}"#, fault as u8))
    }

    /// Answers a request whose body, if it has one, was not read.
    pub(crate) fn answer_request(&mut self, slot: u32, request: &Request<'_>, reply: Reply) {
        // Behind the answer to a HEAD nobody expects the body that it has here.
        let other = request.method == "HEAD" || request.count("upgrade") > 0;
        self.answer(slot, reply.keep_alive(request.keeps_alive() && is_bare(request) && !other));
    }

    /// Writes a response; the stream goes on to its next request, or closes.
    pub(crate) fn answer(&mut self, slot: u32, reply: Reply) {
        self.tell_answer(slot, reply.status());
        let Some(http) = self.http(slot) else { return };
        let site = Arc::clone(&http.site);
        let Some(stream) = self.streams.get_mut(slot as usize) else {
            return;
        };
        let keeps_alive = reply.keeps_alive();
        let (head, body) = reply.into_parts(&site.header_lines());
        let parts = [head, body];
        let parts = parts.iter().filter(|part| !part.is_empty());
        match stream.send(parts, Cargo::Own, &mut plain, &mut self.load) {
            Ok(sent) => self.counters.add_many(Counter::BytesSent, sent.bytes as u64),
            // Noticed when the stream is read.
            Err(_) => self.ready.push(slot),
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
        let idle = self.http(slot).and_then(|http| http.site.idle);
        self.set_deadline(slot, Some(idle.unwrap_or(self.options.body_timeout)));
    }

    /// The kernel has taken more of a response: its client has its time anew, and what it has asked
    /// for meanwhile may be served.
    pub(crate) fn response_moved(&mut self, slot: u32) {
        if self.http(slot).is_some_and(|http| http.is_idle()) {
            self.set_idle_deadline(slot);
            self.ready.push(slot);
        }
    }

    pub(crate) fn set_deadline(&mut self, slot: u32, after: Option<std::time::Duration>) {
        let now = self.now;
        if let Some(stream) = self.streams.get_mut(slot as usize) {
            stream.deadline =
                engine::Time(after.map_or(0, |after| now.0 + after.as_millis() as u64));
        }
        self.file_stream(slot);
    }

    /// A head, a body or an idle stream has taken too long.
    pub(crate) fn time_out_request(&mut self, slot: u32) {
        let Some(http) = self.http(slot) else { return };
        let carried = http.carries();
        let started = self.streams.get(slot as usize).is_some_and(|s| !s.input.is_empty());
        if let Some((session, false)) = carried {
            if let Some(session) = self.sessions.entry_mut(session) {
                session.post = NONE;
            }
            self.counters.add(Counter::RequestTimeouts);
            self.answer(slot, Reply::new(408).closing());
            if let Some(entry) = self.sessions.entry_mut(session).filter(|s| !s.ended) {
                entry.engine.handle_stream_lost(Via::Main, true, &mut self.actions);
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

/// Whether the request that begins here may be for our path: false only when it surely is not, and as
/// soon as it is, so that the program gets requests with long targets as they come.
fn is_ours(input: &[u8], path: &str) -> bool {
    let mut words = input.splitn(3, |byte| *byte == b' ' || *byte == b'\r');
    let (_, Some(target)) = (words.next(), words.next()) else {
        return true;
    };
    if words.next().is_some() {
        return path_matches(target_path(target), path);
    }
    // The target goes on: its end, and whether it is in absolute form, are not known yet.
    let known = target.len().min(path.len());
    !target.starts_with(b"/") || target.get(..known) == path.as_bytes().get(..known)
}

/// The path of a request target, in origin or absolute form.
fn target_path(target: &[u8]) -> &[u8] {
    let path = match target.windows(3).position(|three| three == b"://") {
        Some(at) if !target.starts_with(b"/") => {
            let rest = &target[at + 3..];
            rest.iter().position(|b| *b == b'/').map_or(&b"/"[..], |at| &rest[at..])
        }
        _ => target,
    };
    path.iter().position(|b| *b == b'?').map_or(path, |at| &path[..at])
}

/// Whether a path is at or below ours, which is `/socket.io` or empty for everything.
pub(crate) fn path_matches(path: &[u8], ours: &str) -> bool {
    path.strip_prefix(ours.as_bytes()).is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_below_ours_are_ours() {
        for (line, ours) in [
            ("GET /socket.io/?EIO=4 HTTP/1.1\r\n", true),
            ("GET /socket.io HTTP/1.1\r\n", true),
            ("GET http://x/socket.io/?a=b HTTP/1.1\r\n", true),
            ("GET /socket.iox/ HTTP/1.1\r\n", false),
            ("GET / HTTP/1.1\r\n", false),
            ("GET /?x=/socket.io/ HTTP/1.1\r\n", false),
            ("GET //socket.io/ HTTP/1.1\r\n", false),
            ("GET /sock", true),
            ("GET /socket.io/?EIO=4", true),
            ("GET http://x/so", true),
            ("GET /sockets", false),
            ("GET /long/and/unfinished", false),
            ("GET /", true),
            ("GET ", true),
            ("GET\r\n", true),
            ("nonsense\r\n", true),
        ] {
            assert_eq!(is_ours(line.as_bytes(), "/socket.io"), ours, "{line:?}");
        }
        assert!(is_ours(b"GET /anything HTTP/1.1\r\n", ""));
    }
}
