//! The targets. Each function checks one property for any input.

use std::borrow::Cow;

use engine::{Action, Config, Inbound, Incoming, Session, Sockets, Time, Transport, Via};
use protocol::engineio::{Handshake, Packet, records};
use protocol::http1::{ChunkedDecoder, parse_request};
use protocol::websocket::{Decoder, Deflate, Deflater, Inflater, WireMessage, check_upgrade};
use protocol::{Id, msgpack, socketio};

/// A packet that was decoded can be encoded, and decodes to the same packet again.
pub fn engineio(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = Handshake::decode(text);
    for record in records(text) {
        if let Ok(packet) = Packet::decode(record) {
            let mut out = Vec::new();
            packet.encode(&mut out);
            let again = String::from_utf8(out).expect("packets are text");
            assert_eq!(Packet::decode(&again), Ok(packet));
        }
    }
}

/// The same property as `engineio`, for Socket.IO packets.
pub fn socketio(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(packet) = socketio::Packet::decode(text, 10) {
        let mut out = Vec::new();
        packet.encode(&mut out);
        let again = String::from_utf8(out).expect("packets are text");
        assert_eq!(socketio::Packet::decode(&again, 10), Ok(packet));
    }
}

/// The same property as `engineio`, for packets of the msgpack parser.
pub fn msgpack(data: &[u8]) {
    if let Ok(packet) = msgpack::Packet::decode(data) {
        let mut out = Vec::new();
        packet.encode(&mut out);
        assert_eq!(msgpack::Packet::decode(&out), Ok(packet));
    }
}

/// After its placeholders were replaced, a text has none.
pub fn json(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(found) = protocol::json::placeholders(text, 3) {
        assert!(found.iter().all(|place| place.num < 3));
        let filled = protocol::json::fill(text, 3, |_, out| out.push_str("null"));
        let filled = filled.expect("the second scan of a text succeeds like the first");
        assert_eq!(protocol::json::placeholders(&filled, 3), Ok(vec![]));
    }
}

/// A head is complete at one position, and a chunked body is the same in any split.
pub fn http1(data: &[u8]) {
    if let Ok(Some((request, used))) = parse_request(data) {
        assert!(used <= data.len());
        let _ = (request.path(), request.query_value("sid"), request.body(), check_upgrade(&request));
        assert!(matches!(parse_request(&data[..used]), Ok(Some((_, n))) if n == used));
    }
    let (mut whole, mut cut) = (Vec::new(), Vec::new());
    let once = ChunkedDecoder::default().decode(data, &mut whole, 1000);
    let mut decoder = ChunkedDecoder::default();
    let mut piecewise = Ok((0, false));
    for byte in data {
        piecewise = decoder.decode(&[*byte], &mut cut, 1000);
        if !matches!(piecewise, Ok((_, false))) {
            break;
        }
    }
    assert_eq!(once.is_err(), piecewise.is_err());
    assert!(once.is_err() || whole == cut);
}

/// Frames give the same messages whether they arrive at once or byte by byte.
pub fn websocket(data: &[u8]) {
    let Some((first, frames)) = data.split_first() else { return };
    let decoder = || {
        let decoder = if first & 1 == 0 { Decoder::server() } else { Decoder::client() };
        decoder.deflate(first & 2 != 0)
    };
    let mut at_once = Vec::new();
    let (mut input, mut all) = (frames.to_vec(), decoder());
    let whole = drain(&mut all, &mut input, &mut at_once);
    let (mut input, mut each, mut bytewise, mut failed) = (Vec::new(), decoder(), Vec::new(), false);
    for byte in frames {
        input.push(*byte);
        if !drain(&mut each, &mut input, &mut bytewise) {
            failed = true;
            break;
        }
    }
    assert_eq!(whole, !failed);
    assert_eq!(at_once, bytewise);
}

/// A decompressed message is within the limit and survives compression. Any offer is accepted or
/// declined.
pub fn deflate(data: &[u8]) {
    const MAX: usize = 10_000;
    if let Ok(Some((request, _))) = parse_request(data)
        && let Some((agreed, answer)) = Deflate::negotiate(&request)
    {
        assert!(agreed.fits(256) && answer.is_ascii());
    }
    let (mut inflater, mut deflater) = (Inflater::new(), Deflater::new(6));
    let Ok(WireMessage::Binary(message)) = inflater.inflate(false, data, MAX) else { return };
    assert!(message.len() <= MAX);
    let (message, mut small) = (message.to_vec(), Vec::new());
    if deflater.deflate(&message, &mut small) {
        assert!(small.len() < message.len());
        assert_eq!(inflater.inflate(false, &small, MAX), Ok(WireMessage::Binary(&message)));
        assert!(inflater.inflate(false, &small, message.len() - 1).is_err());
    }
}

fn drain(decoder: &mut Decoder, input: &mut Vec<u8>, found: &mut Vec<String>) -> bool {
    let mut at = 0;
    loop {
        match decoder.decode(&mut input[at..], 200) {
            Ok((0, _)) => break,
            Ok((used, message)) => {
                found.extend(message.map(|message| format!("{message:?}")));
                at += used;
            }
            Err(_) => return false,
        }
    }
    input.drain(..at);
    true
}

/// For packets, timeouts and lost streams in any order, there is no action after the close and no busy
/// loop.
pub fn session(data: &[u8]) {
    let config = Config::default();
    let (mut now, mut out, mut sockets) = (Time(1), Vec::new(), Sockets::default());
    let mut session = Session::server(&config, now, Transport::Polling);
    let mut number = 0u8;
    for line in data.split(|byte| *byte == b'\n') {
        let Some((op, rest)) = line.split_first() else { continue };
        let (closed, before) = (session.is_closed(), out.len());
        let via = if op & 1 == 0 { Via::Main } else { Via::Probe };
        match op >> 1 & 7 {
            0 => session.handle_stream_lost(via, rest.is_empty(), &mut out),
            1 => drop(session.handle_probe(&config, now)),
            2 => {
                if let Some(due) = session.poll_timeout() {
                    now = now.max(due);
                    session.handle_timeout(&config, now, &mut out);
                    assert!(session.poll_timeout().is_none_or(|next| next > now));
                }
            }
            3 => now = Time(now.0 + rest.len() as u64 * 1000),
            _ => {
                let packet = match std::str::from_utf8(rest).map(Packet::decode) {
                    Ok(Ok(packet)) => packet,
                    _ => Packet::Binary(Cow::Borrowed(rest)),
                };
                let inbound = session.handle_packet(&config, now, via, packet, &mut out);
                assert!(!closed || inbound.is_none());
                receive(&config, &mut sockets, inbound, &mut number);
            }
        }
        assert!(!closed || out.len() == before);
    }
    let ends = out.iter().filter(|action| matches!(action, Action::Close { .. })).count();
    assert_eq!(ends, usize::from(session.is_closed()));
}

fn receive(config: &Config, sockets: &mut Sockets, inbound: Option<Inbound<'_>>, number: &mut u8) {
    let Some(message) = inbound else { return };
    match sockets.handle(config, &message) {
        Ok(Some(Incoming::Connect { namespace, .. })) => {
            *number = number.wrapping_add(1);
            let sid = Id::from_random([*number; 15]);
            sockets.connecting(namespace.into(), sid);
            if *number & 1 == 1 {
                sockets.connected(&sid);
            }
        }
        Ok(Some(Incoming::Disconnect { sid })) => drop(sockets.remove(&sid)),
        Ok(Some(Incoming::Event { attachments, .. } | Incoming::Ack { attachments, .. })) => {
            assert!(attachments.len() <= config.max_attachments as usize);
        }
        Ok(Some(Incoming::Message(_))) => unreachable!("only with the raw parser"),
        Ok(None) | Err(_) => {}
    }
    assert!(sockets.len() <= config.max_namespaces);
}
