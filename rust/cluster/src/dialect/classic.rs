//! What Node's `@socket.io/redis-adapter` says: msgpack for events, JSON for requests.
//!
//! Channels, with the prefix `socket.io`:
//!
//! ```text
//! socket.io#/chat#                    events for everybody, or for several rooms
//! socket.io#/chat#room#               events for one room
//! socket.io-request#/chat#            requests
//! socket.io-response#/chat#           answers; …#<uid># when a node asks for its own channel
//! ```
//!
//! In Node, joins, leaves and disconnects act on the sender when its own message comes back. Here it acts
//! at once, and ignores that. Source: `@socket.io/redis-adapter` 8.3, `@socket.io/redis-emitter` 5.1.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::Publication;
use super::json::{raw, text};
use super::options::{Options, Packet};
use super::room::{OneOrMany, Room, names, rooms};
use crate::error::Error;
use crate::event::EventData;
use crate::message::{AckRequest, Answer, Emit, Envelope, Message, Selection};

/// Numbers of requests and answers.
const SOCKETS: u8 = 0;
const ALL_ROOMS: u8 = 1;
const REMOTE_JOIN: u8 = 2;
const REMOTE_LEAVE: u8 = 3;
const REMOTE_DISCONNECT: u8 = 4;
const REMOTE_FETCH: u8 = 5;
const SERVER_SIDE_EMIT: u8 = 6;
const BROADCAST: u8 = 7;
const BROADCAST_CLIENT_COUNT: u8 = 8;
const BROADCAST_ACK: u8 = 9;

/// The channels of one namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channels {
    /// Where events are published; those for one room have its name and `#` behind it.
    pub events: String,
    /// Where requests are published.
    pub requests: String,
    /// Where answers are published.
    pub answers: String,
    /// Where answers for this node alone are published.
    pub own_answers: String,
}

impl Channels {
    /// Those of a namespace, for the node `uid`.
    pub fn new(prefix: &str, namespace: &str, uid: &str) -> Self {
        Self {
            events: format!("{prefix}#{namespace}#"),
            requests: format!("{prefix}-request#{namespace}#"),
            answers: format!("{prefix}-response#{namespace}#"),
            own_answers: format!("{prefix}-response#{namespace}#{uid}#"),
        }
    }
}

/// A request or an answer, with the fields that its type has.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    uid: Option<String>,
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    opts: Option<Options>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rooms: Option<Vec<Room>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    room: Option<OneOrMany>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sid: Option<Room>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    close: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sockets: Option<Box<RawValue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client_count: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    packet: Option<Box<RawValue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    data: Option<Box<RawValue>>,
}

/// Writes a message of the node `from`.
///
/// # Errors
/// For what this dialect has no form for.
pub fn encode(
    channels: &Channels,
    from: &str,
    namespace: &str,
    message: &Message,
) -> Result<Publication, Error> {
    match message {
        Message::Emit(emit) if emit.ack.is_none() => {
            encode_broadcast(channels, from, namespace, emit)
        }
        Message::Answer { request, answer, .. } => encode_answer(channels, request, answer),
        _ => encode_request(channels, from, namespace, message),
    }
}

fn encode_broadcast(
    channels: &Channels,
    from: &str,
    namespace: &str,
    emit: &Emit,
) -> Result<Publication, Error> {
    let channel = match emit.to.rooms.as_slice() {
        [room] => format!("{}{}#", channels.events, shown(room)),
        _ => channels.events.clone(),
    };
    let message = (from, Packet::of(&emit.event, Some(namespace))?, Options::of_emit(emit));
    let json = EventData { json: text(&message)?, attachments: emit.event.attachments.clone() };
    Ok(Publication { channel, body: json.to_msgpack()?.into() })
}

/// The name of a room in a channel: without the marks of numbers and of text that looks like one.
pub(crate) fn shown(room: &str) -> &str {
    room.strip_prefix("\0i").or_else(|| room.strip_prefix("\0s")).unwrap_or(room)
}

fn encode_request(
    channels: &Channels,
    from: &str,
    namespace: &str,
    message: &Message,
) -> Result<Publication, Error> {
    let mut wire = Wire { uid: Some(from.to_owned()), ..Wire::default() };
    let mut attachments: &[Bytes] = &[];
    match message {
        Message::Emit(emit) => {
            let Some(AckRequest::Counted { request }) = &emit.ack else {
                return Err(Error::NotInDialect("an emit with a callback"));
            };
            wire.set(BROADCAST, Some(request));
            wire.packet = Some(raw(text(&Packet::of(&emit.event, Some(namespace))?)?)?);
            wire.opts = Some(Options::of_emit(emit));
            attachments = &emit.event.attachments;
        }
        Message::Join { who, rooms: entered } => wire.set_rooms(REMOTE_JOIN, who, entered),
        Message::Leave { who, rooms: left } => wire.set_rooms(REMOTE_LEAVE, who, left),
        Message::CloseRoom { room } => {
            let who = Selection { rooms: vec![room.clone()], except: Vec::new() };
            wire.set_rooms(REMOTE_LEAVE, &who, std::slice::from_ref(room));
        }
        Message::Disconnect { who, close } => {
            wire.set(REMOTE_DISCONNECT, None);
            wire.opts = Some(Options::of_selection(who));
            wire.close = Some(*close);
        }
        Message::FetchSockets { request, who } => {
            wire.set(REMOTE_FETCH, Some(request));
            wire.opts = Some(Options::of_selection(who));
        }
        Message::SocketIds { request, rooms: asked } => {
            wire.set(SOCKETS, Some(request));
            wire.rooms = Some(rooms(asked));
        }
        Message::AllRooms { request } => wire.set(ALL_ROOMS, Some(request)),
        Message::ServerSideEmit { request, event } => {
            wire.set(SERVER_SIDE_EMIT, request.as_ref());
            wire.data = Some(raw(event.json.clone())?);
        }
        _ => return Err(Error::NotInDialect("this message")),
    }
    // Only a broadcast that wants acknowledgements is msgpack; its receivers look at the first byte.
    let json = EventData { json: text(&wire)?, attachments: attachments.to_vec() };
    let is_msgpack = wire.kind == Some(BROADCAST);
    let body = if is_msgpack { json.to_msgpack()?.into() } else { json.json.into() };
    Ok(Publication { channel: channels.requests.clone(), body })
}

fn encode_answer(
    channels: &Channels,
    request: &str,
    answer: &Answer,
) -> Result<Publication, Error> {
    let mut wire = Wire { request_id: Some(request.to_owned()), ..Wire::default() };
    let mut attachments: Option<&[Bytes]> = None;
    match answer {
        Answer::Sockets(sockets) => wire.sockets = Some(raw(sockets.json.clone())?),
        Answer::SocketIds(sids) => wire.sockets = Some(raw(text(sids)?)?),
        Answer::Rooms(found) => wire.rooms = Some(rooms(found)),
        Answer::ServerSide(value) => {
            wire.kind = Some(SERVER_SIDE_EMIT);
            wire.data = Some(raw(value.json.clone())?);
        }
        Answer::ClientCount(count) => {
            wire.kind = Some(BROADCAST_CLIENT_COUNT);
            wire.client_count = Some(*count);
        }
        Answer::Ack(value) => {
            wire.kind = Some(BROADCAST_ACK);
            wire.packet = Some(raw(value.json.clone())?);
            attachments = Some(&value.attachments);
        }
        Answer::Done => {}
    }
    let json = text(&wire)?;
    let body = match attachments {
        Some(attachments) => {
            EventData { json, attachments: attachments.to_vec() }.to_msgpack()?.into()
        }
        None => json.into(),
    };
    Ok(Publication { channel: channels.answers.clone(), body })
}

impl Wire {
    fn set(&mut self, kind: u8, request: Option<&String>) {
        self.kind = Some(kind);
        self.request_id = request.cloned();
    }

    fn set_rooms(&mut self, kind: u8, who: &Selection, changed: &[String]) {
        self.set(kind, None);
        self.opts = Some(Options::of_selection(who));
        self.rooms = Some(rooms(changed));
    }
}

/// Reads a message from one of the channels of a namespace; `None` for what is to be ignored.
///
/// `is_request` says whether a request of this node has this id: an answer does not say what it
/// answers, and `asked` does.
///
/// # Errors
/// When it is no message.
pub fn decode(
    channels: &Channels,
    namespace: &str,
    channel: &str,
    body: &[u8],
    asked: impl Fn(&str) -> Option<Asked>,
) -> Result<Option<Envelope>, Error> {
    let data = if body.first() == Some(&b'{') {
        let text = std::str::from_utf8(body)
            .map_err(|_| Error::BadMessage("expected UTF-8".to_owned()))?;
        EventData::text(text)
    } else {
        EventData::from_msgpack(body)?
    };
    if channel.starts_with(&channels.events) {
        return decode_broadcast(namespace, data);
    }
    let wire: Wire = serde_json::from_str(&data.json)?;
    if channel.starts_with(&channels.answers) {
        return decode_answer(namespace, wire, data.attachments, asked);
    }
    decode_request(namespace, wire, data.attachments)
}

fn decode_broadcast(namespace: &str, data: EventData) -> Result<Option<Envelope>, Error> {
    let (from, packet, options): (String, Packet, Options) = serde_json::from_str(&data.json)?;
    if packet.nsp.as_deref().unwrap_or("/") != namespace {
        return Ok(None);
    }
    let emit = options.emit(packet.event(data.attachments)?);
    Ok(Some(Envelope { from, namespace: namespace.to_owned(), message: Message::Emit(emit) }))
}

/// What a request of this node has asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Clients with their data.
    Sockets,
    /// Sids.
    SocketIds,
    /// Names of rooms.
    Rooms,
    /// Answers of the other servers' handlers.
    ServerSide,
    /// Acknowledgements.
    Acks,
}

fn missing(field: &str) -> Error {
    Error::BadMessage(format!("expected {field}"))
}

fn decode_answer(
    namespace: &str,
    wire: Wire,
    attachments: Vec<Bytes>,
    asked: impl Fn(&str) -> Option<Asked>,
) -> Result<Option<Envelope>, Error> {
    let request = wire.request_id.unwrap_or_default();
    let Some(asked) = asked(&request) else {
        return Ok(None);
    };
    let data = |value: Option<Box<RawValue>>| {
        value.map_or("null".to_owned(), |value| value.get().to_owned())
    };
    let answer = match (asked, wire.kind) {
        (Asked::Acks, Some(BROADCAST_CLIENT_COUNT)) => {
            Answer::ClientCount(wire.client_count.ok_or_else(|| missing("clientCount"))?)
        }
        (Asked::Acks, Some(BROADCAST_ACK)) => {
            Answer::Ack(EventData { json: data(wire.packet), attachments })
        }
        (Asked::Sockets, _) => {
            let sockets = wire.sockets.ok_or_else(|| missing("sockets"))?;
            Answer::Sockets(EventData { json: sockets.get().to_owned(), attachments })
        }
        (Asked::SocketIds, _) => {
            let sids = wire.sockets.ok_or_else(|| missing("sockets"))?;
            Answer::SocketIds(serde_json::from_str(sids.get())?)
        }
        (Asked::Rooms, _) => Answer::Rooms(names(wire.rooms.ok_or_else(|| missing("rooms"))?)),
        (Asked::ServerSide, _) => {
            Answer::ServerSide(EventData { json: data(wire.data), attachments })
        }
        _ => return Ok(None),
    };
    let message = Message::Answer { to: String::new(), request, answer };
    Ok(Some(Envelope { from: String::new(), namespace: namespace.to_owned(), message }))
}

fn decode_request(
    namespace: &str,
    wire: Wire,
    attachments: Vec<Bytes>,
) -> Result<Option<Envelope>, Error> {
    let request = wire.request_id;
    let named = || request.clone().ok_or_else(|| missing("requestId"));
    let message = match wire.kind.ok_or_else(|| missing("type"))? {
        SOCKETS => {
            Message::SocketIds { request: named()?, rooms: names(wire.rooms.unwrap_or_default()) }
        }
        ALL_ROOMS => Message::AllRooms { request: named()? },
        REMOTE_JOIN => {
            let (who, rooms) = rooms_of(wire.opts, wire.rooms, wire.sid, wire.room)?;
            Message::Join { who, rooms }
        }
        REMOTE_LEAVE => {
            let (who, rooms) = rooms_of(wire.opts, wire.rooms, wire.sid, wire.room)?;
            Message::Leave { who, rooms }
        }
        REMOTE_DISCONNECT => {
            let who = who_of(wire.opts, wire.sid)?;
            Message::Disconnect { who, close: wire.close.unwrap_or_default() }
        }
        REMOTE_FETCH => Message::FetchSockets { request: named()?, who: who_of(wire.opts, None)? },
        SERVER_SIDE_EMIT => {
            let event = wire.data.ok_or_else(|| missing("data"))?.get().to_owned();
            Message::ServerSideEmit { request, event: EventData { json: event, attachments } }
        }
        BROADCAST => {
            let packet = wire.packet.ok_or_else(|| missing("packet"))?;
            let packet: Packet = serde_json::from_str(packet.get())?;
            let mut emit = wire.opts.unwrap_or_default().emit(packet.event(attachments)?);
            emit.ack = Some(AckRequest::Counted { request: named()? });
            Message::Emit(emit)
        }
        _ => return Ok(None),
    };
    let from = wire.uid.unwrap_or_default();
    Ok(Some(Envelope { from, namespace: namespace.to_owned(), message }))
}

/// Who is meant: by options, or one sid as older versions wrote it.
fn who_of(options: Option<Options>, sid: Option<Room>) -> Result<Selection, Error> {
    match (options, sid) {
        (Some(options), _) => Ok(options.selection()),
        (None, Some(sid)) => Ok(Selection { rooms: vec![sid.0], except: Vec::new() }),
        (None, None) => Err(missing("opts")),
    }
}

fn rooms_of(
    options: Option<Options>,
    changed: Option<Vec<Room>>,
    sid: Option<Room>,
    room: Option<OneOrMany>,
) -> Result<(Selection, Vec<String>), Error> {
    let changed = changed.map(names).or(room.map(OneOrMany::names));
    Ok((who_of(options, sid)?, changed.ok_or_else(|| missing("rooms"))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channels() -> Channels {
        Channels::new("socket.io", "/chat", "me")
    }

    fn back(message: &Message, asked: Option<Asked>) -> Message {
        let published = encode(&channels(), "me", "/chat", message).unwrap();
        let found = decode(&channels(), "/chat", &published.channel, &published.body, |_| asked);
        found.unwrap().unwrap().message
    }

    fn who(rooms: &[&str]) -> Selection {
        Selection {
            rooms: rooms.iter().map(|room| (*room).to_owned()).collect(),
            except: vec!["x".into()],
        }
    }

    fn event() -> EventData {
        let attachments = vec![Bytes::from_static(b"\0\xff")];
        EventData { json: r#"["a",{"_placeholder":true,"num":0},"b"]"#.into(), attachments }
    }

    #[test]
    fn an_event_for_one_room_has_its_channel() {
        let emit = |rooms| {
            Message::Emit(Emit {
                event: EventData::text("[\"a\"]"),
                to: who(rooms),
                ..Emit::default()
            })
        };
        for (rooms, channel) in [
            (&["r#[*"][..], "socket.io#/chat#r#[*#"),
            (&["\0i7"], "socket.io#/chat#7#"),
            (&[], "socket.io#/chat#"),
            (&["a", "b"], "socket.io#/chat#"),
        ] {
            let published = encode(&channels(), "me", "/chat", &emit(rooms)).unwrap();
            assert_eq!(published.channel, channel);
            assert_eq!(back(&emit(rooms), None), emit(rooms));
        }
    }

    #[test]
    fn every_request_comes_back() {
        let request = || "id".to_owned();
        for message in [
            Message::Emit(Emit {
                event: event(),
                to: who(&["r"]),
                volatile: true,
                compress: Some(false),
                ack: None,
            }),
            Message::Emit(Emit {
                event: event(),
                to: who(&[]),
                ack: Some(AckRequest::Counted { request: request() }),
                ..Emit::default()
            }),
            Message::Join { who: who(&["a"]), rooms: vec!["r".into(), "\0i5".into()] },
            Message::Leave { who: who(&["a"]), rooms: vec!["r".into()] },
            Message::Disconnect { who: who(&[]), close: true },
            Message::FetchSockets { request: request(), who: who(&["a"]) },
            Message::SocketIds { request: request(), rooms: vec!["a".into()] },
            Message::AllRooms { request: request() },
            Message::ServerSideEmit { request: None, event: EventData::text("[\"e\",1]") },
            Message::ServerSideEmit { request: Some(request()), event: EventData::text("[\"e\"]") },
        ] {
            assert_eq!(back(&message, None), message);
        }
    }

    #[test]
    fn answers_are_read_by_what_was_asked() {
        let sockets = EventData::text(r#"[{"id":"a"}]"#);
        for (asked, answer) in [
            (Asked::Sockets, Answer::Sockets(sockets)),
            (Asked::SocketIds, Answer::SocketIds(vec!["a".into()])),
            (Asked::Rooms, Answer::Rooms(vec!["a".into(), "\0i5".into()])),
            (Asked::ServerSide, Answer::ServerSide(EventData::text("[1]"))),
            (Asked::Acks, Answer::ClientCount(3)),
            (
                Asked::Acks,
                Answer::Ack(EventData {
                    json: r#"{"_placeholder":true,"num":0}"#.into(),
                    attachments: vec![Bytes::from_static(b"x")],
                }),
            ),
        ] {
            let message = Message::Answer { to: String::new(), request: "id".into(), answer };
            assert_eq!(back(&message, Some(asked)), message);
            let published = encode(&channels(), "me", "/chat", &message).unwrap();
            let ignored =
                decode(&channels(), "/chat", &published.channel, &published.body, |_| None);
            assert_eq!(ignored, Ok(None), "nobody has asked");
        }
    }

    #[test]
    fn what_older_versions_write_is_taken() {
        let read = |text: &str| {
            decode(&channels(), "/chat", "socket.io-request#/chat#", text.as_bytes(), |_| None)
        };
        let join =
            read(r#"{"uid":"a","requestId":"1","type":2,"sid":"s","room":"r"}"#).unwrap().unwrap();
        let who = Selection { rooms: vec!["s".into()], except: vec![] };
        assert_eq!(join.message, Message::Join { who, rooms: vec!["r".into()] });
        assert_eq!(read(r#"{"uid":"a","type":99}"#), Ok(None));
    }

    #[test]
    fn garbage_is_an_error() {
        for (channel, body) in [
            ("socket.io#/chat#", &b""[..]),
            ("socket.io#/chat#", b"\x93"),
            ("socket.io#/chat#", b"{}"),
            ("socket.io#/chat#", b"\x90"),
            ("socket.io-request#/chat#", b"{"),
            ("socket.io-request#/chat#", b"{\"type\":5}"),
            ("socket.io-request#/chat#", b"{}"),
            ("socket.io-request#/chat#", b"\x80"),
        ] {
            assert!(
                decode(&channels(), "/chat", channel, body, |_| None).is_err(),
                "{channel} {body:?}"
            );
        }
    }
}
