//! Which dialect a node speaks, over which channels.

use std::collections::BTreeMap;

pub(super) use crate::dialect::classic::Asked;
use crate::dialect::{Publication, classic, envelope, python};
use crate::error::Error;
use crate::message::{Envelope, Message};

/// A bus and its dialect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bus {
    /// python-socketio's managers: one channel for everything.
    Python {
        /// The channel; `"socketio"` by default.
        channel: String,
    },
    /// `@socket.io/redis-adapter`.
    Classic {
        /// What channels begin with; `"socket.io"` by default.
        prefix: String,
    },
    /// The sharded adapter for Redis 7.
    Sharded {
        /// What channels begin with; `"socket.io"` by default.
        prefix: String,
    },
    /// `@socket.io/postgres-adapter`: a channel for each namespace, and heartbeats.
    Postgres {
        /// What channels begin with; `"socket.io"` by default.
        prefix: String,
    },
}

/// Channels to hear.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Channels {
    /// These.
    pub exact: Vec<String>,
    /// And all that begin with this.
    pub prefix: Option<String>,
}

/// The dialect of one node.
#[derive(Debug)]
pub(super) struct Speech {
    bus: Bus,
    name: String,
    /// The channels of each namespace that is served.
    namespaces: BTreeMap<String, classic::Channels>,
}

/// Rooms with names of so many characters are taken for sids: they have no channel of their own.
const SID_LENGTH: usize = 20;

impl Speech {
    pub(super) fn new(bus: Bus, name: &str) -> Self {
        Self { bus, name: name.to_owned(), namespaces: BTreeMap::new() }
    }

    /// What a node hears whatever it serves.
    pub(super) fn first_channels(&self) -> Channels {
        match &self.bus {
            Bus::Python { channel } => Channels { exact: vec![channel.clone()], prefix: None },
            _ => Channels::default(),
        }
    }

    pub(super) fn is_pythons(&self) -> bool {
        matches!(self.bus, Bus::Python { .. })
    }

    pub(super) fn has_heartbeats(&self) -> bool {
        matches!(self.bus, Bus::Postgres { .. })
    }

    pub(super) fn namespaces(&self) -> Vec<String> {
        self.namespaces.keys().cloned().collect()
    }

    fn prefix(&self) -> &str {
        match &self.bus {
            Bus::Python { channel } => channel,
            Bus::Classic { prefix } | Bus::Sharded { prefix } | Bus::Postgres { prefix } => prefix,
        }
    }

    /// The channels of a namespace; nothing when it is served already.
    pub(super) fn open(&mut self, namespace: &str) -> Channels {
        if self.namespaces.contains_key(namespace) {
            return Channels::default();
        }
        let channels = classic::Channels::new(self.prefix(), namespace, &self.name);
        let heard = self.heard(namespace, &channels);
        self.namespaces.insert(namespace.to_owned(), channels);
        heard
    }

    fn heard(&self, namespace: &str, channels: &classic::Channels) -> Channels {
        match &self.bus {
            Bus::Python { .. } => Channels::default(),
            Bus::Classic { .. } => {
                let classic::Channels { events, requests, answers, own_answers } = channels.clone();
                Channels { exact: vec![requests, answers, own_answers], prefix: Some(events) }
            }
            Bus::Sharded { .. } => {
                let own = self.own_channel(namespace, &self.name);
                Channels { exact: vec![channels.events.clone(), own], prefix: None }
            }
            Bus::Postgres { prefix } => {
                Channels { exact: vec![format!("{prefix}#{namespace}")], prefix: None }
            }
        }
    }

    /// Where the sharded adapter answers a node.
    fn own_channel(&self, namespace: &str, node: &str) -> String {
        format!("{}#{namespace}#{node}#", self.prefix())
    }

    /// The channel of a room, where rooms have one.
    pub(super) fn room_channel(&self, namespace: &str, room: &str) -> Option<String> {
        let is_own = matches!(self.bus, Bus::Sharded { .. }) && room.chars().count() != SID_LENGTH;
        is_own.then(|| self.own_channel(namespace, classic::shown(room)))
    }

    /// The channel whose listeners are the nodes of a namespace.
    pub(super) fn count_channel(&self, namespace: &str) -> String {
        let channels = classic::Channels::new(self.prefix(), namespace, &self.name);
        match self.bus {
            Bus::Classic { .. } => channels.requests,
            Bus::Python { ref channel } => channel.clone(),
            _ => channels.events,
        }
    }

    pub(super) fn encode(&self, namespace: &str, message: &Message) -> Result<Publication, Error> {
        match &self.bus {
            Bus::Python { channel } => {
                let body = python::encode(&self.name, namespace, message)?;
                Ok(Publication { channel: channel.clone(), body })
            }
            Bus::Classic { prefix } => {
                let channels = classic::Channels::new(prefix, namespace, &self.name);
                classic::encode(&channels, &self.name, namespace, message)
            }
            Bus::Sharded { .. } => self.encode_sharded(namespace, message),
            Bus::Postgres { prefix } => {
                let body = self.envelope(namespace, message)?;
                Ok(Publication { channel: format!("{prefix}#{namespace}"), body })
            }
        }
    }

    fn envelope(&self, namespace: &str, message: &Message) -> Result<bytes::Bytes, Error> {
        let data = envelope::encode(&self.name, namespace, message)?;
        let is_text = data.attachments.is_empty();
        Ok(if is_text { data.json.into() } else { data.to_msgpack()?.into() })
    }

    fn encode_sharded(&self, namespace: &str, message: &Message) -> Result<Publication, Error> {
        let channel = match message {
            Message::Emit(emit) if emit.ack.is_none() => match emit.to.rooms.as_slice() {
                [room] => self.room_channel(namespace, room),
                _ => None,
            },
            Message::Answer { to, .. } => Some(self.own_channel(namespace, to)),
            _ => None,
        };
        let channel = channel.unwrap_or_else(|| format!("{}#{namespace}#", self.prefix()));
        Ok(Publication { channel, body: self.envelope(namespace, message)? })
    }

    /// Reads what came from a channel; `None` for what is not for this node.
    pub(super) fn decode(
        &self,
        channel: &str,
        body: &[u8],
        asked: impl Fn(&str) -> Option<Asked>,
    ) -> Result<Option<Envelope>, Error> {
        match &self.bus {
            Bus::Python { .. } => python::decode(body),
            Bus::Classic { .. } => match self.namespace_of(channel) {
                Some((namespace, channels)) => {
                    classic::decode(channels, namespace, channel, body, asked)
                }
                None => Ok(None),
            },
            Bus::Sharded { .. } => {
                let namespace = self.namespace_of(channel).map_or("/", |(namespace, _)| namespace);
                envelope::decode(body, namespace)
            }
            Bus::Postgres { prefix } => {
                let namespace =
                    channel.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('#'));
                envelope::decode(body, namespace.unwrap_or("/"))
            }
        }
    }

    /// The namespace that a channel belongs to. A namespace may hold `#`, so the longest fits.
    fn namespace_of(&self, channel: &str) -> Option<(&str, &classic::Channels)> {
        let fits = |channels: &classic::Channels| {
            let classic::Channels { events, requests, answers, .. } = channels;
            [events, requests, answers].iter().any(|own| channel.starts_with(own.as_str()))
        };
        let fitting = self.namespaces.iter().filter(|(_, channels)| fits(channels));
        let longest = fitting.max_by_key(|(namespace, _)| namespace.len());
        longest.map(|(namespace, channels)| (namespace.as_str(), channels))
    }
}
