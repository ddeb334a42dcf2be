//! HTTP requests to the server: their heads, and the check of the responses.
//!
//! The hyper crate does HTTP itself. The `polling` and `websocket` modules decide what to request.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use engine::Transport;

use crate::dial::dial;
use crate::failure::Failure;
use crate::identity::Identity;
use crate::options::Options;

/// The maximum size of a response head, in bytes. It is also the size of hyper's read buffer.
pub(crate) const MAX_HEAD: usize = 16 * 1024;
/// The maximum size of the kept body of a refusal, in bytes.
const MAX_REFUSAL: usize = 4 * 1024;
const MAX_HEADERS: usize = 100;

/// An HTTP connection that carries one request after another.
#[derive(Debug)]
pub(crate) struct Http(SendRequest<Full<Bytes>>);

impl Http {
    /// Opens a connection.
    pub(crate) async fn open(options: &Options) -> Result<Self, Failure> {
        let stream = TokioIo::new(dial(options).await?);
        let (sender, connection) = http1::Builder::new()
            .max_buf_size(MAX_HEAD)
            .max_headers(MAX_HEADERS)
            .title_case_headers(true)
            .handshake(stream)
            .await
            .map_err(failed)?;
        // This task ends when the sender is dropped, or when a WebSocket takes the stream.
        tokio::spawn(connection.with_upgrades());
        Ok(Self(sender))
    }

    /// Whether the connection can take another request. The server may have closed it.
    pub(crate) async fn is_open(&mut self) -> bool {
        self.0.ready().await.is_ok()
    }

    /// Sends a request and returns the response as soon as its head has arrived.
    pub(crate) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, Failure> {
        self.0.send_request(request).await.map_err(failed)
    }
}

fn failed(error: hyper::Error) -> Failure {
    if error.is_parse() {
        return Failure::parse(format!(
            "no HTTP response, or a head of more than {MAX_HEAD} bytes: {error}"
        ));
    }
    if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
        return Failure::closed("the server closed the connection");
    }
    Failure::while_doing("HTTP", error)
}

/// Builds the head of a request, with the application's headers and the session's cookies.
pub(crate) fn head(
    options: &Options,
    identity: &Identity,
    transport: Transport,
    method: Method,
) -> hyper::http::request::Builder {
    let mut builder = Request::builder().method(method).uri(target(options, identity, transport));
    builder = builder.header(header::HOST, &options.authority);
    let mut own_cookie = None;
    for (name, value) in &options.headers {
        if name.eq_ignore_ascii_case("cookie") {
            own_cookie = Some(value.as_str());
        } else {
            builder = builder.header(name, value);
        }
    }
    match identity.cookie_header(own_cookie) {
        Some(cookie) => builder.header(header::COOKIE, cookie),
        None => builder,
    }
}

/// Completes a request.
///
/// # Errors
/// The URL or a header is invalid.
pub(crate) fn request(
    head: hyper::http::request::Builder,
    body: Bytes,
) -> Result<Request<Full<Bytes>>, Failure> {
    head.body(Full::new(body)).map_err(|error| Failure::while_doing("URL or headers", error))
}

fn target(options: &Options, identity: &Identity, transport: Transport) -> String {
    let mut query = format!("EIO=4&transport={}", transport.as_str());
    if options.timestamp {
        query.push_str("&t=");
        query.push_str(&stamp());
    }
    let sid = identity.sid();
    if !sid.is_empty() {
        query.push_str("&sid=");
        query.push_str(&quote(&sid));
    }
    let own = &options.query;
    let own = if own.is_empty() { String::new() } else { format!("{own}&") };
    format!("{}?{own}{query}", options.path)
}

/// A random value, so that no cache has an answer to the request.
fn stamp() -> String {
    format!("{:x}", getrandom::u64().unwrap_or_default())
}

/// Percent-encodes a session id, which may be any text.
fn quote(text: &str) -> String {
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// Returns a response that has the expected status, and turns any other into a failure. `limit` is
/// the time limit for reading the body of the other.
pub(crate) async fn expect(
    response: Response<Incoming>,
    status: StatusCode,
    limit: std::time::Duration,
) -> Result<Response<Incoming>, Failure> {
    if response.status() == status {
        return Ok(response);
    }
    let status = response.status();
    let mut failure =
        Failure::new(format!("Unexpected status code {} in server response", status.as_u16()));
    failure.status = Some(status.as_u16());
    if status.is_redirection() {
        failure.message.push_str(": redirects are not followed");
    }
    // The body is optional: a failure without it still has the status.
    if let Ok(body) = timeout(limit, read(response, MAX_REFUSAL)).await {
        failure.body = body;
    }
    Err(failure)
}

/// Reads the first `limit` bytes of a body.
pub(crate) async fn read(response: Response<Incoming>, limit: usize) -> Vec<u8> {
    let mut body = response.into_body();
    let mut found = Vec::new();
    while let Some(Ok(frame)) = body.frame().await {
        if let Ok(data) = frame.into_data() {
            let room = limit - found.len();
            found.extend_from_slice(&data[..data.len().min(room)]);
            if data.len() >= room {
                break;
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_ids_are_percent_encoded() {
        assert_eq!(quote("lv_VI97-.~"), "lv_VI97-.~");
        assert_eq!(quote("a b\r\nX: ä&"), "a%20b%0D%0AX%3A%20%C3%A4%26");
    }
}
