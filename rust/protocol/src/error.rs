//! Every way a peer's bytes can be wrong.

use std::fmt;

macro_rules! errors {
    ($($variant:ident => $text:literal,)*) => {
        /// What is wrong with a peer's bytes. The text says what was expected.
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
    BadBase64 => "binary record: expected base64 behind 'b'",
    BadBodyLength => "body: expected one Content-Length in digits, or chunked, not both",
    BadChunk => "chunked body: expected a size in hex and a line end",
    BadCloseFrame => "close frame: expected no body, or a code allowed on the wire and a reason",
    BadControlFrame => "control frame: expected FIN and at most 125 bytes",
    BadDeflate => "compressed message: expected whole blocks of raw DEFLATE",
    BadEventName => "event: expected a name that is not reserved, at most 1 KiB long",
    BadFragment => "fragment: expected a continuation of the open message, and only then",
    BadFrameLength => "frame length: expected the shortest form below 2^63",
    BadHandshake => "handshake: expected a JSON object with sid, pingInterval and pingTimeout",
    BadHead => "request head: expected HTTP/1.x with CRLF line ends and valid headers",
    BadJson => "packet data: expected JSON",
    BadMask => "frame: expected a mask from clients, and none from servers",
    BadMsgpack => "packet: expected one msgpack map with type and nsp, and nothing behind it",
    BadNamespace => "namespace: expected '/' in front, and at most 255 bytes",
    BadOpcode => "frame: expected an opcode of RFC 6455",
    BadPacketType => "packet: expected a known type digit",
    BadPayload => "packet data: not what this packet type carries",
    BadUtf8 => "text: expected UTF-8",
    BodyTooLarge => "body: larger than the limit",
    IllegalAttachment => "placeholder: expected the number of an attachment of this packet",
    MessageTooLarge => "message: larger than the limit",
    ReservedBits => "frame: expected no reserved bits that no extension gave a meaning",
    TooDeep => "packet data: nested too deeply",
    TooManyHeaders => "request head: more than 100 headers",
}

impl std::error::Error for DecodeError {}

impl DecodeError {
    /// The WebSocket close code that names this error (RFC 6455 section 7.4.1).
    pub fn close_code(self) -> u16 {
        match self {
            Self::BadDeflate | Self::BadUtf8 => 1007,
            Self::MessageTooLarge => 1009,
            _ => 1002,
        }
    }
}
