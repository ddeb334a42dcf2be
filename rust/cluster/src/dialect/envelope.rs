//! What Node's adapters on `ClusterAdapter` say: one envelope for all messages, JSON or msgpack.
//!
//! Sharded Redis, Redis Streams and Postgres carry the same envelope `{uid, nsp, type, data}` and
//! differ in channels only, which are the drivers' business. Source: `socket.io-adapter` 2.5.8.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::json::{raw, text};
use super::options::{Options, Packet};
use super::room::{Room, names, rooms};
use crate::error::Error;
use crate::event::EventData;
use crate::message::{AckRequest, Answer, Envelope, Message, Selection};

const INITIAL_HEARTBEAT: u8 = 1;
const HEARTBEAT: u8 = 2;
const BROADCAST: u8 = 3;
const SOCKETS_JOIN: u8 = 4;
const SOCKETS_LEAVE: u8 = 5;
const DISCONNECT_SOCKETS: u8 = 6;
const FETCH_SOCKETS: u8 = 7;
const FETCH_SOCKETS_RESPONSE: u8 = 8;
const SERVER_SIDE_EMIT: u8 = 9;
const SERVER_SIDE_EMIT_RESPONSE: u8 = 10;
const BROADCAST_CLIENT_COUNT: u8 = 11;
const BROADCAST_ACK: u8 = 12;
const ADAPTER_CLOSE: u8 = 13;

/// The message; the channel of Postgres says the namespace when `nsp` is missing.
#[derive(Debug, Deserialize, Serialize)]
struct Wire {
    #[serde(default)]
    uid: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nsp: Option<String>,
    #[serde(rename = "type")]
    kind: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    data: Option<Box<RawValue>>,
}

/// The `data` of a message, with the fields that its type has.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    packet: Option<Box<RawValue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    opts: Option<Options>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rooms: Option<Vec<Room>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    close: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sockets: Option<Box<RawValue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client_count: Option<u64>,
}

/// Writes a message of the node `from` as JSON, with the attachments beside it.
///
/// What has none is published as this text, what has some as msgpack ([`EventData::to_msgpack`]).
///
/// # Errors
/// For what this dialect has no form for.
pub fn encode(from: &str, namespace: &str, message: &Message) -> Result<EventData, Error> {
    let (kind, data, attachments) = parts(message)?;
    let data = data.map(|data| raw(text(&data)?)).transpose()?;
    let wire = Wire { uid: from.to_owned(), nsp: Some(namespace.to_owned()), kind, data };
    Ok(EventData { json: text(&wire)?, attachments })
}

type Parts = (u8, Option<Data>, Vec<Bytes>);

fn parts(message: &Message) -> Result<Parts, Error> {
    let plain = |kind, data| Ok((kind, Some(data), Vec::new()));
    match message {
        Message::Emit(emit) => {
            let request_id = match &emit.ack {
                None => None,
                Some(AckRequest::Counted { request }) => Some(request.clone()),
                Some(AckRequest::Callback { .. }) => {
                    return Err(Error::NotInDialect("an emit with a callback"));
                }
            };
            let packet = Some(raw(text(&Packet::of(&emit.event, None)?)?)?);
            let data =
                Data { request_id, packet, opts: Some(Options::of_emit(emit)), ..Data::default() };
            Ok((BROADCAST, Some(data), emit.event.attachments.clone()))
        }
        Message::Join { who, rooms } => plain(SOCKETS_JOIN, of_rooms(who, rooms)),
        Message::Leave { who, rooms } => plain(SOCKETS_LEAVE, of_rooms(who, rooms)),
        Message::CloseRoom { room } => {
            let who = Selection { rooms: vec![room.clone()], except: Vec::new() };
            plain(SOCKETS_LEAVE, of_rooms(&who, std::slice::from_ref(room)))
        }
        Message::Disconnect { who, close } => {
            let opts = Some(Options::of_selection(who));
            plain(DISCONNECT_SOCKETS, Data { opts, close: Some(*close), ..Data::default() })
        }
        Message::FetchSockets { request, who } => {
            let (request_id, opts) = (Some(request.clone()), Some(Options::of_selection(who)));
            plain(FETCH_SOCKETS, Data { request_id, opts, ..Data::default() })
        }
        Message::ServerSideEmit { request, event } => {
            let packet = Some(raw(event.json.clone())?);
            let data = Data { request_id: request.clone(), packet, ..Data::default() };
            Ok((SERVER_SIDE_EMIT, Some(data), event.attachments.clone()))
        }
        Message::Answer { request, answer, .. } => parts_of_answer(request, answer),
        Message::Hello => Ok((INITIAL_HEARTBEAT, None, Vec::new())),
        Message::Heartbeat => Ok((HEARTBEAT, None, Vec::new())),
        Message::Bye => Ok((ADAPTER_CLOSE, None, Vec::new())),
        Message::SocketIds { .. } | Message::AllRooms { .. } | Message::Callback { .. } => {
            Err(Error::NotInDialect("this message"))
        }
    }
}

fn of_rooms(who: &Selection, changed: &[String]) -> Data {
    Data { opts: Some(Options::of_selection(who)), rooms: Some(rooms(changed)), ..Data::default() }
}

fn parts_of_answer(request: &str, answer: &Answer) -> Result<Parts, Error> {
    let data = Data { request_id: Some(request.to_owned()), ..Data::default() };
    let with_packet = |kind, value: &EventData, data: Data| {
        let packet = Some(raw(value.json.clone())?);
        Ok((kind, Some(Data { packet, ..data }), value.attachments.clone()))
    };
    match answer {
        Answer::Sockets(sockets) => {
            let found = Some(raw(sockets.json.clone())?);
            let data = Data { sockets: found, ..data };
            Ok((FETCH_SOCKETS_RESPONSE, Some(data), sockets.attachments.clone()))
        }
        Answer::ServerSide(value) => with_packet(SERVER_SIDE_EMIT_RESPONSE, value, data),
        Answer::ClientCount(count) => Ok((
            BROADCAST_CLIENT_COUNT,
            Some(Data { client_count: Some(*count), ..data }),
            Vec::new(),
        )),
        Answer::Ack(value) => with_packet(BROADCAST_ACK, value, data),
        Answer::SocketIds(_) | Answer::Rooms(_) | Answer::Done => {
            Err(Error::NotInDialect("this answer"))
        }
    }
}

/// Reads a message, JSON or msgpack; `None` for one that is to be ignored.
///
/// `namespace` is what a message means that does not say it.
///
/// # Errors
/// When it is no message.
pub fn decode(body: &[u8], namespace: &str) -> Result<Option<Envelope>, Error> {
    let data = if body.first() == Some(&b'{') {
        let text = std::str::from_utf8(body)
            .map_err(|_| Error::BadMessage("expected UTF-8".to_owned()))?;
        EventData::text(text)
    } else {
        EventData::from_msgpack(body)?
    };
    decode_json(data, namespace)
}

/// Reads a message whose attachments are beside it.
///
/// # Errors
/// When it is no message.
pub fn decode_json(message: EventData, namespace: &str) -> Result<Option<Envelope>, Error> {
    let wire: Wire = serde_json::from_str(&message.json)?;
    let data = match &wire.data {
        Some(data) => serde_json::from_str(data.get())?,
        None => Data::default(),
    };
    let namespace = wire.nsp.unwrap_or_else(|| namespace.to_owned());
    let message = message_of(wire.kind, data, message.attachments)?;
    Ok(message.map(|message| Envelope { from: wire.uid, namespace, message }))
}

fn missing(field: &str) -> Error {
    Error::BadMessage(format!("expected {field}"))
}

fn message_of(kind: u8, data: Data, attachments: Vec<Bytes>) -> Result<Option<Message>, Error> {
    Ok(Some(match kind {
        INITIAL_HEARTBEAT => Message::Hello,
        HEARTBEAT => Message::Heartbeat,
        ADAPTER_CLOSE => Message::Bye,
        BROADCAST => {
            let packet: Packet = serde_json::from_str(value(data.packet, "packet")?.get())?;
            let mut emit = data.opts.unwrap_or_default().emit(packet.event(attachments)?);
            emit.ack = data.request_id.map(|request| AckRequest::Counted { request });
            Message::Emit(emit)
        }
        SOCKETS_JOIN => {
            Message::Join { who: who(data.opts)?, rooms: names(value(data.rooms, "rooms")?) }
        }
        SOCKETS_LEAVE => {
            Message::Leave { who: who(data.opts)?, rooms: names(value(data.rooms, "rooms")?) }
        }
        DISCONNECT_SOCKETS => {
            Message::Disconnect { who: who(data.opts)?, close: data.close.unwrap_or_default() }
        }
        FETCH_SOCKETS => Message::FetchSockets {
            request: value(data.request_id, "requestId")?,
            who: who(data.opts)?,
        },
        SERVER_SIDE_EMIT => {
            let json = value(data.packet, "packet")?.get().to_owned();
            Message::ServerSideEmit {
                request: data.request_id,
                event: EventData { json, attachments },
            }
        }
        FETCH_SOCKETS_RESPONSE
        | SERVER_SIDE_EMIT_RESPONSE
        | BROADCAST_CLIENT_COUNT
        | BROADCAST_ACK => answer_of(kind, data, attachments)?,
        _ => return Ok(None),
    }))
}

fn value<T>(field: Option<T>, name: &str) -> Result<T, Error> {
    field.ok_or_else(|| missing(name))
}

fn who(options: Option<Options>) -> Result<Selection, Error> {
    Ok(value(options, "opts")?.selection())
}

fn answer_of(kind: u8, data: Data, attachments: Vec<Bytes>) -> Result<Message, Error> {
    let request = value(data.request_id, "requestId")?;
    // What JavaScript leaves out is undefined, which is null in JSON.
    let packet = data.packet.map_or_else(|| "null".to_owned(), |packet| packet.get().to_owned());
    let answer = match kind {
        FETCH_SOCKETS_RESPONSE => {
            let json = value(data.sockets, "sockets")?.get().to_owned();
            Answer::Sockets(EventData { json, attachments })
        }
        SERVER_SIDE_EMIT_RESPONSE => Answer::ServerSide(EventData { json: packet, attachments }),
        BROADCAST_CLIENT_COUNT => Answer::ClientCount(value(data.client_count, "clientCount")?),
        _ => Answer::Ack(EventData { json: packet, attachments }),
    };
    Ok(Message::Answer { to: String::new(), request, answer })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Emit;

    fn back(message: &Message) -> Message {
        let published = encode("me", "/chat", message).unwrap();
        let read = |body: &[u8]| {
            let found = decode(body, "/").unwrap().unwrap();
            assert_eq!((found.from.as_str(), found.namespace.as_str()), ("me", "/chat"));
            found.message
        };
        let packed = read(&published.to_msgpack().unwrap());
        if published.attachments.is_empty() {
            assert_eq!(read(published.json.as_bytes()), packed);
        }
        packed
    }

    fn binary(json: &str) -> EventData {
        EventData { json: json.into(), attachments: vec![Bytes::from_static(b"\0\xff")] }
    }

    #[test]
    fn every_message_comes_back() {
        let who = || Selection { rooms: vec!["r".into(), "\0i5".into()], except: vec!["x".into()] };
        let request = || "id".to_owned();
        let event = || binary(r#"["a",{"_placeholder":true,"num":0}]"#);
        let answer = |answer| Message::Answer { to: String::new(), request: request(), answer };
        for message in [
            Message::Hello,
            Message::Heartbeat,
            Message::Bye,
            Message::Emit(Emit { event: EventData::text("[\"a\"]"), to: who(), ..Emit::default() }),
            Message::Emit(Emit {
                event: event(),
                to: who(),
                volatile: true,
                compress: Some(false),
                ack: None,
            }),
            Message::Emit(Emit {
                event: event(),
                ack: Some(AckRequest::Counted { request: request() }),
                ..Emit::default()
            }),
            Message::Join { who: who(), rooms: vec!["a".into()] },
            Message::Leave { who: who(), rooms: vec!["a".into()] },
            Message::Disconnect { who: who(), close: true },
            Message::FetchSockets { request: request(), who: who() },
            Message::ServerSideEmit { request: None, event: event() },
            Message::ServerSideEmit { request: Some(request()), event: EventData::text("[\"e\"]") },
            answer(Answer::Sockets(EventData::text("[{\"id\":\"a\"}]"))),
            answer(Answer::ServerSide(binary(r#"{"_placeholder":true,"num":0}"#))),
            answer(Answer::ClientCount(7)),
            answer(Answer::Ack(EventData::text("null"))),
        ] {
            assert_eq!(back(&message), message);
        }
    }

    #[test]
    fn what_may_be_missing_is_not_missed() {
        let found = decode(
            br#"{"uid":"emitter","type":3,"data":{"packet":{"type":2,"data":["a"]},"opts":{}}}"#,
            "/x",
        );
        let found = found.unwrap().unwrap();
        assert_eq!(found.namespace, "/x");
        assert_eq!(
            found.message,
            Message::Emit(Emit { event: EventData::text("[\"a\"]"), ..Emit::default() })
        );
        assert_eq!(decode(br#"{"uid":"a","type":99}"#, "/"), Ok(None));
    }

    #[test]
    fn garbage_is_an_error() {
        for body in [
            &b""[..],
            b"{",
            b"{}",
            b"\x80",
            b"\x81",
            br#"{"uid":"a","type":3}"#,
            br#"{"uid":"a","type":3,"data":{"packet":{"type":0,"data":["a"]}}}"#,
            br#"{"uid":"a","type":3,"data":{"packet":{"type":2,"data":[]}}}"#,
            br#"{"uid":"a","type":7,"data":{"opts":{}}}"#,
            br#"{"uid":"a","type":4,"data":5}"#,
        ] {
            assert!(decode(body, "/").is_err(), "{}", String::from_utf8_lossy(body));
        }
    }
}
