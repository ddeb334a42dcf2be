//! Names of rooms in messages.
//!
//! In Python a room may be a number. The core knows rooms by text, and a number `5` by the text
//! `"\0i5"` (`fanio._codec.room_names`); in messages it is a number again. A text that begins with NUL
//! has a mark in the core, which it has not in messages.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What stands before the digits of a number in the core's name for it.
const NUMBER: &str = "\0i";
/// What stands before a text that begins with NUL in the core's name for it.
const TEXT: &str = "\0s";

/// A room in a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Room(pub(super) String);

impl Serialize for Room {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.strip_prefix(NUMBER).and_then(|digits| digits.parse::<i64>().ok()) {
            Some(number) => serializer.serialize_i64(number),
            None => serializer.serialize_str(self.0.strip_prefix(TEXT).unwrap_or(&self.0)),
        }
    }
}

impl<'de> Deserialize<'de> for Room {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::String(text) if text.starts_with('\0') => {
                Ok(Self(format!("{TEXT}{text}")))
            }
            serde_json::Value::String(text) => Ok(Self(text)),
            serde_json::Value::Number(number) if number.is_i64() => {
                Ok(Self(format!("{NUMBER}{number}")))
            }
            _ => Err(D::Error::custom("expected a room: text or a whole number")),
        }
    }
}

pub(super) fn rooms(names: &[String]) -> Vec<Room> {
    names.iter().cloned().map(Room).collect()
}

pub(super) fn names(rooms: Vec<Room>) -> Vec<String> {
    rooms.into_iter().map(|room| room.0).collect()
}

/// No room, one, or several.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMany {
    One(Room),
    Many(Vec<Room>),
    #[default]
    None,
}

impl OneOrMany {
    pub(super) fn names(self) -> Vec<String> {
        match self {
            Self::None => Vec::new(),
            Self::One(room) => vec![room.0],
            Self::Many(rooms) => names(rooms),
        }
    }
}

impl Serialize for OneOrMany {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::None => serializer.serialize_none(),
            Self::One(room) => room.serialize(serializer),
            Self::Many(rooms) => rooms.serialize(serializer),
        }
    }
}

impl From<&[String]> for OneOrMany {
    fn from(names: &[String]) -> Self {
        match names {
            [] => Self::None,
            [one] => Self::One(Room(one.clone())),
            many => Self::Many(rooms(many)),
        }
    }
}
