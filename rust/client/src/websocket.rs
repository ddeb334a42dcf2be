//! A WebSocket to the server.
//!
//! hyper sends the request of the handshake, and the `protocol` crate encodes and decodes frames.
//! All connections of the thread read into one shared buffer. A connection stores only the bytes of
//! an incomplete message.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use engine::Transport;
use hyper::{Method, StatusCode, header};
use hyper_util::rt::TokioIo;
use protocol::websocket::{self, Decoder, Opcode, WireMessage};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::deflate;
use crate::failure::Failure;
use crate::http::{self, Http};
use crate::identity::Identity;
use crate::options::{Options, PerMessageDeflate};
use crate::stream::Stream;

/// The size of the shared buffer, in bytes.
const BUFFER: usize = 64 * 1024;
/// The smallest part of the shared buffer that is offered to a read, in bytes.
const MIN_READ: usize = 16 * 1024;
/// Messages stay in their queue while more bytes than this wait to be written.
const MAX_OUTPUT: usize = 64 * 1024;

thread_local! {
    static SHARED: RefCell<Box<[u8]>> = RefCell::new(vec![0; BUFFER].into());
}

/// The result of a read.
pub(crate) enum Input {
    /// Messages may have been handed over, and more may follow.
    Some,
    /// The server has sent a close frame with this code.
    Closed(Option<u16>),
}

/// One WebSocket.
pub(crate) struct WebSocket {
    stream: Stream,
    decoder: Decoder,
    /// The negotiated compression.
    deflate: Option<PerMessageDeflate>,
    /// The bytes of an incomplete message.
    input: Vec<u8>,
    output: Vec<u8>,
    /// The length of the part of `output` that is written.
    written: usize,
    /// `input` arrived together with the handshake and is not decoded yet.
    has_early_input: bool,
    has_pong: bool,
}

/// Opens a WebSocket for the session of `identity`, or for a new session if it has none.
pub(crate) async fn connect(options: &Options, identity: &Identity) -> Result<WebSocket, Failure> {
    let work = async {
        let key = new_key();
        let mut http = Http::open(options).await?;
        let mut head = http::head(options, identity, Transport::WebSocket, Method::GET)
            .header(header::CONNECTION, "Upgrade")
            .header(header::UPGRADE, "websocket")
            .header(header::SEC_WEBSOCKET_VERSION, "13")
            .header(header::SEC_WEBSOCKET_KEY, &key);
        if options.per_message_deflate.is_some() {
            head = head.header(header::SEC_WEBSOCKET_EXTENSIONS, websocket::DEFLATE_OFFER);
        }
        let response = http.send(http::request(head, Bytes::new())?).await?;
        identity.take_cookies(response.headers());
        let response =
            http::expect(response, StatusCode::SWITCHING_PROTOCOLS, options.timeout).await?;
        check(response.headers(), &key)?;
        let deflate = agreed(response.headers(), options.per_message_deflate)?;
        let upgraded = hyper::upgrade::on(response).await;
        let upgraded = upgraded.map_err(|error| Failure::while_doing("WebSocket", error))?;
        let parts = upgraded
            .downcast::<TokioIo<Stream>>()
            .map_err(|_| Failure::new("WebSocket: the upgraded stream has an unexpected type"))?;
        Ok(WebSocket::new(parts.io.into_inner(), parts.read_buf.to_vec(), deflate))
    };
    let late = Err(Failure::new("the server did not open a WebSocket in time"));
    tokio::time::timeout(options.timeout, work).await.unwrap_or(late)
}

fn check(headers: &header::HeaderMap, key: &str) -> Result<(), Failure> {
    let accept = headers.get(header::SEC_WEBSOCKET_ACCEPT).map(header::HeaderValue::as_bytes);
    let expected = websocket::accept_key(key.as_bytes());
    if accept.is_none() || accept != expected.as_ref().map(String::as_bytes) {
        return Err(Failure::parse("WebSocket handshake: wrong Sec-WebSocket-Accept"));
    }
    Ok(())
}

/// The compression that the server has accepted.
fn agreed(
    headers: &header::HeaderMap,
    offered: Option<PerMessageDeflate>,
) -> Result<Option<PerMessageDeflate>, Failure> {
    let values = headers.get_all(header::SEC_WEBSOCKET_EXTENSIONS).iter();
    let values: Option<Vec<_>> = values.map(|value| value.to_str().ok()).collect();
    match values.and_then(|values| websocket::takes_deflate_offer(&values.join(","))) {
        Some(false) => Ok(None),
        Some(true) if offered.is_some() => Ok(offered),
        _ => Err(Failure::parse("WebSocket handshake: an extension that nobody asked for")),
    }
}

/// A nonce (RFC 6455 section 4.1). It is not a secret, so zeros will do without a random source.
fn new_key() -> String {
    let mut bytes = [0; 16];
    let _ = getrandom::fill(&mut bytes);
    websocket::encode_key(bytes)
}

/// A mask from a strong random source, as RFC 6455 section 10.3 requires. Zero is also a valid mask.
fn new_mask() -> [u8; 4] {
    getrandom::u32().unwrap_or_default().to_ne_bytes()
}

impl WebSocket {
    fn new(stream: Stream, input: Vec<u8>, deflate: Option<PerMessageDeflate>) -> Self {
        let has_early_input = !input.is_empty();
        Self {
            stream,
            decoder: Decoder::client().deflate(deflate.is_some()),
            deflate,
            input,
            output: Vec::new(),
            written: 0,
            has_early_input,
            has_pong: false,
        }
    }

    /// Whether another message may be pushed.
    pub(crate) fn has_room(&self) -> bool {
        self.output.len() < MAX_OUTPUT
    }

    /// Appends one masked frame.
    pub(crate) fn push(&mut self, opcode: Opcode, payload: &[u8]) {
        websocket::encode_frame(opcode, payload, Some(new_mask()), &mut self.output);
    }

    /// Appends a message. It is compressed if that was negotiated and makes it smaller.
    pub(crate) fn push_message(&mut self, opcode: Opcode, payload: &[u8]) {
        let output = &mut self.output;
        let put = |small: &[u8]| {
            websocket::encode_deflated_frame(opcode, small, new_mask(), output);
        };
        if !self.deflate.is_some_and(|options| deflate::compress(options, payload, put)) {
            self.push(opcode, payload);
        }
    }

    /// Whether the server has answered a ping. It has then read everything that was sent before.
    pub(crate) fn has_pong(&self) -> bool {
        self.has_pong
    }

    /// Appends a close frame.
    pub(crate) fn push_close(&mut self, code: u16) {
        self.push(Opcode::Close, &code.to_be_bytes());
    }

    /// Whether all frames are written.
    pub(crate) fn is_flushed(&self) -> bool {
        self.output.is_empty()
    }

    /// Writes the frames that were appended.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.output.len() {
            let stream = Pin::new(&mut self.stream);
            let n = ready!(stream.poll_write(cx, &self.output[self.written..]))?;
            if n == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written += n;
        }
        if !self.output.is_empty() {
            self.written = 0;
            self.output.clear();
            self.output.shrink_to(1024);
        }
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// Reads once and passes the complete messages to `take`. `max` is the size limit of a message.
    pub(crate) fn poll_input(
        &mut self,
        cx: &mut Context<'_>,
        max: usize,
        take: &mut dyn FnMut(&WireMessage<'_>),
    ) -> Poll<Result<Input, Failure>> {
        if std::mem::take(&mut self.has_early_input) {
            return Poll::Ready(self.decode_early_input(max, take));
        }
        SHARED.with_borrow_mut(|shared| {
            let mut input = std::mem::take(&mut self.input);
            let kept = input.len();
            if kept + MIN_READ > shared.len() {
                input.reserve(shared.len());
                return self.read_large(cx, input, shared, max, take);
            }
            shared[..kept].copy_from_slice(&input);
            let n = match self.read(cx, &mut shared[kept..]) {
                Poll::Ready(read) => read?,
                Poll::Pending => {
                    self.input = input;
                    return Poll::Pending;
                }
            };
            let end = kept + n;
            let (used, closed) = self.decode(&mut shared[..end], max, take)?;
            input.clear();
            input.extend_from_slice(&shared[used..end]);
            self.input = input;
            Poll::Ready(Ok(closed.unwrap_or(Input::Some)))
        })
    }

    /// Decodes the bytes that arrived together with the handshake.
    fn decode_early_input(
        &mut self,
        max: usize,
        take: &mut dyn FnMut(&WireMessage<'_>),
    ) -> Result<Input, Failure> {
        let mut input = std::mem::take(&mut self.input);
        let (used, closed) = self.decode(&mut input, max, take)?;
        input.drain(..used);
        self.input = input;
        Ok(closed.unwrap_or(Input::Some))
    }

    /// Reads a message that does not fit into the shared buffer: collects it in the connection's own.
    fn read_large(
        &mut self,
        cx: &mut Context<'_>,
        mut input: Vec<u8>,
        shared: &mut [u8],
        max: usize,
        take: &mut dyn FnMut(&WireMessage<'_>),
    ) -> Poll<Result<Input, Failure>> {
        let n = match self.read(cx, shared) {
            Poll::Ready(read) => read?,
            Poll::Pending => {
                self.input = input;
                return Poll::Pending;
            }
        };
        input.extend_from_slice(&shared[..n]);
        let (used, closed) = self.decode(&mut input, max, take)?;
        input.drain(..used);
        input.shrink_to(input.len() + 1024);
        self.input = input;
        Poll::Ready(Ok(closed.unwrap_or(Input::Some)))
    }

    fn read(&mut self, cx: &mut Context<'_>, space: &mut [u8]) -> Poll<Result<usize, Failure>> {
        let mut buf = ReadBuf::new(space);
        match ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buf)) {
            Ok(()) if buf.filled().is_empty() => {
                Poll::Ready(Err(Failure::closed("the server closed the connection")))
            }
            Ok(()) => Poll::Ready(Ok(buf.filled().len())),
            Err(error) => Poll::Ready(Err(Failure::while_doing("the connection broke", error))),
        }
    }

    /// Decodes the complete frames in `data`. Returns the number of bytes used.
    fn decode(
        &mut self,
        data: &mut [u8],
        max: usize,
        take: &mut dyn FnMut(&WireMessage<'_>),
    ) -> Result<(usize, Option<Input>), Failure> {
        let mut used = 0;
        loop {
            let step = self.decoder.decode(&mut data[used..], max);
            let (n, message) = step.map_err(Failure::parse)?;
            if n == 0 {
                return Ok((used, None));
            }
            used += n;
            let mut pong = None;
            match message {
                Some(WireMessage::Close { code, .. }) => {
                    return Ok((used, Some(Input::Closed(code))));
                }
                Some(WireMessage::Ping(data)) => pong = Some(data.to_vec()),
                Some(WireMessage::Pong(_)) => self.has_pong = true,
                Some(WireMessage::Deflated { is_text, data }) => {
                    deflate::decompress(is_text, data, max, &mut *take).map_err(Failure::parse)?;
                }
                None => {}
                Some(message) => take(&message),
            }
            // The limit stops the output from growing when a server sends pings and does not read.
            if let Some(data) = pong.filter(|_| self.has_room()) {
                self.push(Opcode::Pong, &data);
            }
        }
    }
}
