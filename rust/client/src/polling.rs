//! The polling transport: a task that polls the server, and POST requests that carry messages.
//!
//! A payload is split into records while it arrives. The client therefore holds at most one record,
//! however large the payload is.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use engine::Transport;
use http_body_util::BodyExt;
use hyper::{Method, StatusCode, header};
use protocol::engineio::{Handshake, Packet, SEPARATOR};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use crate::failure::Failure;
use crate::http::{self, Http};
use crate::identity::Identity;
use crate::options::Options;
use crate::send_queue::Outgoing;

/// The maximum number of records that wait for the connection's task.
const MAX_WAITING: usize = 16;

type Posting = Pin<Box<dyn Future<Output = Result<Http, Failure>> + Send>>;

/// The two directions of a polling session.
pub(crate) struct Polling {
    /// The received records. After `stop`, the channel ends with the last poll.
    pub(crate) records: mpsc::Receiver<Result<String, Failure>>,
    pub(crate) posting: Option<Posting>,
    idle: Option<Http>,
    stopping: Arc<AtomicBool>,
    task: AbortHandle,
}

impl Drop for Polling {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Polling {
    /// Starts to poll.
    pub(crate) fn start(options: &Arc<Options>, identity: &Arc<Identity>) -> Self {
        let (sender, records) = mpsc::channel(MAX_WAITING);
        let stopping = Arc::new(AtomicBool::new(false));
        let task = poll(Arc::clone(options), Arc::clone(identity), Arc::clone(&stopping), sender);
        let task = tokio::spawn(task).abort_handle();
        Self { records, posting: None, idle: None, stopping, task }
    }

    /// Stops polling after the open poll.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    /// Starts a request with the messages that fit into it. Returns the size of these messages in bytes.
    pub(crate) fn post(
        &mut self,
        options: &Arc<Options>,
        identity: &Arc<Identity>,
        queue: &mut VecDeque<Outgoing>,
        max_payload: usize,
    ) -> usize {
        let (body, bytes) = payload(queue, max_payload);
        let idle = self.idle.take();
        self.posting = Some(Box::pin(post(Arc::clone(options), Arc::clone(identity), idle, body)));
        bytes
    }

    /// Handles the end of a request and keeps its connection for the next one.
    pub(crate) fn handle_posted(&mut self, http: Http) {
        self.posting = None;
        self.idle = Some(http);
    }
}

/// Takes packets from the queue up to the server's limit, but at least one. Returns the body, and
/// the size of the messages in bytes.
fn payload(queue: &mut VecDeque<Outgoing>, max_payload: usize) -> (Bytes, usize) {
    let (mut body, mut bytes) = (Vec::new(), 0);
    while let Some(next) = queue.front() {
        let size = match next {
            Outgoing::Text(text) => text.len(),
            Outgoing::Binary(data) => 1 + data.len().div_ceil(3) * 4,
        };
        if !body.is_empty() && body.len() + 1 + size > max_payload {
            break;
        }
        if !body.is_empty() {
            body.push(SEPARATOR);
        }
        bytes += next.len();
        match queue.pop_front() {
            Some(Outgoing::Text(text)) => body.extend_from_slice(&text),
            Some(Outgoing::Binary(data)) => Packet::Binary((&data[..]).into()).encode(&mut body),
            None => break,
        }
    }
    (body.into(), bytes)
}

async fn post(
    options: Arc<Options>,
    identity: Arc<Identity>,
    idle: Option<Http>,
    body: Bytes,
) -> Result<Http, Failure> {
    let work = async {
        let mut http = ready(idle, &options).await?;
        let head = http::head(&options, &identity, Transport::Polling, Method::POST)
            .header(header::CONTENT_TYPE, "text/plain;charset=UTF-8");
        let response = http.send(http::request(head, body)?).await?;
        let response = http::expect(response, StatusCode::OK, options.timeout).await?;
        http::read(response, 1024).await;
        Ok(http)
    };
    let late = Err(Failure::new("the server did not take a request in time"));
    timeout(options.timeout, work).await.unwrap_or(late)
}

async fn ready(http: Option<Http>, options: &Options) -> Result<Http, Failure> {
    if let Some(mut http) = http
        && http.is_open().await
    {
        return Ok(http);
    }
    Http::open(options).await
}

async fn poll(
    options: Arc<Options>,
    identity: Arc<Identity>,
    stopping: Arc<AtomicBool>,
    records: mpsc::Sender<Result<String, Failure>>,
) {
    let mut http = None;
    while !stopping.load(Ordering::Acquire) {
        match poll_once(&options, &identity, http, &records).await {
            Ok(again) => http = Some(again),
            Err(failure) => {
                // This fails only when the session is over already.
                let _ = records.send(Err(failure)).await;
                return;
            }
        }
    }
}

async fn poll_once(
    options: &Options,
    identity: &Identity,
    http: Option<Http>,
    records: &mpsc::Sender<Result<String, Failure>>,
) -> Result<Http, Failure> {
    let mut http = ready(http, options).await?;
    let head = http::head(options, identity, Transport::Polling, Method::GET);
    let response = http.send(http::request(head, Bytes::new())?).await?;
    identity.take_cookies(response.headers());
    let response = http::expect(response, StatusCode::OK, options.timeout).await?;
    if response.headers().contains_key(header::CONTENT_ENCODING) {
        return Err(Failure::parse("the server compressed its answer without being asked to"));
    }
    let mut body = response.into_body();
    let mut splitter = RecordSplitter::new(options.engine.max_payload);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Failure::closed(format!("poll cut off: {error}")))?;
        let Ok(data) = frame.into_data() else { continue };
        let mut rest = &data[..];
        while let Some(record) = splitter.next(&mut rest)? {
            pass(identity, records, record).await?;
        }
    }
    pass(identity, records, splitter.last()?).await?;
    Ok(http)
}

async fn pass(
    identity: &Identity,
    records: &mpsc::Sender<Result<String, Failure>>,
    record: String,
) -> Result<(), Failure> {
    if identity.sid().is_empty()
        && let Some(handshake) = record.strip_prefix('0').and_then(|j| Handshake::decode(j).ok())
    {
        // The next request needs the session id before the session has handled the handshake.
        identity.set_sid(&handshake.sid);
    }
    let ended = |_| Failure::closed("the session is over");
    records.send(Ok(record)).await.map_err(ended)
}

/// Splits a body into records.
struct RecordSplitter {
    held: Vec<u8>,
    limit: usize,
}

impl RecordSplitter {
    /// Allows messages up to `max_payload` bytes, which are longer as base64.
    fn new(max_payload: usize) -> Self {
        Self {
            held: Vec::new(),
            limit: max_payload.div_ceil(3).saturating_mul(4).saturating_add(4),
        }
    }

    /// Takes the bytes of one record from `data`. Returns the record, or `None` if it is not complete.
    fn next(&mut self, data: &mut &[u8]) -> Result<Option<String>, Failure> {
        let end = data.iter().position(|byte| *byte == SEPARATOR);
        let piece = &data[..end.unwrap_or(data.len())];
        if self.held.len() + piece.len() > self.limit {
            return Err(Failure::parse(protocol::DecodeError::MessageTooLarge));
        }
        self.held.extend_from_slice(piece);
        *data = end.map_or(&[], |end| &data[end + 1..]);
        if end.is_some() { self.last().map(Some) } else { Ok(None) }
    }

    /// Takes the record that the end of the body completes.
    fn last(&mut self) -> Result<String, Failure> {
        String::from_utf8(std::mem::take(&mut self.held))
            .map_err(|_| Failure::parse(protocol::DecodeError::BadUtf8))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_split_at_any_boundary_of_its_pieces() {
        let body = "4a\u{1e}4\u{e4}\u{1e}6".as_bytes();
        for at in 0..=body.len() {
            let mut splitter = RecordSplitter::new(100);
            let mut found = Vec::new();
            for mut piece in [&body[..at], &body[at..]] {
                while let Some(record) = splitter.next(&mut piece).unwrap() {
                    found.push(record);
                }
            }
            found.push(splitter.last().unwrap());
            assert_eq!(found, ["4a", "4\u{e4}", "6"], "{at}");
        }
    }

    #[test]
    fn a_record_over_the_limit_is_refused() {
        let mut splitter = RecordSplitter::new(300);
        let chunk = [b'x'; 200];
        assert!(splitter.next(&mut &chunk[..]).is_ok());
        assert!(splitter.next(&mut &chunk[..]).is_ok());
        assert!(splitter.next(&mut &chunk[..]).is_err());
    }

    #[test]
    fn a_payload_stays_within_the_limit_of_the_server() {
        let text = |text: &'static str| Outgoing::Text(Bytes::from_static(text.as_bytes()));
        let mut queue: VecDeque<_> =
            [text("4long one"), text("4b"), Outgoing::Binary(Bytes::from_static(b"x")), text("4c")]
                .into();
        assert_eq!(payload(&mut queue, 5), (Bytes::from_static(b"4long one"), 9));
        assert_eq!(payload(&mut queue, 8), (Bytes::from_static(b"4b\x1ebeA=="), 3));
        assert_eq!(payload(&mut queue, 8), (Bytes::from_static(b"4c"), 2));
    }
}
