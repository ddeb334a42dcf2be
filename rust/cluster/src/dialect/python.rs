//! What python-socketio's managers say to each other: JSON objects on one channel.
//!
//! Source: `AsyncPubSubManager` of python-socketio 5.18 (messages since 5.14 are JSON). Requests
//! that ask all servers are unknown there; a message that python-socketio does not know is ignored
//! by it, so fanio's servers use the methods `fanio.*` among themselves.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::json::{raw, text};
use super::room::{OneOrMany, Room};
use crate::error::Error;
use crate::event::EventData;
use crate::message::{AckRequest, Emit, Envelope, Message, Selection};

/// Python's decoder takes text without its padding, too.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// One message, with the fields that its method has.
#[derive(Debug, Default, Deserialize, Serialize)]
struct Wire {
    method: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    event: Option<Box<RawValue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    data: Option<Box<RawValue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    binary: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    room: Option<OneOrMany>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    skip_sid: Option<OneOrMany>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    callback: Option<Box<RawValue>>,
    /// Of fanio's own: python-socketio has no such options, and its servers ignore the fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    volatile: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    compress: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sid: Option<Room>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    args: Option<Box<RawValue>>,
    /// Of fanio's own: the attachments of `args`, as base64. python-socketio cannot send such answers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<String>,
    #[serde(default)]
    host_id: Option<String>,
}

/// Writes a message of the node `from`.
///
/// # Errors
/// For what this dialect has no form for.
pub fn encode(from: &str, namespace: &str, message: &Message) -> Result<Bytes, Error> {
    let mut wire = match message {
        Message::Emit(emit) => encode_emit(namespace, emit)?,
        Message::Join { who, rooms } => encode_rooms("enter_room", who, rooms)?,
        Message::Leave { who, rooms } => encode_rooms("leave_room", who, rooms)?,
        Message::Disconnect { who, .. } => {
            Wire { method: "disconnect".to_owned(), sid: Some(one_client(who)?), ..Wire::default() }
        }
        Message::CloseRoom { room } => Wire {
            method: "close_room".to_owned(),
            room: Some(OneOrMany::One(Room(room.clone()))),
            ..Wire::default()
        },
        Message::Callback { to, room, id, arguments } => Wire {
            method: "callback".to_owned(),
            sid: Some(Room(room.clone())),
            id: Some(*id),
            args: Some(raw(arguments.json.clone())?),
            attachments: arguments.base64().collect(),
            host_id: Some(to.clone()),
            ..Wire::default()
        },
        _ => return Err(Error::NotInDialect("a request to all servers")),
    };
    wire.namespace = Some(namespace.to_owned());
    wire.host_id.get_or_insert_with(|| from.to_owned());
    Ok(text(&wire)?.into())
}

/// The one client that a message is about: this dialect knows no other choice.
fn one_client(who: &Selection) -> Result<Room, Error> {
    match (who.rooms.as_slice(), who.except.as_slice()) {
        ([sid], []) => Ok(Room(sid.clone())),
        _ => Err(Error::NotInDialect("a choice of several clients")),
    }
}

fn encode_rooms(method: &str, who: &Selection, rooms: &[String]) -> Result<Wire, Error> {
    let [room] = rooms else {
        return Err(Error::NotInDialect("a join of several rooms"));
    };
    let room = Some(OneOrMany::One(Room(room.clone())));
    Ok(Wire { method: method.to_owned(), sid: Some(one_client(who)?), room, ..Wire::default() })
}

fn encode_emit(namespace: &str, emit: &Emit) -> Result<Wire, Error> {
    let (event, arguments) = emit
        .event
        .split_event()
        .ok_or_else(|| Error::BadMessage("event: expected a name".to_owned()))?;
    let binary = !emit.event.attachments.is_empty();
    let data = if binary {
        let blobs: Vec<String> = emit.event.base64().map(|blob| format!(",\"{blob}\"")).collect();
        format!("[{arguments}{}]", blobs.concat())
    } else {
        arguments
    };
    let callback = match &emit.ack {
        None => "null".to_owned(),
        Some(AckRequest::Callback { room, id }) => text(&(Room(room.clone()), namespace, id))?,
        Some(AckRequest::Counted { .. }) => {
            return Err(Error::NotInDialect("an emit that counts its acknowledgements"));
        }
    };
    Ok(Wire {
        method: "emit".to_owned(),
        event: Some(raw(event.to_owned())?),
        data: Some(raw(data)?),
        binary: Some(binary),
        room: Some(emit.to.rooms.as_slice().into()),
        skip_sid: Some(emit.to.except.as_slice().into()),
        callback: Some(raw(callback)?),
        volatile: emit.volatile.then_some(true),
        compress: emit.compress,
        ..Wire::default()
    })
}

/// Reads a message; `None` for one that this dialect's servers ignore.
///
/// # Errors
/// When it is no message.
pub fn decode(body: &[u8]) -> Result<Option<Envelope>, Error> {
    let mut wire: Wire = serde_json::from_slice(body)?;
    // As python-socketio: what has no namespace reaches nobody.
    let Some(namespace) = wire.namespace.take() else {
        return Ok(None);
    };
    let from = wire.host_id.take().unwrap_or_default();
    let message = match wire.method.as_str() {
        // No room is everybody, but a list of no rooms is nobody.
        "emit" if wire.room == Some(OneOrMany::Many(Vec::new())) => return Ok(None),
        "emit" => Message::Emit(decode_emit(wire)?),
        "enter_room" => {
            let (who, rooms) = decode_rooms(wire)?;
            Message::Join { who, rooms }
        }
        "leave_room" => {
            let (who, rooms) = decode_rooms(wire)?;
            Message::Leave { who, rooms }
        }
        "disconnect" => Message::Disconnect { who: client(wire.sid)?, close: false },
        "close_room" => Message::CloseRoom { room: one_room(wire.room)? },
        "callback" => decode_callback(wire, &from)?,
        _ => return Ok(None),
    };
    Ok(Some(Envelope { from, namespace, message }))
}

fn missing(field: &str) -> Error {
    Error::BadMessage(format!("expected {field}"))
}

fn client(sid: Option<Room>) -> Result<Selection, Error> {
    let sid = sid.ok_or_else(|| missing("a sid"))?;
    Ok(Selection { rooms: vec![sid.0], except: Vec::new() })
}

fn one_room(room: Option<OneOrMany>) -> Result<String, Error> {
    match room {
        Some(OneOrMany::One(room)) => Ok(room.0),
        _ => Err(missing("one room")),
    }
}

fn decode_rooms(wire: Wire) -> Result<(Selection, Vec<String>), Error> {
    Ok((client(wire.sid)?, vec![one_room(wire.room)?]))
}

fn decode_callback(wire: Wire, to: &str) -> Result<Message, Error> {
    let room = wire.sid.ok_or_else(|| missing("a sid"))?.0;
    let id = wire.id.ok_or_else(|| missing("an id"))?;
    let json = wire.args.ok_or_else(|| missing("args"))?.get().to_owned();
    let arguments = EventData { json, attachments: bytes_of(&wire.attachments)? };
    arguments.check()?;
    Ok(Message::Callback { to: to.to_owned(), room, id, arguments })
}

fn decode_emit(wire: Wire) -> Result<Emit, Error> {
    let event = wire.event.ok_or_else(|| missing("an event"))?;
    let data = wire.data.ok_or_else(|| missing("data"))?;
    if !event.get().starts_with('"') {
        return Err(missing("an event whose name is text"));
    }
    let (arguments, attachments) = match wire.binary {
        Some(true) => split_binary(data.get())?,
        _ => (data.get().to_owned(), Vec::new()),
    };
    let event = EventData::join_event(event.get(), &as_arguments(&arguments), attachments);
    let event = event.ok_or_else(|| missing("data that is a list"))?;
    event.check()?;
    Ok(Emit {
        event,
        to: Selection {
            rooms: wire.room.unwrap_or_default().names(),
            except: wire.skip_sid.unwrap_or_default().names(),
        },
        volatile: wire.volatile.unwrap_or_default(),
        compress: wire.compress,
        ack: wire.callback.and_then(|callback| callback_of(&callback)),
    })
}

/// What is no list is the only argument, and a list of nothing but null no argument.
fn as_arguments(data: &str) -> String {
    let data = data.trim();
    if !data.starts_with('[') {
        return format!("[{data}]");
    }
    let inner = data.trim_start_matches('[').trim_end_matches(']').trim();
    if data.len() - inner.len() >= 2 && inner == "null" && data.matches('[').count() == 1 {
        return "[]".to_owned();
    }
    data.to_owned()
}

/// A list of the arguments, with placeholders, and then the attachments as base64.
fn split_binary(data: &str) -> Result<(String, Vec<Bytes>), Error> {
    let parts: Vec<Box<RawValue>> = serde_json::from_str(data)?;
    let (arguments, blobs) = parts.split_first().ok_or_else(|| missing("binary data"))?;
    let blobs = blobs.iter().map(|blob| serde_json::from_str::<String>(blob.get()));
    let blobs = blobs.collect::<Result<Vec<_>, _>>()?;
    Ok((arguments.get().to_owned(), bytes_of(&blobs)?))
}

fn bytes_of(blobs: &[String]) -> Result<Vec<Bytes>, Error> {
    let decoded = blobs.iter().map(|blob| BASE64.decode(blob).map(Bytes::from));
    decoded.collect::<Result<_, _>>().map_err(|_| missing("attachments in base64"))
}

/// Where an answer goes; what is no list of three is no callback, as in python-socketio.
fn callback_of(callback: &RawValue) -> Option<AckRequest> {
    let (room, _, id): (Room, String, u64) = serde_json::from_str(callback.get()).ok()?;
    Some(AckRequest::Callback { room: room.0, id })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn back(message: &Message) -> Message {
        let body = encode("me", "/chat", message).unwrap();
        let envelope = decode(&body).unwrap().unwrap();
        assert_eq!(envelope.namespace, "/chat");
        envelope.message
    }

    fn emit(json: &str) -> Emit {
        Emit { event: EventData::text(json), ..Emit::default() }
    }

    #[test]
    fn an_emit_looks_like_python_socketios() {
        let message = Message::Emit(Emit {
            to: Selection { rooms: vec!["room".into()], except: vec!["sid".into()] },
            ack: Some(AckRequest::Callback { room: "room".into(), id: 7 }),
            ..emit(r#"["news",{"a":1}]"#)
        });
        let body = encode("me", "/", &message).unwrap();
        let found: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let expected = serde_json::json!({
            "method": "emit", "event": "news", "data": [{"a": 1}], "binary": false, "namespace": "/",
            "room": "room", "skip_sid": "sid", "callback": ["room", "/", 7], "host_id": "me",
        });
        assert_eq!(found, expected);
    }

    #[test]
    fn every_message_comes_back() {
        let who = Selection { rooms: vec!["sid".into()], except: Vec::new() };
        for message in [
            Message::Emit(emit(r#"["a"]"#)),
            Message::Emit(Emit {
                to: Selection { rooms: vec!["\0i5".into(), "b".into()], except: vec![] },
                ..emit(r#"["a",1,2]"#)
            }),
            Message::Emit(Emit { volatile: true, compress: Some(false), ..emit(r#"["a"]"#) }),
            Message::Join { who: who.clone(), rooms: vec!["r".into()] },
            Message::Leave { who: who.clone(), rooms: vec!["\0i-3".into()] },
            Message::Disconnect { who, close: false },
            Message::CloseRoom { room: "r".into() },
            Message::Callback {
                to: "you".into(),
                room: "r".into(),
                id: 3,
                arguments: EventData::text("[1,null]"),
            },
        ] {
            assert_eq!(back(&message), message);
        }
    }

    #[test]
    fn attachments_travel_as_base64() {
        let event = EventData {
            json: r#"["a",{"_placeholder":true,"num":0},1]"#.into(),
            attachments: vec![Bytes::from_static(b"\0\xff")],
        };
        let (to, room, id) = ("you".to_owned(), "r".to_owned(), 3);
        let answer = Message::Callback { to, room, id, arguments: event.clone() };
        assert_eq!(back(&answer), answer);
        let message = Message::Emit(Emit { event, ..Emit::default() });
        assert_eq!(back(&message), message);
    }

    #[test]
    fn what_python_socketio_tolerates_is_taken() {
        let event = |data: &str| {
            let body = format!(r#"{{"method":"emit","event":"e","data":{data},"namespace":"/"}}"#);
            let Message::Emit(emit) = decode(body.as_bytes()).unwrap().unwrap().message else {
                panic!()
            };
            emit.event.json
        };
        assert_eq!(event("5"), r#"["e",5]"#);
        assert_eq!(event("[null]"), r#"["e"]"#);
        assert_eq!(event("[]"), r#"["e"]"#);
        assert_eq!(event("[null,1]"), r#"["e",null,1]"#);
        assert_eq!(event("[[null]]"), r#"["e",[null]]"#);
        assert_eq!(event(r#"{"a":"\ud800"}"#), r#"["e",{"a":"\ud800"}]"#);
        assert_eq!(decode(br#"{"method":"emit","event":"e","data":[]}"#), Ok(None), "no namespace");
        assert_eq!(decode(br#"{"method":"later","namespace":"/"}"#), Ok(None));
        let nobody = br#"{"method":"emit","event":"e","data":[],"namespace":"/","room":[]}"#;
        assert_eq!(decode(nobody), Ok(None));
    }

    #[test]
    fn garbage_is_an_error() {
        for body in [
            &b""[..],
            b"[]",
            b"5",
            b"\x80\x04",
            br#"{"method":"emit","namespace":"/"}"#,
            br#"{"method":"emit","namespace":"/","event":5,"data":[]}"#,
            br#"{"method":"emit","namespace":"/","event":"e","data":[["x"],"!"],"binary":true}"#,
            br#"{"method":"emit","namespace":"/","event":"e","data":[["x"],"AA=="],"binary":true}"#,
            br#"{"method":"disconnect","namespace":"/"}"#,
            br#"{"method":"close_room","namespace":"/","room":["a","b"]}"#,
        ] {
            assert!(decode(body).is_err(), "{}", String::from_utf8_lossy(body));
        }
    }
}
