//! WebSocket frames (RFC 6455 section 5): writing of frames, and decoding of messages.
//!
//! The decoder reads one frame at the start of a buffer that its caller owns and fills. It unmasks
//! the frame in place, and a message of one frame borrows from the buffer. Only fragments are
//! copied. The decoder checks the length in a header before it stores anything. It answers neither
//! pings nor close frames.

use crate::error::DecodeError;
use crate::websocket::apply_mask;

/// The opcodes of RFC 6455 section 11.8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opcode {
    /// A further fragment of a message.
    Continuation = 0x0,
    /// A text message, or its first fragment.
    Text = 0x1,
    /// A binary message, or its first fragment.
    Binary = 0x2,
    /// The sender closes the connection.
    Close = 0x8,
    /// A request for a pong.
    Ping = 0x9,
    /// The answer to a ping.
    Pong = 0xA,
}

impl Opcode {
    fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xA => Self::Pong,
            _ => return None,
        })
    }

    fn is_control(self) -> bool {
        self as u8 & 0x8 != 0
    }
}

/// A complete message, or a control frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireMessage<'b> {
    /// A text message, which is valid UTF-8.
    Text(&'b str),
    /// A binary message.
    Binary(&'b [u8]),
    /// A compressed message, which [`super::Inflater`] decompresses.
    Deflated {
        /// Whether it is a text message. Its UTF-8 is not checked yet.
        is_text: bool,
        /// Raw DEFLATE, without the four bytes that are omitted on the wire.
        data: &'b [u8],
    },
    /// A ping with its payload.
    Ping(&'b [u8]),
    /// A pong with its payload.
    Pong(&'b [u8]),
    /// A close frame.
    Close {
        /// The close code, or `None` for an empty frame.
        code: Option<u16>,
        /// The reason. It may be empty.
        reason: &'b str,
    },
}

/// The bit that marks the first frame of a compressed message (RFC 7692 section 6).
const RSV1: u8 = 0x40;

/// Appends the header of an unmasked, final frame.
pub fn encode_header(opcode: Opcode, len: usize, out: &mut Vec<u8>) {
    out.push(0x80 | opcode as u8);
    encode_length(len, 0, out);
}

/// The size of the header of an unmasked frame with a payload of `len` bytes.
pub fn header_len(len: usize) -> usize {
    2 + extended_len(len)
}

/// The size of the extended payload length, which is absent for short payloads.
fn extended_len(len: usize) -> usize {
    match len {
        0..=125 => 0,
        126..=0xffff => 2,
        _ => 8,
    }
}

/// Like [`encode_header`], for a compressed message.
pub fn encode_deflated_header(opcode: Opcode, len: usize, out: &mut Vec<u8>) {
    out.push(0x80 | RSV1 | opcode as u8);
    encode_length(len, 0, out);
}

fn encode_length(len: usize, mask_bit: u8, out: &mut Vec<u8>) {
    match extended_len(len) {
        0 => out.push(mask_bit | len as u8),
        2 => {
            out.push(mask_bit | 0x7e);
            out.extend_from_slice(&(len as u16).to_be_bytes());
        }
        _ => {
            out.push(mask_bit | 0x7f);
            out.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
}

/// Appends a final frame. With `mask`, the payload is masked.
pub fn encode_frame(opcode: Opcode, payload: &[u8], mask: Option<[u8; 4]>, out: &mut Vec<u8>) {
    let Some(key) = mask else {
        encode_header(opcode, payload.len(), out);
        return out.extend_from_slice(payload);
    };
    append_masked(0x80 | opcode as u8, payload, key, out);
}

/// Like [`encode_frame`] with a mask, for a compressed message.
pub fn encode_deflated_frame(opcode: Opcode, payload: &[u8], mask: [u8; 4], out: &mut Vec<u8>) {
    append_masked(0x80 | RSV1 | opcode as u8, payload, mask, out);
}

fn append_masked(first: u8, payload: &[u8], key: [u8; 4], out: &mut Vec<u8>) {
    out.push(first);
    encode_length(payload.len(), 0x80, out);
    out.extend_from_slice(&key);
    let start = out.len();
    out.extend_from_slice(payload);
    apply_mask(&mut out[start..], key);
}

/// Decodes the frames that one connection receives.
#[derive(Debug)]
pub struct Decoder {
    partial: Option<Box<Partial>>,
    expects_mask: bool,
    deflate: bool,
}

/// The fragments of a message that is not complete.
#[derive(Debug)]
struct Partial {
    is_text: bool,
    is_deflated: bool,
    is_complete: bool,
    data: Vec<u8>,
    /// The length of the part of `data` that is known to be UTF-8.
    valid: usize,
}

struct Header {
    opcode: Opcode,
    is_final: bool,
    is_deflated: bool,
    mask: Option<[u8; 4]>,
    start: usize,
    len: usize,
}

impl Decoder {
    /// A decoder for a server. It requires masked frames.
    pub fn server() -> Self {
        Self { partial: None, expects_mask: true, deflate: false }
    }

    /// A decoder for a client. It refuses masked frames.
    pub fn client() -> Self {
        Self { partial: None, expects_mask: false, deflate: false }
    }

    /// Sets whether compressed messages are accepted.
    #[must_use]
    pub fn deflate(self, deflate: bool) -> Self {
        Self { deflate, ..self }
    }

    /// Decodes the frame at the start of `buf`, and unmasks it in place.
    ///
    /// Returns the number of bytes used, and the message that they complete. The caller repeats the
    /// call with the rest of the buffer until 0 bytes are used: then the frame is incomplete.
    ///
    /// # Errors
    /// The peer broke RFC 6455 or exceeded `max_message`. The error is returned as early as the
    /// bytes show it. The decoder must not be used afterwards.
    pub fn decode<'b>(
        &'b mut self,
        buf: &'b mut [u8],
        max_message: usize,
    ) -> Result<(usize, Option<WireMessage<'b>>), DecodeError> {
        if self.partial.as_ref().is_some_and(|partial| partial.is_complete) {
            self.partial = None;
        }
        let Some(header) = self.header(buf, max_message)? else {
            return Ok((0, None));
        };
        let end = header.start + header.len;
        let Some(payload) = buf.get_mut(header.start..end) else {
            return Ok((0, None));
        };
        if let Some(key) = header.mask {
            apply_mask(payload, key);
        }
        let message = match header.opcode {
            Opcode::Ping => Some(WireMessage::Ping(payload)),
            Opcode::Pong => Some(WireMessage::Pong(payload)),
            Opcode::Close => Some(close(payload)?),
            Opcode::Binary | Opcode::Text if header.is_final && header.is_deflated => {
                Some(WireMessage::Deflated {
                    is_text: header.opcode == Opcode::Text,
                    data: payload,
                })
            }
            Opcode::Text if header.is_final => Some(WireMessage::Text(utf8(payload)?)),
            Opcode::Binary if header.is_final => Some(WireMessage::Binary(payload)),
            Opcode::Binary | Opcode::Continuation | Opcode::Text => {
                self.fragment(&header, payload)?
            }
        };
        Ok((end, message))
    }

    /// Reads and checks a header. Returns `None` while it is incomplete.
    fn header(&self, buf: &[u8], max: usize) -> Result<Option<Header>, DecodeError> {
        let &[first, second, ..] = buf else {
            return Ok(None);
        };
        let is_deflated = self.deflate && first & RSV1 != 0;
        if first & 0x70 & !(u8::from(is_deflated) * RSV1) != 0 {
            return Err(DecodeError::ReservedBits);
        }
        let opcode = Opcode::from_bits(first & 0x0f).ok_or(DecodeError::BadOpcode)?;
        if is_deflated && !matches!(opcode, Opcode::Binary | Opcode::Text) {
            return Err(DecodeError::ReservedBits);
        }
        let is_final = first & 0x80 != 0;
        if (second & 0x80 != 0) != self.expects_mask {
            return Err(DecodeError::BadMask);
        }
        let short = second & 0x7f;
        if opcode.is_control() && (!is_final || short > 125) {
            return Err(DecodeError::BadControlFrame);
        }
        self.check_sequence(opcode)?;
        let Some((len, start)) = length(short, buf)? else {
            return Ok(None);
        };
        let held = self.partial.as_ref().map_or(0, |partial| partial.data.len());
        let room = if opcode.is_control() { 125 } else { max.saturating_sub(held) };
        if len > room as u64 {
            return Err(DecodeError::MessageTooLarge);
        }
        let len = len as usize;
        let header = |mask, start| Header { opcode, is_final, is_deflated, mask, start, len };
        if !self.expects_mask {
            return Ok(Some(header(None, start)));
        }
        let Some(&[a, b, c, d]) = buf.get(start..start + 4) else {
            return Ok(None);
        };
        Ok(Some(header(Some([a, b, c, d]), start + 4)))
    }

    /// The size of the message whose next frame begins in `buf`, if its header is complete. It is
    /// the size to report after the message was refused as too large.
    pub fn message_size(&self, buf: &[u8]) -> Option<u64> {
        let (len, _) = length(buf.get(1)? & 0x7f, buf).ok()??;
        let held = self.partial.as_ref().map_or(0, |partial| partial.data.len());
        Some(len.saturating_add(held as u64))
    }

    fn check_sequence(&self, opcode: Opcode) -> Result<(), DecodeError> {
        let is_continuation = opcode == Opcode::Continuation;
        if opcode.is_control() || is_continuation == self.partial.is_some() {
            return Ok(());
        }
        Err(DecodeError::BadFragment)
    }

    fn fragment(
        &mut self,
        header: &Header,
        data: &[u8],
    ) -> Result<Option<WireMessage<'_>>, DecodeError> {
        let (is_text, is_deflated) = (header.opcode == Opcode::Text, header.is_deflated);
        let partial = self.partial.get_or_insert_with(|| {
            let (is_complete, data, valid) = (false, Vec::new(), 0);
            Box::new(Partial { is_text, is_deflated, is_complete, data, valid })
        });
        partial.data.extend_from_slice(data);
        if partial.is_text && !partial.is_deflated {
            partial.check_utf8(header.is_final)?;
        }
        if !header.is_final {
            return Ok(None);
        }
        partial.is_complete = true;
        if partial.is_deflated {
            return Ok(Some(WireMessage::Deflated {
                is_text: partial.is_text,
                data: &partial.data,
            }));
        }
        if partial.is_text {
            return Ok(Some(WireMessage::Text(utf8(&partial.data)?)));
        }
        Ok(Some(WireMessage::Binary(&partial.data)))
    }
}

impl Partial {
    /// Checks the bytes that were not checked before. A fragment that is not the last may end
    /// inside a character.
    fn check_utf8(&mut self, is_last: bool) -> Result<(), DecodeError> {
        match simdutf8::compat::from_utf8(&self.data[self.valid..]) {
            Ok(_) => self.valid = self.data.len(),
            Err(error) if error.error_len().is_none() && !is_last => {
                self.valid += error.valid_up_to();
            }
            Err(_) => return Err(DecodeError::BadUtf8),
        }
        Ok(())
    }
}

/// The length of the payload, and the position of the mask or payload. Returns `None` while the
/// header is incomplete.
fn length(short: u8, buf: &[u8]) -> Result<Option<(u64, usize)>, DecodeError> {
    let (len, start, least) = match short {
        126 => {
            let Some(&[a, b]) = buf.get(2..4) else {
                return Ok(None);
            };
            (u64::from(u16::from_be_bytes([a, b])), 4, 126)
        }
        127 => {
            let Some(bytes) = buf.get(2..10).and_then(|bytes| bytes.try_into().ok()) else {
                return Ok(None);
            };
            (u64::from_be_bytes(bytes), 10, 0x10000)
        }
        short => (u64::from(short), 2, 0),
    };
    if len < least || len >> 63 != 0 {
        return Err(DecodeError::BadFrameLength);
    }
    Ok(Some((len, start)))
}

fn utf8(data: &[u8]) -> Result<&str, DecodeError> {
    simdutf8::basic::from_utf8(data).map_err(|_| DecodeError::BadUtf8)
}

fn close(payload: &[u8]) -> Result<WireMessage<'_>, DecodeError> {
    match payload {
        [] => Ok(WireMessage::Close { code: None, reason: "" }),
        [high, low, reason @ ..] => {
            let code = u16::from_be_bytes([*high, *low]);
            // Section 7.4 reserves the other codes.
            let is_allowed = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
            if !is_allowed {
                return Err(DecodeError::BadCloseFrame);
            }
            Ok(WireMessage::Close { code: Some(code), reason: utf8(reason)? })
        }
        [_] => Err(DecodeError::BadCloseFrame),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The debug form of all messages in `bytes`.
    fn decode_all(bytes: &[u8], max: usize) -> Result<Vec<String>, DecodeError> {
        let mut decoder = Decoder::client();
        let mut bytes = bytes.to_vec();
        let (mut at, mut found) = (0, Vec::new());
        loop {
            let (used, message) = decoder.decode(&mut bytes[at..], max)?;
            if used == 0 {
                return Ok(found);
            }
            at += used;
            found.extend(message.map(|message| format!("{message:?}")));
        }
    }

    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut out = vec![first];
        encode_length(payload.len(), 0, &mut out);
        out.extend_from_slice(payload);
        out
    }

    #[test]
    fn decoding_reverses_encoding() {
        for len in [0, 1, 125, 126, 127, 65535, 65536, 70000] {
            for mask in [None, Some([9, 8, 7, 6])] {
                let payload = "x".repeat(len);
                let mut bytes = Vec::new();
                encode_frame(Opcode::Text, payload.as_bytes(), mask, &mut bytes);
                let mut decoder =
                    if mask.is_some() { Decoder::server() } else { Decoder::client() };
                let end = bytes.len();
                assert_eq!(decoder.decode(&mut bytes[..end - 1], 1 << 20), Ok((0, None)));
                let decoded = decoder.decode(&mut bytes, 1 << 20);
                assert_eq!(decoded, Ok((end, Some(WireMessage::Text(&payload)))));
            }
        }
    }

    #[test]
    fn control_frames_are_accepted_between_fragments() {
        let bytes = [
            frame(0x01, "h\u{e4}".as_bytes()[..2].as_ref()),
            frame(0x89, b"p"),
            frame(0x00, &"\u{e4}".as_bytes()[1..]),
            frame(0x00, b""),
            frame(0x80, b"!"),
        ]
        .concat();
        assert_eq!(decode_all(&bytes, 100).unwrap(), [r"Ping([112])", r#"Text("hä!")"#]);
    }

    #[test]
    fn frames_that_break_the_rfc_are_refused() {
        use DecodeError as E;
        let long = |first: u8, len: u64| [&[first, 127][..], &len.to_be_bytes()].concat();
        for (bytes, error) in [
            (vec![0xc1, 0x00], E::ReservedBits),
            (vec![0x83, 0x00], E::BadOpcode),
            (vec![0x8f, 0x00], E::BadOpcode),
            (vec![0x81, 0x80], E::BadMask),
            (vec![0x09, 0x00], E::BadControlFrame),
            (vec![0x89, 126], E::BadControlFrame),
            (frame(0x80, b"x"), E::BadFragment),
            ([frame(0x01, b"x"), frame(0x81, b"y")].concat(), E::BadFragment),
            (vec![0x81, 126, 0, 5], E::BadFrameLength),
            (long(0x81, 5), E::BadFrameLength),
            (long(0x81, 1 << 63), E::BadFrameLength),
            (long(0x81, u64::MAX), E::BadFrameLength),
            (long(0x82, i64::MAX as u64), E::MessageTooLarge),
            (frame(0x82, &[0; 101]), E::MessageTooLarge),
            ([frame(0x02, &[0; 60]), frame(0x80, &[0; 41])].concat(), E::MessageTooLarge),
            (frame(0x81, b"\xff"), E::BadUtf8),
            (frame(0x01, b"ab\xc0"), E::BadUtf8),
            ([frame(0x01, b"\xe4"), frame(0x80, b"")].concat(), E::BadUtf8),
            (frame(0x88, b"x"), E::BadCloseFrame),
            (frame(0x88, &999u16.to_be_bytes()), E::BadCloseFrame),
            (frame(0x88, &1005u16.to_be_bytes()), E::BadCloseFrame),
            (frame(0x88, &5000u16.to_be_bytes()), E::BadCloseFrame),
            (frame(0x88, b"\x03\xe8\xff"), E::BadUtf8),
        ] {
            assert_eq!(decode_all(&bytes, 100), Err(error), "{bytes:02x?}");
        }
        assert_eq!(decode_all(&frame(0x82, &[7; 100]), 100).unwrap().len(), 1);
    }

    #[test]
    fn a_decoder_is_small() {
        assert!(size_of::<Decoder>() <= 16);
    }
}
