//! Builds HTTP responses: status, headers and body.

use bytes::Bytes;
use protocol::http1::Request;

/// A response; `headers` has the lines as they are sent.
#[derive(Debug)]
pub(crate) struct Reply {
    status: u16,
    headers: String,
    body: Bytes,
    keep_alive: bool,
    /// The request is a HEAD: `Content-Length` is sent, the body is not.
    is_head: bool,
}

impl Reply {
    pub(crate) fn new(status: u16) -> Self {
        Self {
            status,
            headers: String::new(),
            body: Bytes::new(),
            keep_alive: true,
            is_head: false,
        }
    }

    /// Sets a polling payload as the body.
    pub(crate) fn text(self, body: Bytes) -> Self {
        let headers = "Content-Type: text/plain; charset=UTF-8\r\nCache-Control: no-store\r\n";
        Self { body, ..self }.raw_headers(headers)
    }

    /// The response `ok` to a POST.
    pub(crate) fn ok() -> Self {
        let body = Bytes::from_static(b"ok");
        Self { body, ..Self::new(200) }.raw_headers("Content-Type: text/html\r\n")
    }

    pub(crate) fn json(self, body: String) -> Self {
        Self { body: body.into(), ..self }.raw_headers("Content-Type: application/json\r\n")
    }

    /// Adds header lines, each with its line end. Text from the peer must be checked before.
    pub(crate) fn raw_headers(mut self, lines: &str) -> Self {
        self.headers.push_str(lines);
        self
    }

    /// Closes the stream after this response.
    pub(crate) fn closing(self) -> Self {
        self.keep_alive(false)
    }

    pub(crate) fn keep_alive(self, keep_alive: bool) -> Self {
        Self { keep_alive: self.keep_alive && keep_alive, ..self }
    }

    pub(crate) fn to(self, request: &Request<'_>) -> Self {
        Self { is_head: request.method == "HEAD", ..self }
    }

    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    pub(crate) fn keeps_alive(&self) -> bool {
        self.keep_alive
    }

    /// Adds the headers that answer a CORS preflight request.
    pub(crate) fn preflight(self, request: &Request<'_>) -> Self {
        let asked = request
            .header("access-control-request-headers")
            .filter(|names| names.iter().all(|b| b.is_ascii_alphanumeric() || b"-_, ".contains(b)));
        let methods = "Access-Control-Allow-Methods: GET,HEAD,PUT,PATCH,POST,DELETE\r\n";
        let reply = self.raw_headers(methods);
        match asked.and_then(|names| std::str::from_utf8(names).ok()) {
            Some(names) => {
                let line = format!("Access-Control-Allow-Headers: {names}\r\n");
                reply.raw_headers(&line).raw_headers("Vary: Access-Control-Request-Headers\r\n")
            }
            None => reply,
        }
    }

    /// The response of a server that has reached its connection limit.
    pub(crate) fn unavailable() -> Self {
        let body = Bytes::from_static(b"Service Unavailable");
        let reply = Self { body, ..Self::new(503) };
        reply.raw_headers("Content-Type: text/plain; charset=utf-8\r\n").closing()
    }

    /// The bytes of the head and the body. `lines` are the default headers, which come first.
    pub(crate) fn into_parts(self, lines: &str) -> (Bytes, Bytes) {
        let reason = protocol::http1::reason(self.status);
        let connection = if self.keep_alive { "" } else { "Connection: close\r\n" };
        let length = if self.status == 204 {
            String::new()
        } else {
            format!("Content-Length: {}\r\n", self.body.len())
        };
        let head = format!(
            "HTTP/1.1 {} {reason}\r\n{lines}{}{length}{connection}\r\n",
            self.status, self.headers
        );
        (head.into(), if self.is_head { Bytes::new() } else { self.body })
    }
}
