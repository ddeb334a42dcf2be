//! The decoding errors of all layers.
//!
//! Each error has a text that says what was expected, and a WebSocket close code. The crates that
//! read from peers decide what to close.

use std::fmt;

macro_rules! errors {
    ($($variant:ident => $text:literal,)*) => {
        /// What is wrong with the bytes that a peer sent.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[expect(missing_docs, reason = "each variant's text is its documentation")]
        pub enum DecodeError { $($variant,)* }

        impl fmt::Display for DecodeError {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$variant => $text,)* })
            }
        }
    };
}

errors! {
    BadAckId => "ack id: expected digits up to 2^53",
    BadAttachmentCount => "attachment count: expected a number from 1 to the limit, then '-'",
    BadBase64 => "binary record: expected base64 after 'b'",
    BadBodyLength => "body: expected either one Content-Length in digits or chunked encoding",
    BadChunk => "chunked body: expected a size in hex and a line end",
    BadCloseFrame => "close frame: expected no body, or a permitted code and a reason",
    BadControlFrame => "control frame: expected FIN and at most 125 bytes",
    BadDeflate => "compressed message: expected whole blocks of raw DEFLATE",
    BadEventName => "event: expected a name that is not reserved, at most 1 KiB long",
    BadFragment => "fragment: expected a continuation frame exactly when a message is incomplete",
    BadFrameLength => "frame length: expected the shortest form below 2^63",
    BadHandshake => "handshake: expected a JSON object with sid, pingInterval and pingTimeout",
    BadHead => "request head: expected HTTP/1.x with CRLF line ends and valid headers",
    BadJson => "packet data: expected JSON",
    BadMask => "frame: expected a mask from a client and no mask from a server",
    BadMsgpack => "packet: expected one msgpack map with type and nsp, and nothing after it",
    BadNamespace => "namespace: expected a name that begins with '/', at most 255 bytes long",
    BadOpcode => "frame: expected an opcode of RFC 6455",
    BadPacketType => "packet: expected a known type digit",
    BadPayload => "packet data: expected data that this packet type can carry",
    BadUtf8 => "text: expected UTF-8",
    BodyTooLarge => "body: larger than the limit",
    IllegalAttachment => "placeholder: expected the number of an attachment of this packet",
    MessageTooLarge => "message: larger than the limit",
    ReservedBits => "frame: expected no reserved bits beyond those of a negotiated extension",
    TooDeep => "packet data: nested too deeply",
    TooManyHeaders => "request head: expected at most 100 headers",
}

impl std::error::Error for DecodeError {}

impl DecodeError {
    /// The WebSocket close code for this error (RFC 6455 section 7.4.1).
    pub fn close_code(self) -> u16 {
        match self {
            Self::BadDeflate | Self::BadUtf8 => 1007,
            Self::MessageTooLarge => 1009,
            _ => 1002,
        }
    }
}
