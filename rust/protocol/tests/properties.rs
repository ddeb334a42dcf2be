//! Property tests: packets round-trip, any split of the bytes gives the same result, and no input
//! causes a panic.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;
use protocol::DecodeError;
use protocol::engineio::{self, records};
use protocol::http1::{ChunkedDecoder, parse_request};
use protocol::json::placeholders;
use protocol::msgpack;
use protocol::socketio::{Packet, PacketType};
use protocol::websocket::{Decoder, Deflater, Inflater, Opcode, WireMessage, encode_frame};

/// The debug form, which can be compared after the buffer has changed.
fn show(message: &WireMessage<'_>) -> String {
    format!("{message:?}")
}

/// Decodes a stream that is cut at the positions `cuts`. An error becomes the last item.
fn decode(bytes: &[u8], cuts: &[usize]) -> Vec<String> {
    let mut decoder = Decoder::server();
    let (mut input, mut found, mut fed) = (Vec::new(), Vec::new(), 0);
    let mut ends: Vec<_> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    ends.push(bytes.len());
    ends.sort_unstable();
    for end in ends {
        input.extend_from_slice(&bytes[fed..end]);
        fed = end;
        let mut at = 0;
        loop {
            match decoder.decode(&mut input[at..], 2000) {
                Ok((0, _)) => break,
                Ok((used, message)) => {
                    found.extend(message.as_ref().map(show));
                    at += used;
                }
                Err(error) => {
                    found.push(error.to_string());
                    return found;
                }
            }
        }
        input.drain(..at);
    }
    found
}

fn opcode() -> impl Strategy<Value = Opcode> {
    prop_oneof![Just(Opcode::Text), Just(Opcode::Binary), Just(Opcode::Ping), Just(Opcode::Pong),]
}

/// Any msgpack value except an `ArrayBuffer`, which decoding rewrites.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        Just(vec![0xc0]),
        Just(vec![0xd4, 0, 0]),
        Just(vec![0xd7, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
        Just(vec![0xc7, 1, 5, 0]),
        any::<u8>().prop_map(|n| vec![0xcc, n]),
        any::<i64>().prop_map(|n| [&[0xd3][..], &n.to_be_bytes()].concat()),
        any::<f64>().prop_map(|n| [&[0xcb][..], &n.to_be_bytes()].concat()),
        "[a-zé]{0,15}".prop_map(|s| [&[0xd9, s.len() as u8][..], s.as_bytes()].concat()),
        prop::collection::vec(any::<u8>(), 0..20)
            .prop_map(|b| [&[0xc4, b.len() as u8][..], &b].concat()),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        let items = prop::collection::vec(inner, 0..6);
        prop_oneof![
            items.clone().prop_map(|v| [&[0x90 | v.len() as u8][..], &v.concat()].concat()),
            items.prop_map(|v| {
                let pairs: Vec<_> = v.iter().map(|item| [b"\xa1k", &item[..]].concat()).collect();
                [&[0xde, 0, v.len() as u8][..], &pairs.concat()].concat()
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn any_split_of_frames_gives_the_same_messages(
        frames in prop::collection::vec((opcode(), "[ -~äß€]{0,60}", any::<[u8; 4]>()), 1..8),
        garbage in prop::collection::vec(any::<u8>(), 0..20),
        cuts in prop::collection::vec(any::<usize>(), 0..12),
    ) {
        let mut bytes = Vec::new();
        for (opcode, text, mask) in &frames {
            encode_frame(*opcode, text.as_bytes(), Some(*mask), &mut bytes);
        }
        bytes.extend_from_slice(&garbage);
        let whole = decode(&bytes, &[]);
        prop_assert_eq!(&decode(&bytes, &cuts), &whole);
        let every: Vec<_> = (0..bytes.len()).collect();
        prop_assert_eq!(&decode(&bytes, &every), &whole);
    }

    #[test]
    fn any_bytes_decode_to_frames_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        decode(&bytes, &[]);
    }

    #[test]
    fn fragments_are_joined_to_their_message(
        text in "[ -~äß€]{1,80}",
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 1..5),
    ) {
        let mut ends: Vec<_> = cuts.iter().map(|cut| cut.index(text.len())).collect();
        ends.push(text.len());
        ends.sort_unstable();
        let (mut bytes, mut from) = (Vec::new(), 0);
        for (n, end) in ends.iter().enumerate() {
            let start = bytes.len();
            let opcode = if n == 0 { Opcode::Text } else { Opcode::Continuation };
            encode_frame(opcode, &text.as_bytes()[from..*end], Some([5, 6, 7, 8]), &mut bytes);
            if *end < text.len() || n + 1 < ends.len() {
                bytes[start] &= 0x7f;
            }
            from = *end;
        }
        prop_assert_eq!(decode(&bytes, &[]), [show(&WireMessage::Text(&text))]);
    }

    #[test]
    fn socketio_packets_round_trip(
        namespace in "/[a-z/]{0,20}",
        id in prop::option::of(0..1u64 << 53),
        name in "[a-z]{1,8}x",
        attachments in 0..11u32,
    ) {
        let kind = if attachments > 0 { PacketType::BinaryEvent } else { PacketType::Event };
        let data = format!("[\"{name}\",1]");
        let packet = Packet { kind, attachments, namespace: &namespace, id, data: &data };
        let mut out = Vec::new();
        packet.encode(&mut out);
        let text = String::from_utf8(out).unwrap();
        prop_assert_eq!(Packet::decode(&text, 10), Ok(packet));
    }

    #[test]
    fn msgpack_packets_round_trip(
        namespace in "/[a-z/]{0,40}",
        id in prop::option::of(0..=1u64 << 53),
        args in prop::collection::vec(value(), 0..6),
    ) {
        let count = 1 + args.len() as u8;
        let data = [vec![0x90 | count, 0xa1, b'e'], args.concat()].concat();
        let (kind, data) = (PacketType::Event, data.into());
        let packet = msgpack::Packet { kind, namespace: &namespace, id, data };
        let mut out = Vec::new();
        packet.encode(&mut out);
        prop_assert_eq!(msgpack::Packet::decode(&out), Ok(packet));
        for end in 0..out.len() {
            prop_assert!(msgpack::Packet::decode(&out[..end]).is_err());
        }
        out.push(0xc0);
        prop_assert_eq!(msgpack::Packet::decode(&out), Err(DecodeError::BadMsgpack));
    }

    #[test]
    fn any_bytes_decode_to_a_msgpack_packet_or_an_error(
        bytes in prop::collection::vec(any::<u8>(), 0..60),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let _ = msgpack::Packet::decode(&bytes);
        let mut event = Vec::new();
        let data = [&b"\x93\xa1e\xc7\x02\x00ab"[..], &bytes].concat();
        msgpack::encode(PacketType::Event, "/", Some(1), &data, &mut event);
        let _ = msgpack::Packet::decode(&event);
        let at = at.index(event.len());
        event[at] = byte;
        let _ = msgpack::Packet::decode(&event);
    }

    #[test]
    fn any_text_decodes_to_a_packet_or_an_error(text in "\\PC{0,60}", more in "[0-9/,\\[\\]{}\"a-z_:-]{0,60}") {
        for text in [&text, &more] {
            let _ = Packet::decode(text, 10);
            let _ = engineio::Packet::decode(text);
            let _ = engineio::Handshake::decode(text);
            let _ = placeholders(text, 3);
            records(text).for_each(drop);
        }
    }

    #[test]
    fn polling_payloads_round_trip(
        texts in prop::collection::vec("[ -~ä]{0,20}", 1..10),
        binary in prop::collection::vec(any::<u8>(), 0..30),
    ) {
        let mut packets: Vec<_> = texts.iter().map(|text| engineio::Packet::Message(text)).collect();
        packets.push(engineio::Packet::Binary(binary.into()));
        let mut body = Vec::new();
        for packet in &packets {
            if !body.is_empty() {
                body.push(engineio::SEPARATOR);
            }
            packet.encode(&mut body);
        }
        let body = String::from_utf8(body).unwrap();
        let found: Vec<_> =
            records(&body).map(|record| engineio::Packet::decode(record).unwrap()).collect();
        prop_assert_eq!(found, packets);
    }

    #[test]
    fn any_head_is_complete_only_at_its_end(head in "[ -~\r\n]{0,120}", path in "/[a-z?=&%]{0,20}") {
        let _ = parse_request(head.as_bytes());
        let head = format!("GET {path} HTTP/1.1\r\nHost: h\r\nX: {}\r\n\r\n", head.replace(['\r', '\n'], ""));
        for end in 0..head.len() {
            prop_assert!(parse_request(&head.as_bytes()[..end]).is_ok_and(|found| found.is_none()));
        }
        prop_assert!(parse_request(head.as_bytes()).is_ok_and(|found| found.is_some()));
    }

    #[test]
    fn chunked_bodies_are_read_in_any_split(
        chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..6),
        step in 1..50usize,
    ) {
        let mut wire = Vec::new();
        for chunk in &chunks {
            wire.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            wire.extend_from_slice(chunk);
            wire.extend_from_slice(b"\r\n");
        }
        wire.extend_from_slice(b"0\r\n\r\nrest");
        let (mut decoder, mut out, mut at, mut done) = (ChunkedDecoder::default(), Vec::new(), 0, false);
        while !done {
            let end = (at + step).min(wire.len());
            let (used, end) = decoder.decode(&wire[at..end], &mut out, 1000).unwrap();
            (at, done) = (at + used, end);
        }
        prop_assert_eq!(out, chunks.concat());
        prop_assert_eq!(&wire[at..], b"rest");
    }

    #[test]
    fn compressed_messages_round_trip(
        texts in prop::collection::vec("([a-d]{0,40}|[ -~ä€]{0,300}){0,8}", 1..5),
        level in 1..=9u32,
    ) {
        // One of each for all messages, as in a shard: no message may depend on an earlier one.
        let (mut deflater, mut inflater) = (Deflater::new(level), Inflater::new());
        for text in &texts {
            let mut small = Vec::new();
            if deflater.deflate(text.as_bytes(), &mut small) {
                prop_assert!(small.len() < text.len());
                let found = inflater.inflate(true, &small, text.len());
                prop_assert_eq!(found, Ok(WireMessage::Text(text.as_str())));
                let cut = inflater.inflate(true, &small[..small.len() - 1], text.len());
                prop_assert!(cut.is_err());
            }
        }
    }

    #[test]
    fn no_bytes_decompress_to_more_than_the_limit(
        data in prop::collection::vec(any::<u8>(), 0..200),
        max in 0..500usize,
    ) {
        if let Ok(WireMessage::Binary(out)) = Inflater::new().inflate(false, &data, max) {
            prop_assert!(out.len() <= max);
        }
    }
}
