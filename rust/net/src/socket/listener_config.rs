//! The settings of a listener: path, default headers, idle timeout, connection limit, access log.
//!
//! The core takes over listeners of HTTP servers such as uvicorn. With these settings the core's
//! responses and limits are the same as that server's.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use crate::http::access_log::AccessLogMode;

/// The settings of the streams of one listener.
#[derive(Debug, Default)]
pub struct ListenerConfig {
    /// The path prefix that the core serves; empty for all paths.
    pub path: Box<str>,
    /// The application's number for the listener, which `Event::HandOff` carries. Without a number,
    /// requests for other paths are answered with 404.
    pub listener: Option<u32>,
    /// Header lines for every response, each with its line end.
    pub headers: Box<str>,
    /// Whether every response has a `Date` header.
    pub date: bool,
    /// How long a stream may be idle between two requests; `None` means the option `body_timeout`.
    pub idle: Option<Duration>,
    /// Which access log entries are made.
    pub log: AccessLogMode,
    /// The connection limit, which several listeners may share.
    pub limit: Option<Arc<ConnectionLimit>>,
    /// Whether the streams cannot carry `WebSockets`; then handshakes do not offer the upgrade.
    pub is_polling_only: bool,
}

impl ListenerConfig {
    /// The settings of streams that the application hands over, without a listener.
    pub fn adopted(path: &str, log: AccessLogMode, is_polling_only: bool) -> Self {
        Self { path: path.into(), log, is_polling_only, ..Self::default() }
    }

    /// The default header lines of a response, with the current date.
    pub(crate) fn header_lines(&self) -> String {
        let date = if self.date {
            format!("Date: {}\r\n", httpdate::fmt_http_date(SystemTime::now()))
        } else {
            String::new()
        };
        date + &self.headers
    }

    /// Counts a stream that was just accepted; `None` when there is no limit.
    pub(crate) fn take_slot(&self) -> Option<ConnectionSlot> {
        self.limit.clone().map(ConnectionSlot::take)
    }

    /// Whether the connection limit is reached, so that requests are answered with 503.
    pub(crate) fn is_limit_reached(&self) -> bool {
        self.limit.as_ref().is_some_and(|limit| limit.is_full())
    }
}

/// A limit for connections, and their number: in all shards, and outside of them.
#[derive(Debug)]
pub struct ConnectionLimit {
    most: usize,
    inside: AtomicUsize,
    outside: AtomicUsize,
}

impl ConnectionLimit {
    /// A limit that is reached at `most` connections.
    pub fn new(most: usize) -> Self {
        Self { most, inside: AtomicUsize::new(0), outside: AtomicUsize::new(0) }
    }

    /// Sets the number of connections outside of the shards; returns the number inside.
    pub fn set_outside(&self, count: usize) -> usize {
        self.outside.store(count, Ordering::Relaxed);
        self.inside.load(Ordering::Relaxed)
    }

    fn is_full(&self) -> bool {
        let inside = self.inside.load(Ordering::Relaxed);
        inside.saturating_add(self.outside.load(Ordering::Relaxed)) >= self.most
    }
}

/// Counts one stream in a connection limit, until it is dropped with the stream.
#[derive(Debug)]
pub struct ConnectionSlot(Arc<ConnectionLimit>);

impl ConnectionSlot {
    fn take(limit: Arc<ConnectionLimit>) -> Self {
        limit.inside.fetch_add(1, Ordering::Relaxed);
        Self(limit)
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.0.inside.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_counts_connections_inside_and_outside() {
        let limit = Arc::new(ConnectionLimit::new(3));
        let config =
            ListenerConfig { limit: Some(Arc::clone(&limit)), ..ListenerConfig::default() };
        let first = config.take_slot();
        assert_eq!(limit.set_outside(1), 1);
        assert!(!config.is_limit_reached());
        let second = config.take_slot();
        assert!(config.is_limit_reached());
        drop(first);
        assert!(!config.is_limit_reached());
        drop(second);
        assert_eq!(limit.set_outside(0), 0);
    }

    #[test]
    fn header_lines_have_a_date_if_configured() {
        let config =
            ListenerConfig { headers: "Server: x\r\n".into(), ..ListenerConfig::default() };
        assert_eq!(config.header_lines(), "Server: x\r\n");
        let lines = ListenerConfig { date: true, ..config }.header_lines();
        assert!(lines.starts_with("Date: ") && lines.ends_with(" GMT\r\nServer: x\r\n"), "{lines}");
    }
}
