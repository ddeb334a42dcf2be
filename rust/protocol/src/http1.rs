//! HTTP/1.1 request heads, chunked bodies and reason phrases (RFC 9112).
//!
//! The parser refuses every request that two parsers could read differently. This matters because
//! a request for a path that is not fanio's goes to a second parser on the same stream.

use std::borrow::Cow;

use smallvec::SmallVec;

use crate::error::DecodeError;

/// The most headers a request may have.
pub const MAX_HEADERS: usize = 100;

/// A request head, borrowed from the bytes it was read from.
#[derive(Clone, Debug)]
pub struct Request<'b> {
    /// The method as it was sent, such as `GET`.
    pub method: &'b str,
    /// The target as it was sent, in origin form or absolute form.
    pub target: &'b str,
    /// 1 for HTTP/1.1, 0 for HTTP/1.0.
    pub minor_version: u8,
    headers: SmallVec<[(&'b str, &'b [u8]); 16]>,
}

/// How the body of a request is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// The request has no body.
    Empty,
    /// The body has this many bytes.
    Length(u64),
    /// The body is chunked; a [`ChunkedDecoder`] reads it.
    Chunked,
}

/// Parses the head at the start of `buf`. Returns the request and the length of its head, or `None`
/// while the head is incomplete.
///
/// # Errors
/// `BadHead`, `TooManyHeaders`, and `BadBodyLength` when the end of the body is ambiguous.
pub fn parse_request(buf: &[u8]) -> Result<Option<(Request<'_>, usize)>, DecodeError> {
    let mut storage = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Request::new(&mut storage);
    let used = match parsed.parse(buf) {
        Ok(httparse::Status::Complete(used)) => used,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(DecodeError::TooManyHeaders),
        Err(_) => return Err(DecodeError::BadHead),
    };
    let (Some(method), Some(target), Some(minor_version)) =
        (parsed.method, parsed.path, parsed.version)
    else {
        return Err(DecodeError::BadHead);
    };
    let headers = parsed.headers.iter().map(|header| (header.name, header.value)).collect();
    let request = Request { method, target, minor_version, headers };
    let hosts = request.count("host");
    if has_bare_newline(&buf[..used], 0) || hosts > 1 || hosts == 0 && minor_version == 1 {
        return Err(DecodeError::BadHead);
    }
    request.body()?;
    Ok(Some((request, used)))
}

/// Whether a line in `head[from..]` ends with LF alone. Some parsers accept this and others refuse it.
pub fn has_bare_newline(head: &[u8], from: usize) -> bool {
    let mut before = from.checked_sub(1).and_then(|at| head.get(at)).copied().unwrap_or_default();
    head.get(from..).unwrap_or_default().iter().any(|byte| {
        let bare = *byte == b'\n' && before != b'\r';
        before = *byte;
        bare
    })
}

impl<'b> Request<'b> {
    /// The value of the first header with this name.
    pub fn header(&self, name: &str) -> Option<&'b [u8]> {
        self.headers().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// All headers, in order.
    pub fn headers(&self) -> impl Iterator<Item = (&'b str, &'b [u8])> + '_ {
        self.headers.iter().copied()
    }

    /// The number of headers with this name.
    pub fn count(&self, name: &str) -> usize {
        self.headers().filter(|(found, _)| found.eq_ignore_ascii_case(name)).count()
    }

    /// The path of the target, without its query.
    pub fn path(&self) -> &'b str {
        let target = self.origin_form();
        target.split_once('?').map_or(target, |(path, _)| path)
    }

    /// The query of the target, without the `?`. It may be empty.
    pub fn query(&self) -> &'b str {
        self.origin_form().split_once('?').map_or("", |(_, query)| query)
    }

    fn origin_form(&self) -> &'b str {
        if self.target.starts_with('/') {
            return self.target;
        }
        let rest = self.target.split_once("://").map_or(self.target, |(_, rest)| rest);
        rest.find('/').map_or("/", |at| &rest[at..])
    }

    /// The value of a key in the query. Both are percent-decoded. Of a repeated key, the last value
    /// counts, as in Node.
    pub fn query_value(&self, key: &str) -> Option<Cow<'b, str>> {
        let pairs = self.query().split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let mut named = pairs.filter(|(name, _)| percent_decode(name) == key);
        named.next_back().map(|(_, value)| percent_decode(value))
    }

    /// How the body is delimited.
    ///
    /// # Errors
    /// `BadBodyLength` when two parsers could disagree about the length.
    pub fn body(&self) -> Result<Body, DecodeError> {
        match (self.count("content-length"), self.count("transfer-encoding")) {
            (0, 0) => Ok(Body::Empty),
            (1, 0) => {
                let value = self.header("content-length").unwrap_or_default();
                let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
                let text = std::str::from_utf8(value).ok().filter(|_| digits);
                let length = text.and_then(|text| text.parse().ok());
                length.map(Body::Length).ok_or(DecodeError::BadBodyLength)
            }
            (0, 1) if self.minor_version == 1 => {
                let value = self.header("transfer-encoding").unwrap_or_default();
                let chunked = value.eq_ignore_ascii_case(b"chunked");
                if chunked { Ok(Body::Chunked) } else { Err(DecodeError::BadBodyLength) }
            }
            _ => Err(DecodeError::BadBodyLength),
        }
    }

    /// Whether the connection stays open after the response.
    pub fn keeps_alive(&self) -> bool {
        if self.minor_version == 0 {
            self.has_token("connection", "keep-alive")
        } else {
            !self.has_token("connection", "close")
        }
    }

    /// Whether the client waits for `100 Continue`.
    pub fn expects_continue(&self) -> bool {
        self.has_token("expect", "100-continue")
    }

    /// Whether the client accepts a content coding, such as `gzip`, for the response.
    pub fn accepts_encoding(&self, name: &str) -> bool {
        let Some(value) = self.header("accept-encoding") else {
            return false;
        };
        let Ok(value) = std::str::from_utf8(value) else {
            return false;
        };
        value.split(',').any(|item| {
            let (coding, weight) = item.split_once(';').unwrap_or((item, ""));
            let refused = weight.trim().strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0));
            coding.trim().eq_ignore_ascii_case(name) && !refused
        })
    }

    /// Whether a comma-separated header has this token.
    pub fn has_token(&self, header: &str, token: &str) -> bool {
        self.headers().filter(|(name, _)| name.eq_ignore_ascii_case(header)).any(|(_, value)| {
            let mut tokens = value.split(|byte| *byte == b',');
            tokens.any(|found| found.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
        })
    }
}

fn percent_decode(value: &str) -> Cow<'_, str> {
    if !value.contains(['%', '+']) {
        return Cow::Borrowed(value);
    }
    let mut bytes = value.as_bytes().iter().copied();
    let mut out = Vec::with_capacity(value.len());
    while let Some(byte) = bytes.next() {
        let rest = bytes.clone().take(2).collect::<SmallVec<[u8; 2]>>();
        match (byte, &rest[..]) {
            (b'+', _) => out.push(b' '),
            (b'%', [high, low]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    out.push(high << 4 | low);
                    bytes.nth(1);
                }
                _ => out.push(b'%'),
            },
            _ => out.push(byte),
        }
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

/// Reads a chunked body that arrives in pieces.
#[derive(Debug, Default)]
pub struct ChunkedDecoder {
    state: Chunk,
    /// The incomplete line of a chunk size or a trailer.
    line: Vec<u8>,
    trailers: usize,
}

#[derive(Clone, Copy, Debug, Default)]
enum Chunk {
    #[default]
    Size,
    Data(usize),
    DataEnd,
    Trailers,
}

/// The maximum length of a size line or a trailer line, in bytes.
const MAX_LINE: usize = 256;
const MAX_TRAILERS: usize = 32;

impl ChunkedDecoder {
    /// Reads from `input` and appends the data of the body to `out`. Returns the number of bytes
    /// read and whether the body is complete.
    ///
    /// # Errors
    /// `BadChunk`, and `BodyTooLarge` as soon as a chunk size would make `out` longer than `max`.
    pub fn decode(
        &mut self,
        input: &[u8],
        out: &mut Vec<u8>,
        max: usize,
    ) -> Result<(usize, bool), DecodeError> {
        let mut at = 0;
        while let Some(rest) = input.get(at..).filter(|rest| !rest.is_empty()) {
            if let Chunk::Data(left) = self.state {
                let n = left.min(rest.len());
                out.extend_from_slice(&rest[..n]);
                at += n;
                self.state = if n == left { Chunk::DataEnd } else { Chunk::Data(left - n) };
                continue;
            }
            at += 1;
            self.line.push(rest[0]);
            if self.line.len() > MAX_LINE {
                return Err(DecodeError::BadChunk);
            }
            if rest[0] == b'\n' && self.end_line(out.len(), max)? {
                return Ok((at, true));
            }
        }
        Ok((at, false))
    }

    /// Handles a complete line. Returns whether it ends the body.
    fn end_line(&mut self, held: usize, max: usize) -> Result<bool, DecodeError> {
        let line = std::mem::take(&mut self.line);
        let line = line.strip_suffix(b"\r\n").ok_or(DecodeError::BadChunk)?;
        // Some parsers treat a lone CR as the end of a line.
        if line.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
            return Err(DecodeError::BadChunk);
        }
        match self.state {
            Chunk::Size => {
                let size = chunk_size(line)?;
                if size > max.saturating_sub(held) as u64 {
                    return Err(DecodeError::BodyTooLarge);
                }
                self.state = if size == 0 { Chunk::Trailers } else { Chunk::Data(size as usize) };
            }
            Chunk::DataEnd if line.is_empty() => self.state = Chunk::Size,
            Chunk::Trailers if line.is_empty() => return Ok(true),
            Chunk::Trailers if self.trailers < MAX_TRAILERS => self.trailers += 1,
            _ => return Err(DecodeError::BadChunk),
        }
        Ok(false)
    }
}

fn chunk_size(line: &[u8]) -> Result<u64, DecodeError> {
    // RFC 9112 allows no white space between the size and an extension, but some parsers accept it.
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
    let plain = !digits.is_empty() && digits.len() <= 15;
    let text = std::str::from_utf8(digits).ok().filter(|_| plain);
    let hex = text.filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()));
    hex.and_then(|hex| u64::from_str_radix(hex, 16).ok()).ok_or(DecodeError::BadChunk)
}

/// The reason phrase of a status code.
pub fn reason(status: u16) -> &'static str {
    match status {
        101 => "Switching Protocols",
        200 => "OK",
        204 => "No Content",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        413 => "Content Too Large",
        426 => "Upgrade Required",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        _ => "Internal Server Error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Option<(Request<'_>, usize)>, DecodeError> {
        parse_request(text.as_bytes())
    }

    #[test]
    fn a_head_is_complete_only_at_its_empty_line() {
        let head = "GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\nrest";
        for end in 0..head.len() - 4 {
            assert!(parse(&head[..end]).unwrap().is_none(), "{end}");
        }
        let (request, used) = parse(head).unwrap().unwrap();
        assert_eq!((request.method, request.path(), request.query()), ("GET", "/a", "b=c"));
        assert_eq!(&head[used..], "rest");
    }

    #[test]
    fn ambiguous_heads_are_refused() {
        for headers in [
            "Content-Length: 1\r\nContent-Length: 1\r\n",
            "Content-Length: +1\r\n",
            "Content-Length: 1, 1\r\n",
            "Content-Length: 99999999999999999999\r\n",
            "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "Host: b\r\n",
            "A: b\r\n c\r\n",
            "A: b\n",
            "A: \0\r\n",
            "A : b\r\n",
        ] {
            let head = format!("POST / HTTP/1.1\r\nHost: a\r\n{headers}\r\n");
            assert!(parse(&head).is_err(), "{headers:?}");
        }
        let many = "A: b\r\n".repeat(101);
        let refused = parse(&format!("GET / HTTP/1.1\r\n{many}\r\n")).map(|_| ());
        assert_eq!(refused, Err(DecodeError::TooManyHeaders));
        assert!(parse("PRI * HTTP/2.0\r\n\r\n").is_err());
        assert!(parse("GET /\r\n\r\n").is_err());
    }

    #[test]
    fn http_1_1_requires_a_host() {
        for (head, allowed) in [
            ("GET / HTTP/1.1\r\n\r\n", false),
            ("GET http://h/ HTTP/1.1\r\n\r\n", false),
            ("GET / HTTP/1.1\r\nhOST:\r\n\r\n", true),
            ("GET / HTTP/1.0\r\n\r\n", true),
        ] {
            assert_eq!(parse(head).is_ok(), allowed, "{head:?}");
        }
    }

    #[test]
    fn query_values_are_decoded() {
        let (request, _) = parse("GET http://h/p?a=1&a=2&b=%41%zz+c&d HTTP/1.1\r\nHost: h\r\n\r\n")
            .unwrap()
            .unwrap();
        assert_eq!(request.path(), "/p");
        assert_eq!(request.query_value("a").as_deref(), Some("2"));
        assert_eq!(request.query_value("b").as_deref(), Some("A%zz c"));
        assert_eq!(request.query_value("d").as_deref(), Some(""));
        assert_eq!(request.query_value("e"), None);
    }

    #[test]
    fn keys_in_a_query_are_decoded() {
        let (request, _) =
            parse("GET /?%73id=1&&=2&A=3&s%69d&%=4 HTTP/1.0\r\n\r\n").unwrap().unwrap();
        assert_eq!(request.query_value("sid").as_deref(), Some(""));
        assert_eq!(request.query_value("a"), None);
        assert_eq!(request.query_value("").as_deref(), Some("2"));
    }

    #[test]
    fn encodings_with_weight_zero_are_not_accepted() {
        let head = "GET / HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip;q=0, deflate\r\n\r\n";
        let (request, _) = parse(head).unwrap().unwrap();
        assert!(!request.accepts_encoding("gzip"));
        assert!(request.accepts_encoding("deflate"));
    }

    #[test]
    fn a_chunked_body_is_read_in_any_split() {
        let body = b"4;x=y\r\nabcd\r\nA\r\n0123456789\r\n0\r\nT: v\r\n\r\nnext";
        for split in 0..body.len() {
            let mut decoder = ChunkedDecoder::default();
            let mut out = Vec::new();
            let (mut used, mut done) = decoder.decode(&body[..split], &mut out, 100).unwrap();
            if !done {
                let (more, end) = decoder.decode(&body[used..], &mut out, 100).unwrap();
                (used, done) = (used + more, end);
            }
            assert!(done);
            assert_eq!((&out[..], &body[used..]), (&b"abcd0123456789"[..], &b"next"[..]));
        }
    }

    #[test]
    fn bad_chunks_are_refused() {
        for (body, error) in [
            (&b"x\r\n"[..], DecodeError::BadChunk),
            (b"-1\r\n", DecodeError::BadChunk),
            (b"4\n", DecodeError::BadChunk),
            (b"4 \r\n", DecodeError::BadChunk),
            (b"4\t\r\n", DecodeError::BadChunk),
            (b"4 ;x=y\r\n", DecodeError::BadChunk),
            (b" 4\r\n", DecodeError::BadChunk),
            (b"4;x\ry\r\n", DecodeError::BadChunk),
            (b"0\r\nA: b\rc\r\n", DecodeError::BadChunk),
            (b"1\r\nab\r\n", DecodeError::BadChunk),
            (b"ffffffffffffffff\r\n", DecodeError::BadChunk),
            (b"65\r\n", DecodeError::BodyTooLarge),
        ] {
            let found = ChunkedDecoder::default().decode(body, &mut Vec::new(), 100);
            assert_eq!(found, Err(error), "{body:?}");
        }
    }
}
