//! Events of the shards as Python tuples, a batch at a time.
//!
//! Shards never attach to the interpreter: they put events into an outbox, and the asyncio loop
//! comes here for them. Names and shapes are in `_core.pyi`.

use std::net::SocketAddr;
use std::os::fd::{IntoRawFd, OwnedFd, RawFd};
use std::sync::Arc;

use engine::{Parser, Reason};
use net::{Answered, Data, Event, Handshake, Message, Peer};
use protocol::Id;
use protocol::json::{Placeholder, Step, placeholders};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString, PyTuple};
use rooms::{Addr, Registry};

pub(crate) const CONNECT: u8 = 0;
pub(crate) const EVENT: u8 = 1;
pub(crate) const ACK: u8 = 2;
pub(crate) const DISCONNECT: u8 = 3;
pub(crate) const HANDOFF: u8 = 4;
pub(crate) const ADMISSION: u8 = 5;
pub(crate) const STOPPED: u8 = 6;
pub(crate) const OPEN: u8 = 7;
pub(crate) const MESSAGE: u8 = 8;
pub(crate) const CLOSED: u8 = 9;
pub(crate) const REFUSED: u8 = 10;
pub(crate) const ANSWERED: u8 = 11;
pub(crate) const ENDED: u8 = 12;
pub(crate) const LENT: u8 = 13;

/// A larger event is left to the program to decode, which weighs its bytes (`handling/tasks.py`).
const LIGHT: usize = 4096;

/// An event with what the registry knows about it: all that its tuple needs.
pub(crate) enum Notice {
    Admission { token: u64, session: Id, handshake: bool, head: Box<[u8]>, peer: Peer },
    Answered(Box<Answered>),
    Closed { session: Id, reason: Reason },
    Connect { sid: Id, namespace: Arc<str>, session: Id, auth: Box<[u8]> },
    Data { kind: u8, namespace: Arc<str>, data: Data },
    Disconnect { sid: Id, namespace: Arc<str>, session: Id, reason: Reason },
    Ended,
    HandOff { fd: OwnedFd, data: Vec<u8>, listener: u32 },
    Lent { shard: u16, fd: RawFd },
    Message { session: Id, message: Message },
    Open { session: Id, head: Box<[u8]>, peer: Peer, transport: &'static str },
    Refused { head: Box<[u8]>, peer: Peer, code: u8, message: String },
    Stopped,
}

/// Notes an event in the registry; `None` when it concerns nobody any more.
///
/// Apart from the making of tuples, because that may run the program's code (a collection of
/// garbage does), which must not find the registry locked.
///
/// A program that reads the packets itself may have one of a socket's before it when its end is
/// taken here: then `leaving` is its to call (`receive_end`).
pub(crate) fn notice(registry: &mut Registry, event: Event, parser: Parser) -> Option<Notice> {
    match event {
        Event::Ack(data) => data_notice(registry, ACK, data),
        Event::Admission { token, session, handshake, head, peer } => {
            Some(Notice::Admission { token, session, handshake, head, peer })
        }
        Event::Answered(answered) => Some(Notice::Answered(answered)),
        Event::Closed { session, reason } => {
            registry.close(&session);
            Some(Notice::Closed { session, reason: reason? })
        }
        Event::Connect { addr, sid, namespace, auth, handshake } => {
            if let Some(handshake) = handshake {
                open(registry, addr, *handshake);
            }
            let session = registry.connect(sid, addr, &namespace)?;
            Some(Notice::Connect { sid, namespace, session, auth })
        }
        Event::Disconnect { sid, reason } => {
            let (namespace, session) = match parser {
                Parser::Program => {
                    (registry.namespace_of(&sid)?.clone(), registry.session_of(&sid)?)
                }
                _ => registry.leaving(&sid)?,
            };
            Some(Notice::Disconnect { sid, namespace, session, reason })
        }
        Event::Ended => Some(Notice::Ended),
        Event::Event(data) => data_notice(registry, EVENT, data),
        Event::HandOff { fd, data, listener } => Some(Notice::HandOff { fd, data, listener }),
        Event::Lent { shard, fd } => Some(Notice::Lent { shard, fd }),
        Event::Message { session, message } => Some(Notice::Message { session, message }),
        Event::Open { addr, handshake } => {
            let (head, peer) = (handshake.head.clone(), handshake.peer.clone());
            let (session, transport) = (handshake.session, transport_name(handshake.transport));
            open(registry, addr, *handshake);
            Some(Notice::Open { session, head, peer, transport })
        }
        Event::Refused { head, peer, code, message } => {
            Some(Notice::Refused { head, peer, code, message })
        }
        Event::Stopped => Some(Notice::Stopped),
        Event::Upgraded { session } => {
            registry.set_transport(&session, transport_name(engine::Transport::WebSocket));
            None
        }
    }
}

fn open(registry: &mut Registry, addr: Addr, handshake: Handshake) {
    let Handshake { session, head, peer, transport } = handshake;
    let transport = transport_name(transport);
    registry.open(session, addr, &head, peer.addr, peer.secure, transport);
}

fn data_notice(registry: &Registry, kind: u8, data: Data) -> Option<Notice> {
    let namespace = Arc::clone(registry.namespace_of(&data.sid)?);
    Some(Notice::Data { kind, namespace, data })
}

/// Makes the tuples of one batch.
pub(crate) struct Tuples<'py, 'a> {
    py: Python<'py>,
    /// Decodes JSON text; what it refuses is left to Python.
    loads: Option<&'a Py<PyAny>>,
    /// The namespace of the last event: most events of a batch share one.
    namespace: Option<(Arc<str>, Bound<'py, PyString>)>,
}

impl<'py, 'a> Tuples<'py, 'a> {
    pub(crate) fn new(py: Python<'py>, loads: Option<&'a Py<PyAny>>) -> Self {
        Self { py, loads, namespace: None }
    }

    pub(crate) fn make(&mut self, notice: Notice) -> PyResult<Bound<'py, PyTuple>> {
        let py = self.py;
        match notice {
            Notice::Admission { token, session, handshake, head, peer } => {
                let (head, address) = (PyBytes::new(py, &head), peer_address(&peer));
                let session = session.as_str();
                (ADMISSION, token, session, handshake, head, address, peer.secure).into_pyobject(py)
            }
            Notice::Answered(answered) => {
                let Answered { head, peer, status, websocket, .. } = &*answered;
                let (head, address) = (PyBytes::new(py, head), peer_address(peer));
                (ANSWERED, head, address, peer.secure, *status, *websocket).into_pyobject(py)
            }
            Notice::Closed { session, reason } => {
                (CLOSED, session.as_str(), reason.as_str()).into_pyobject(py)
            }
            Notice::Connect { sid, namespace, session, auth } => {
                let auth = PyBytes::new(py, &auth);
                let name = self.name(namespace);
                (CONNECT, sid.as_str(), name, session.as_str(), auth).into_pyobject(py)
            }
            Notice::Data { kind, namespace, data } => self.data(kind, namespace, data),
            Notice::Disconnect { sid, namespace, session, reason } => {
                let name = self.name(namespace);
                (DISCONNECT, sid.as_str(), name, session.as_str(), reason.as_str())
                    .into_pyobject(py)
            }
            Notice::Ended => PyTuple::new(py, [ENDED]),
            Notice::HandOff { fd, data, listener } => {
                (HANDOFF, fd.into_raw_fd(), PyBytes::new(py, &data), listener).into_pyobject(py)
            }
            Notice::Lent { shard, fd } => (LENT, shard, fd).into_pyobject(py),
            Notice::Message { session, message } => {
                let data = match message {
                    Message::Text(text) => PyString::new(py, &text).into_any(),
                    Message::Binary(data) => PyBytes::new(py, &data).into_any(),
                };
                (MESSAGE, session.as_str(), data).into_pyobject(py)
            }
            Notice::Open { session, head, peer, transport } => {
                let (head, address) = (PyBytes::new(py, &head), peer_address(&peer));
                (OPEN, session.as_str(), head, address, peer.secure, transport).into_pyobject(py)
            }
            Notice::Refused { head, peer, code, message } => {
                let (head, address) = (PyBytes::new(py, &head), peer_address(&peer));
                (REFUSED, head, address, peer.secure, code, message).into_pyobject(py)
            }
            Notice::Stopped => PyTuple::new(py, [STOPPED]),
        }
    }

    fn name(&mut self, namespace: Arc<str>) -> Bound<'py, PyString> {
        match &self.namespace {
            Some((known, name)) if Arc::ptr_eq(known, &namespace) => name.clone(),
            _ => {
                let name = PyString::new(self.py, &namespace);
                self.namespace = Some((namespace, name.clone()));
                name
            }
        }
    }

    fn data(&mut self, kind: u8, namespace: Arc<str>, data: Data) -> PyResult<Bound<'py, PyTuple>> {
        let py = self.py;
        let Data { sid, id, body, attachments } = data;
        let name = self.name(namespace);
        let (sid, id) = (sid.as_str(), id.or((kind == ACK).then_some(0)));
        let bytes = PyBytes::new(py, &body);
        if attachments.is_empty() {
            let args = self.decode(&bytes).unwrap_or_else(|| bytes.into_any());
            return (kind, sid, name, args, id, py.None(), py.None()).into_pyobject(py);
        }
        let (blobs, places) = self::attachments(py, &body, &attachments)?;
        (kind, sid, name, bytes, id, blobs, places).into_pyobject(py)
    }

    /// The arguments as a list, when the fast decoder takes the text as the standard one would.
    fn decode(&self, body: &Bound<'py, PyBytes>) -> Option<Bound<'py, PyAny>> {
        let loads = self.loads?;
        if body.as_bytes().len() > LIGHT || has_big_integer(body.as_bytes()) {
            return None;
        }
        let args = loads.bind(self.py).call1((body,)).ok()?;
        args.is_instance_of::<PyList>().then_some(args)
    }
}

/// Whether the text may hold an integer of more than 64 bits, which orjson reads as a float.
fn has_big_integer(text: &[u8]) -> bool {
    let mut digits = 0;
    text.iter().any(|byte| {
        digits = if byte.is_ascii_digit() { digits + 1 } else { 0 };
        digits == 19
    })
}

pub(crate) fn transport_name(transport: engine::Transport) -> &'static str {
    match transport {
        engine::Transport::Polling => "polling",
        engine::Transport::WebSocket => "websocket",
    }
}

/// The peer's address as Python shows it.
pub(crate) fn peer_address(peer: &Peer) -> Option<(String, u16)> {
    peer.addr.as_ref().map(address_pair)
}

pub(crate) fn address_pair(addr: &SocketAddr) -> (String, u16) {
    (addr.ip().to_canonical().to_string(), addr.port())
}

/// The attachments of a packet and their places in its data.
///
/// The placeholders have been checked already: the session would have been closed.
pub(crate) fn attachments<'py>(
    py: Python<'py>,
    body: &[u8],
    attachments: &[Vec<u8>],
) -> PyResult<(Bound<'py, PyList>, Bound<'py, PyList>)> {
    let json = std::str::from_utf8(body).unwrap_or_default();
    let found = placeholders(json, attachments.len() as u32).unwrap_or_default();
    let blobs = PyList::new(py, attachments.iter().map(|data| PyBytes::new(py, data)))?;
    Ok((blobs, places(py, found)?))
}

/// `[(path, num), ...]` with paths of keys and indexes.
fn places(py: Python<'_>, found: Vec<Placeholder>) -> PyResult<Bound<'_, PyList>> {
    let mut keys = Keys::default();
    let items = found.into_iter().map(|place| {
        let path = place.path.into_iter().enumerate().map(|(depth, step)| match step {
            Step::Index(index) => index.into_bound_py_any(py),
            Step::Key(key) => Ok(keys.object(py, depth, key).into_any()),
        });
        let path = path.collect::<PyResult<Vec<_>>>()?;
        Ok((PyList::new(py, path)?, place.num))
    });
    let items = items.collect::<PyResult<Vec<_>>>()?;
    PyList::new(py, items)
}

/// The key of each depth: a long one above many placeholders is made once.
#[derive(Default)]
struct Keys<'py>(Vec<Option<(Arc<str>, Bound<'py, PyString>)>>);

impl<'py> Keys<'py> {
    fn object(&mut self, py: Python<'py>, depth: usize, key: Arc<str>) -> Bound<'py, PyString> {
        if self.0.len() <= depth {
            self.0.resize_with(depth + 1, || None);
        }
        let slot = &mut self.0[depth];
        let known = slot.take().filter(|(text, _)| Arc::ptr_eq(text, &key));
        let (_, object) = slot.insert(known.unwrap_or_else(|| {
            let object = PyString::new(py, &key);
            (key, object)
        }));
        object.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_past_64_bits_are_noticed() {
        for (text, big) in [
            ("[1234567890123456789]", true),
            ("[123456789012345678]", false),
            (r#"["123456789012345678",1]"#, false),
            ("", false),
        ] {
            assert_eq!(has_big_integer(text.as_bytes()), big, "{text}");
        }
    }
}
