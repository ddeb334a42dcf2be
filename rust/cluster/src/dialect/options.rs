//! What Node's messages say of an emit's packet and of who gets it.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::json::raw;
use super::room::{Room, names, rooms};
use crate::error::Error;
use crate::event::EventData;
use crate::message::{Emit, Selection};

/// A packet: of an event, `data` is the array of name and arguments.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Packet {
    #[serde(rename = "type")]
    kind: u8,
    data: Box<RawValue>,
    /// The namespace; the family of `ClusterAdapter` leaves it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) nsp: Option<String>,
}

/// The type of an event's packet, with and without attachments: in messages both occur.
const EVENT: u8 = 2;
const BINARY_EVENT: u8 = 5;

impl Packet {
    pub(super) fn of(event: &EventData, namespace: Option<&str>) -> Result<Self, Error> {
        let data = raw(event.json.clone())?;
        Ok(Self { kind: EVENT, data, nsp: namespace.map(str::to_owned) })
    }

    /// The event, with the attachments that came with the message.
    pub(super) fn event(&self, attachments: Vec<bytes::Bytes>) -> Result<EventData, Error> {
        if !matches!(self.kind, EVENT | BINARY_EVENT) {
            return Err(Error::BadMessage("packet: expected an event".to_owned()));
        }
        let event = EventData { json: self.data.get().to_owned(), attachments };
        event.check()?;
        if event.split_event().is_none() {
            return Err(Error::BadMessage("packet: expected an event with a name".to_owned()));
        }
        Ok(event)
    }
}

/// Who gets it, and how. Anything may be missing.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(super) struct Options {
    #[serde(default)]
    rooms: Vec<Room>,
    #[serde(default)]
    except: Vec<Room>,
    #[serde(default)]
    flags: Option<Flags>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub(super) struct Flags {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    volatile: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    compress: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timeout: Option<f64>,
}

impl Options {
    pub(super) fn of_selection(who: &Selection) -> Self {
        Self { rooms: rooms(&who.rooms), except: rooms(&who.except), flags: Some(Flags::default()) }
    }

    pub(super) fn of_emit(emit: &Emit) -> Self {
        let volatile = emit.volatile.then_some(true);
        let flags = Flags { volatile, compress: emit.compress, timeout: None };
        Self { flags: Some(flags), ..Self::of_selection(&emit.to) }
    }

    pub(super) fn selection(self) -> Selection {
        Selection { rooms: names(self.rooms), except: names(self.except) }
    }

    /// An emit of this event.
    pub(super) fn emit(self, event: EventData) -> Emit {
        let flags = self.flags.unwrap_or_default();
        let (volatile, compress) = (flags.volatile.unwrap_or_default(), flags.compress);
        Emit { event, to: self.selection(), volatile, compress, ack: None }
    }
}
