//! Reads request heads to their end, and decides who serves the request.
//!
//! A request for another path goes to the application with its stream, as soon as the path is known. A
//! request for a session of another shard goes to that shard. All others are routed in `route.rs`.

use protocol::http1::{has_bare_newline, parse_request};

use crate::command::Command;
use crate::counters::Counter;
use crate::event::Event;
use crate::http::reply::Reply;
use crate::http::request::{named_session, path_matches};
use crate::random::shard_of;
use crate::socket::accept::Arrival;
use crate::socket::stream::Role;
use crate::table::Table;

/// The result of reading a head.
enum Step {
    /// The head is not complete.
    More,
    /// The head is handled; it had this many bytes.
    Used(usize),
    /// The stream is closed, or it has moved with its input.
    Gone,
}

impl Table {
    /// Handles one request head and returns its size; `None` when it is not complete or must wait.
    pub(super) fn head(&mut self, slot: u32, input: &mut Vec<u8>) -> Option<usize> {
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
        if http.config.listener.is_some() && !is_ours(input, &http.config.path) {
            return self.hand_off(slot, std::mem::take(input));
        }
        if self.waits_for_log(slot) {
            self.set_deadline(slot, None);
            self.throttle(slot);
            return Step::More;
        }
        if let Some(step) = self.await_head(slot, input) {
            return step;
        }
        let (used, session) = match parse_request(input) {
            Ok(Some((_, used))) if used > max => return self.refuse_head(slot, 431),
            Ok(Some((request, used))) => (used, named_session(&request)),
            Ok(None) | Err(_) => return self.refuse_head(slot, 400),
        };
        if let Some(shard) = session.map(|id| shard_of(&id)).filter(|s| *s != self.number())
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

    /// Searches the new input for the end of the head; `None` when the head is complete.
    fn await_head(&mut self, slot: u32, input: &[u8]) -> Option<Step> {
        let Some(http) = self.http(slot) else {
            return Some(Step::Gone);
        };
        let scanned = std::mem::replace(&mut http.scanned, input.len());
        let from = scanned.saturating_sub(3);
        if input[from..].windows(4).any(|four| four == b"\r\n\r\n") {
            http.scanned = 0;
            return None;
        }
        Some(match (input.len() > self.options.max_head, has_bare_newline(input, scanned)) {
            (true, _) => self.refuse_head(slot, 431),
            // A head with bare newlines never has the end that is searched for.
            (false, true) => self.refuse_head(slot, 400),
            (false, false) => Step::More,
        })
    }

    /// Answers an invalid head and closes the stream.
    fn refuse_head(&mut self, slot: u32, status: u16) -> Step {
        self.counters.add(Counter::RequestsRefused);
        self.answer(slot, Reply::new(status).closing());
        Step::Gone
    }

    /// Gives the stream to the application.
    fn hand_off(&mut self, slot: u32, data: Vec<u8>) -> Step {
        if let Some(stream) = self.remove_stream(slot)
            && let Role::Http(http) = stream.role
            && let Some(listener) = http.config.listener
        {
            let fd = stream.io.into_fd();
            self.reports.tell(Event::HandOff { fd, data, listener });
        }
        Step::Gone
    }

    /// Gives the stream to the shard of the session; false when it was moved before.
    fn move_stream(&mut self, slot: u32, shard: u16, input: &mut Vec<u8>) -> bool {
        let is_there = usize::from(shard) < self.shards.count();
        if !is_there || self.http(slot).is_none_or(|http| http.moved) {
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
            config: http.config,
            connection_slot: stream.connection_slot,
            peer: http.peer,
            data: std::mem::take(input),
            moved: true,
        };
        self.shards.push(shard, Command::Arrive(Box::new(arrival)));
        true
    }
}

/// Whether the request may be for the core's path. False as soon as the input rules that out, so that
/// the application also gets requests with long targets at once.
fn is_ours(input: &[u8], path: &str) -> bool {
    let mut words = input.splitn(3, |byte| *byte == b' ' || *byte == b'\r');
    let (_, Some(target)) = (words.next(), words.next()) else {
        return true;
    };
    if words.next().is_some() {
        return path_matches(target_path(target), path);
    }
    // The target is not complete, and its form (origin or absolute) may not be known yet.
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
