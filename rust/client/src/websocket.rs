//! A WebSocket to the server: hyper makes the handshake, the frames are `protocol`'s.
//!
//! Reading goes through one buffer that all connections of the thread share; only what is
//! incomplete stays with the connection.

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

/// The shared buffer, and how much of it a read must leave room for.
const BUFFER: usize = 64 * 1024;
const ROOM: usize = 16 * 1024;
/// Frames that may wait to be written before messages stay in their queue.
const OUTPUT: usize = 64 * 1024;

thread_local! {
    static SHARED: RefCell<Box<[u8]>> = RefCell::new(vec![0; BUFFER].into());
}

/// What reading came to.
pub(crate) enum Input {
    /// Messages were handed over; there may be more.
    Some,
    /// The server has said goodbye, with this code.
    Closed(Option<u16>),
}

/// One WebSocket.
pub(crate) struct WebSocket {
    stream: Stream,
    decoder: Decoder,
    /// What the server has agreed to.
    deflate: Option<PerMessageDeflate>,
    /// Bytes of a message that is not complete.
    input: Vec<u8>,
    output: Vec<u8>,
    /// How much of `output` is written.
    written: usize,
    /// `input` came with the handshake and has not been looked at.
    fresh: bool,
    /// A pong has come.
    ponged: bool,
}

/// Opens a WebSocket for the session, or for a new one.
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
            .map_err(|_| Failure::new("WebSocket: the stream is not ours"))?;
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

/// What a server makes of the offer of compression.
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

/// A nonce (RFC 6455 section 4.1): it only proves that the server reads it.
fn new_key() -> String {
    let mut bytes = [0; 16];
    let _ = getrandom::fill(&mut bytes);
    websocket::encode_key(bytes)
}

/// RFC 6455 section 10.3: from a strong source. Without one, zero still is a valid mask.
fn new_mask() -> [u8; 4] {
    getrandom::u32().unwrap_or_default().to_ne_bytes()
}

impl WebSocket {
    fn new(stream: Stream, input: Vec<u8>, deflate: Option<PerMessageDeflate>) -> Self {
        let fresh = !input.is_empty();
        Self {
            stream,
            decoder: Decoder::client().deflate(deflate.is_some()),
            deflate,
            input,
            output: Vec::new(),
            written: 0,
            fresh,
            ponged: false,
        }
    }

    /// Whether another message may be pushed.
    pub(crate) fn has_room(&self) -> bool {
        self.output.len() < OUTPUT
    }

    /// Appends one masked frame.
    pub(crate) fn push(&mut self, opcode: Opcode, payload: &[u8]) {
        websocket::encode_frame(opcode, payload, Some(new_mask()), &mut self.output);
    }

    /// Appends a message, compressed when that was agreed to and makes it smaller.
    pub(crate) fn push_message(&mut self, opcode: Opcode, payload: &[u8]) {
        let output = &mut self.output;
        let put = |small: &[u8]| {
            websocket::encode_deflated_frame(opcode, small, new_mask(), output);
        };
        if !self.deflate.is_some_and(|how| deflate::compress(how, payload, put)) {
            self.push(opcode, payload);
        }
    }

    /// Whether the server has answered a ping: then it has read what came before.
    pub(crate) fn has_pong(&self) -> bool {
        self.ponged
    }

    /// Says goodbye.
    pub(crate) fn push_close(&mut self, code: u16) {
        self.push(Opcode::Close, &code.to_be_bytes());
    }

    /// Whether all that was pushed is written.
    pub(crate) fn is_flushed(&self) -> bool {
        self.output.is_empty()
    }

    /// Writes what was pushed.
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

    /// Reads once and hands over the messages that are complete.
    pub(crate) fn poll_input(
        &mut self,
        cx: &mut Context<'_>,
        max: usize,
        take: &mut dyn FnMut(&WireMessage<'_>),
    ) -> Poll<Result<Input, Failure>> {
        if std::mem::take(&mut self.fresh) {
            return Poll::Ready(self.take_held(max, take));
        }
        SHARED.with_borrow_mut(|shared| {
            let mut input = std::mem::take(&mut self.input);
            let kept = input.len();
            if kept + ROOM > shared.len() {
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

    /// Hands over messages that came with the handshake.
    fn take_held(
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

    /// A message larger than the shared buffer grows in the connection's own.
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

    /// Decodes what is complete; returns how much was used.
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
                Some(WireMessage::Pong(_)) => self.ponged = true,
                Some(WireMessage::Deflated { is_text, data }) => {
                    deflate::decompress(is_text, data, max, &mut *take).map_err(Failure::parse)?;
                }
                None => {}
                Some(message) => take(&message),
            }
            // A server that asks and does not read gets no more than this.
            if let Some(data) = pong.filter(|_| self.has_room()) {
                self.push(Opcode::Pong, &data);
            }
        }
    }
}
