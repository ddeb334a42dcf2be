//! What is served on the streams of a listener, and what the server in front would do there.
//!
//! A listener that came from an HTTP server must behave as that server's own: its default headers, how
//! long a connection may idle, how many there may be.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use crate::http::journal::Log;

/// What is served on a stream.
#[derive(Debug, Default)]
pub struct Site {
    /// The path prefix that is ours; empty for everything.
    pub path: Box<str>,
    /// The program's number for the listener, given back with `Event::HandOff`; without one, requests
    /// for another path get 404.
    pub listener: Option<u32>,
    /// Header lines for every response, each with its line end.
    pub headers: Box<str>,
    /// Whether every response has a `Date`.
    pub date: bool,
    /// How long a stream may idle between two requests; the option `body_timeout` when not given.
    pub idle: Option<Duration>,
    /// Which lines of an access log are written of it.
    pub log: Log,
    /// Where its streams are counted, when there may be so many only.
    pub crowd: Option<Arc<Crowd>>,
    /// Whether no WebSocket can come where its streams come from: then no upgrade is offered.
    pub is_polling_only: bool,
}

impl Site {
    /// For streams that the program gives, without a listener.
    pub fn adopted(path: &str, log: Log, is_polling_only: bool) -> Self {
        Self { path: path.into(), log, is_polling_only, ..Self::default() }
    }

    /// The header lines of a response that is made now.
    pub(crate) fn header_lines(&self) -> String {
        let date = if self.date {
            format!("Date: {}\r\n", httpdate::fmt_http_date(SystemTime::now()))
        } else {
            String::new()
        };
        date + &self.headers
    }

    /// A place for a stream that has just been accepted.
    pub(crate) fn place(&self) -> Option<Place> {
        self.crowd.clone().map(Place::take)
    }

    /// Whether there are too many connections for another request.
    pub(crate) fn is_crowded(&self) -> bool {
        self.crowd.as_ref().is_some_and(|crowd| crowd.is_full())
    }
}

/// How many connections there are: on all shards, and with the program.
#[derive(Debug)]
pub struct Crowd {
    most: usize,
    inside: AtomicUsize,
    outside: AtomicUsize,
}

impl Crowd {
    /// Nobody yet, and fewer than `most` allowed.
    pub fn new(most: usize) -> Self {
        Self { most, inside: AtomicUsize::new(0), outside: AtomicUsize::new(0) }
    }

    /// Notes how many connections the program has; returns how many the shards have.
    pub fn set_outside(&self, count: usize) -> usize {
        self.outside.store(count, Ordering::Relaxed);
        self.inside.load(Ordering::Relaxed)
    }

    fn is_full(&self) -> bool {
        let inside = self.inside.load(Ordering::Relaxed);
        inside.saturating_add(self.outside.load(Ordering::Relaxed)) >= self.most
    }
}

/// One stream's part in a crowd, for as long as a shard has the stream.
#[derive(Debug)]
pub struct Place(Arc<Crowd>);

impl Place {
    fn take(crowd: Arc<Crowd>) -> Self {
        crowd.inside.fetch_add(1, Ordering::Relaxed);
        Self(crowd)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.inside.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_counts_both_sides() {
        let crowd = Arc::new(Crowd::new(3));
        let site = Site { crowd: Some(Arc::clone(&crowd)), ..Site::default() };
        let first = site.place();
        assert_eq!(crowd.set_outside(1), 1);
        assert!(!site.is_crowded());
        let second = site.place();
        assert!(site.is_crowded());
        drop(first);
        assert!(!site.is_crowded());
        drop(second);
        assert_eq!(crowd.set_outside(0), 0);
    }

    #[test]
    fn headers_come_with_a_date_when_asked_for() {
        let site = Site { headers: "Server: x\r\n".into(), ..Site::default() };
        assert_eq!(site.header_lines(), "Server: x\r\n");
        let lines = Site { date: true, ..site }.header_lines();
        assert!(lines.starts_with("Date: ") && lines.ends_with(" GMT\r\nServer: x\r\n"), "{lines}");
    }
}
