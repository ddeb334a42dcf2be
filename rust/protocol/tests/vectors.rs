//! Checks the decoders against the wire vectors in `tests/vectors`, which the Python tests read too.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use protocol::websocket::Decoder;
use protocol::{engineio, msgpack, socketio};
use serde_json::{Value, json};

fn check(text: &str, decode: impl Fn(&Value) -> Result<Value, String>) {
    let vectors: Vec<Value> = serde_json::from_str(text).unwrap();
    assert!(!vectors.is_empty());
    for vector in vectors {
        let expected = match vector.get("error") {
            Some(error) => Err(error.as_str().unwrap().to_owned()),
            None => Ok(vector["output"].clone()),
        };
        assert_eq!(decode(&vector), expected, "{}", vector["name"]);
    }
}

#[test]
fn engineio_packets_match_the_vectors() {
    check(include_str!("../../../tests/vectors/engineio.json"), |vector| {
        let packet = engineio::Packet::decode(vector["input"].as_str().unwrap());
        packet.map(|packet| json!(format!("{packet:?}"))).map_err(|error| format!("{error:?}"))
    });
}

#[test]
fn socketio_packets_match_the_vectors() {
    check(include_str!("../../../tests/vectors/socketio.json"), |vector| {
        let packet = socketio::Packet::decode(vector["input"].as_str().unwrap(), 10);
        let packet = packet.map_err(|error| format!("{error:?}"))?;
        let mut value =
            json!({"type": packet.kind as u8, "namespace": packet.namespace, "data": packet.data});
        if let Some(id) = packet.id {
            value["id"] = json!(id);
        }
        if packet.attachments > 0 {
            value["attachments"] = json!(packet.attachments);
        }
        Ok(value)
    });
}

#[test]
fn msgpack_packets_match_the_vectors() {
    check(include_str!("../../../tests/vectors/msgpack.json"), |vector| {
        let input = bytes(&vector["input"]);
        let packet = msgpack::Packet::decode(&input).map_err(|error| format!("{error:?}"))?;
        assert_eq!(packet.data, bytes(&vector["output"]["data"]), "{}", vector["name"]);
        let mut value = json!({
            "type": packet.kind as u8,
            "namespace": packet.namespace,
            "data": vector["output"]["data"],
        });
        if let Some(id) = packet.id {
            value["id"] = json!(id);
        }
        let mut out = Vec::new();
        packet.encode(&mut out);
        assert_eq!(msgpack::Packet::decode(&out), Ok(packet), "{}", vector["name"]);
        Ok(value)
    });
}

/// Decodes hexadecimal digits.
fn bytes(hex: &Value) -> Vec<u8> {
    let hex = hex.as_str().unwrap();
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(byte).collect()
}

#[test]
fn websocket_frames_match_the_vectors() {
    check(include_str!("../../../tests/vectors/websocket.json"), |vector| {
        let mut bytes = bytes(&vector["input"]);
        let mut decoder =
            if vector["from"] == "client" { Decoder::server() } else { Decoder::client() };
        match decoder.decode(&mut bytes, 1 << 20) {
            Ok((_, message)) => Ok(json!(format!("{:?}", message.unwrap()))),
            Err(error) => Err(format!("{error:?}")),
        }
    });
}
