//! The WebSocket frames that the generator and the floor server need.
//!
//! It refuses fragments, which no measured server sends, and knows nothing of Socket.IO. Source: RFC 6455 section 5.2,
//! and the bit for compression of RFC 7692.

/// The mask of all frames. It is not zero, because some servers skip the unmasking for a zero mask.
const MASK: [u8; 4] = [0x5a, 0x21, 0xc3, 0x7e];

/// The opcode of a text message.
pub const TEXT: u8 = 0x1;
/// The opcode of a binary message.
pub const BINARY: u8 = 0x2;
/// The opcode of a close frame.
pub const CLOSE: u8 = 0x8;
/// The opcode of a ping.
pub const PING: u8 = 0x9;
/// The opcode of a pong.
pub const PONG: u8 = 0xa;

/// The start of a buffer.
#[derive(Debug, PartialEq, Eq)]
pub enum Front {
    /// More bytes are needed.
    Incomplete,
    /// A complete frame.
    Frame {
        /// The opcode.
        opcode: u8,
        /// Whether the payload is compressed.
        is_packed: bool,
        /// The position of the payload.
        start: usize,
        /// The position after the payload.
        end: usize,
        /// The mask. Only frames from clients have one.
        mask: Option<[u8; 4]>,
    },
    /// A frame that is not supported here, with its description.
    Broken(&'static str),
}

/// Reads the header of the first frame in `buf`.
pub fn front(buf: &[u8]) -> Front {
    let (Some(&first), Some(&second)) = (buf.first(), buf.get(1)) else { return Front::Incomplete };
    if first & 0xb0 != 0x80 {
        return Front::Broken("a fragment or a reserved bit");
    }
    let (mut start, length) = match second & 0x7f {
        126 => match buf.get(2..4) {
            Some(bytes) => (4, bytes.iter().fold(0, |n, b| n << 8 | u64::from(*b))),
            None => return Front::Incomplete,
        },
        127 => match buf.get(2..10) {
            Some(bytes) => (10, bytes.iter().fold(0, |n, b| n << 8 | u64::from(*b))),
            None => return Front::Incomplete,
        },
        short => (2, u64::from(short)),
    };
    if length > 1 << 30 {
        return Front::Broken("a frame over 1 GiB");
    }
    let mut mask = None;
    if second & 0x80 != 0 {
        let Some(key) = buf.get(start..start + 4) else { return Front::Incomplete };
        mask = Some([key[0], key[1], key[2], key[3]]);
        start += 4;
    }
    let end = start + length as usize;
    if buf.len() < end {
        return Front::Incomplete;
    }
    Front::Frame { opcode: first & 0x0f, is_packed: first & 0x40 != 0, start, end, mask }
}

/// Appends a frame without a mask, as a server sends it.
pub fn write_server(opcode: u8, payload: &[u8], out: &mut Vec<u8>) {
    write_header(opcode, payload.len(), 0, out);
    out.extend_from_slice(payload);
}

/// Appends a frame with a mask, as a client sends it.
pub fn write_client(opcode: u8, payload: &[u8], out: &mut Vec<u8>) {
    write_header(opcode, payload.len(), 0x80, out);
    out.extend_from_slice(&MASK);
    out.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, key)| byte ^ key));
}

/// Unmasks a payload in place.
pub fn unmask(payload: &mut [u8], mask: Option<[u8; 4]>) {
    if let Some(mask) = mask {
        for (byte, key) in payload.iter_mut().zip(mask.iter().cycle()) {
            *byte ^= key;
        }
    }
}

fn write_header(opcode: u8, length: usize, mask_bit: u8, out: &mut Vec<u8>) {
    out.push(0x80 | opcode);
    if length < 126 {
        out.push(mask_bit | length as u8);
    } else if let Ok(length) = u16::try_from(length) {
        out.push(mask_bit | 0x7e);
        out.extend_from_slice(&length.to_be_bytes());
    } else {
        out.push(mask_bit | 0x7f);
        out.extend_from_slice(&(length as u64).to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_of_a_client_is_read_back() {
        for length in [0, 1, 125, 126, 65_535, 65_536] {
            let payload: Vec<u8> = (0..length).map(|n| n as u8).collect();
            let mut wire = Vec::new();
            write_client(TEXT, &payload, &mut wire);
            let Front::Frame { opcode, start, end, mask, .. } = front(&wire) else {
                panic!("no frame of {length} bytes")
            };
            assert_eq!((opcode, end), (TEXT, wire.len()));
            unmask(&mut wire[start..end], mask);
            assert_eq!(&wire[start..end], payload);
        }
    }

    #[test]
    fn a_part_of_a_frame_is_incomplete() {
        let mut wire = Vec::new();
        write_server(TEXT, &[b'x'; 300], &mut wire);
        for cut in 0..wire.len() {
            assert_eq!(front(&wire[..cut]), Front::Incomplete);
        }
    }

    #[test]
    fn fragments_are_refused() {
        assert!(matches!(front(&[0x01, 0x00]), Front::Broken(_)));
        assert!(matches!(front(&[0xa1, 0x00]), Front::Broken(_)));
    }
}
