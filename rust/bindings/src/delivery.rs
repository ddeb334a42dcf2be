//! Events of the shards as Python tuples, a batch at a time.
//!
//! Shards never attach to the interpreter: they put events into an outbox, and the asyncio loop
//! comes here for them. Names and shapes are in `_core.pyi`.

use std::net::SocketAddr;
use std::os::fd::IntoRawFd;

use net::{Data, Event, Handshake, Message, Peer};
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

/// Turns one event into its tuple; `None` when it concerns nobody any more.
///
/// `stopped` counts the shards that have said so: Python hears of it once.
pub(crate) fn to_tuple<'py>(
    py: Python<'py>,
    registry: &mut Registry,
    event: Event,
    stopped: &mut usize,
) -> PyResult<Option<Bound<'py, PyTuple>>> {
    match event {
        Event::Ack(data) => data_tuple(py, registry, ACK, data),
        Event::Admission { token, head, peer } => {
            let address = peer_address(&peer);
            (ADMISSION, token, PyBytes::new(py, &head), address, peer.secure).into_tuple(py)
        }
        Event::Connect { addr, sid, namespace, auth, handshake } => {
            if let Some(handshake) = handshake {
                open(registry, addr, *handshake);
            }
            let Some(session) = registry.connect(sid, addr, &namespace) else {
                return Ok(None);
            };
            let auth = PyBytes::new(py, auth.as_bytes());
            let name = PyString::intern(py, &namespace);
            (CONNECT, sid.as_str(), name, session.as_str(), auth).into_tuple(py)
        }
        Event::Closed { session, reason } => {
            registry.close(&session);
            let Some(reason) = reason else { return Ok(None) };
            (CLOSED, session.as_str(), reason.as_str()).into_tuple(py)
        }
        Event::Disconnect { sid, reason } => {
            let Some((namespace, session)) = registry.leaving(&sid) else {
                return Ok(None);
            };
            let name = PyString::intern(py, &namespace);
            (DISCONNECT, sid.as_str(), name, session.as_str(), reason.as_str()).into_tuple(py)
        }
        Event::Event(data) => data_tuple(py, registry, EVENT, data),
        Event::HandOff { fd, data, listener } => {
            (HANDOFF, fd.into_raw_fd(), PyBytes::new(py, &data), listener).into_tuple(py)
        }
        Event::Message { session, message } => {
            let data = match message {
                Message::Text(text) => PyString::new(py, &text).into_any(),
                Message::Binary(data) => PyBytes::new(py, &data).into_any(),
            };
            (MESSAGE, session.as_str(), data).into_tuple(py)
        }
        Event::Open { addr, handshake } => {
            let tuple = open_tuple(py, &handshake)?;
            open(registry, addr, *handshake);
            Ok(tuple)
        }
        Event::Upgraded { session } => {
            registry.set_transport(&session, transport_name(engine::Transport::WebSocket));
            Ok(None)
        }
        Event::Stopped => {
            *stopped += 1;
            Ok(None)
        }
    }
}

fn open(registry: &mut Registry, addr: Addr, handshake: Handshake) {
    let Handshake { session, head, peer, transport } = handshake;
    let transport = transport_name(transport);
    registry.open(session, addr, head, peer.addr, peer.secure, transport);
}

fn open_tuple<'py>(
    py: Python<'py>,
    handshake: &Handshake,
) -> PyResult<Option<Bound<'py, PyTuple>>> {
    let Handshake { session, head, peer, transport } = handshake;
    let (head, address) = (PyBytes::new(py, head), peer_address(peer));
    let transport = transport_name(*transport);
    (OPEN, session.as_str(), head, address, peer.secure, transport).into_tuple(py)
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

fn data_tuple<'py>(
    py: Python<'py>,
    registry: &Registry,
    kind: u8,
    data: Data,
) -> PyResult<Option<Bound<'py, PyTuple>>> {
    let Data { sid, id, json, attachments } = data;
    let Some(namespace) = namespace_of(registry, &sid) else {
        return Ok(None);
    };
    let name = PyString::intern(py, namespace);
    let body = PyBytes::new(py, json.as_bytes());
    let (blobs, places) = if attachments.is_empty() {
        (None, None)
    } else {
        // The shard has checked the placeholders already: it would have closed the session.
        let found = placeholders(&json, attachments.len() as u32).unwrap_or_default();
        let blobs = PyList::new(py, attachments.iter().map(|data| PyBytes::new(py, data)))?;
        (Some(blobs), Some(places(py, found)?))
    };
    if kind == EVENT {
        return (kind, sid.as_str(), name, body, id, blobs, places).into_tuple(py);
    }
    (kind, sid.as_str(), name, body, id.unwrap_or(0), blobs, places).into_tuple(py)
}

fn namespace_of<'r>(registry: &'r Registry, sid: &Id) -> Option<&'r str> {
    registry.namespace_of(sid).map(|name| &**name)
}

/// `[(path, num), ...]` with paths of keys and indexes.
fn places(py: Python<'_>, found: Vec<Placeholder>) -> PyResult<Bound<'_, PyList>> {
    let items = found.into_iter().map(|place| {
        let path = place.path.into_iter().map(|step| match step {
            Step::Index(index) => index.into_bound_py_any(py),
            Step::Key(key) => key.into_bound_py_any(py),
        });
        let path = path.collect::<PyResult<Vec<_>>>()?;
        Ok((PyList::new(py, path)?, place.num))
    });
    let items = items.collect::<PyResult<Vec<_>>>()?;
    PyList::new(py, items)
}

/// A Rust tuple as a Python one.
trait IntoTuple<'py> {
    fn into_tuple(self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyTuple>>>;
}

impl<'py, T: IntoPyObject<'py, Target = PyTuple, Output = Bound<'py, PyTuple>, Error = PyErr>>
    IntoTuple<'py> for T
{
    fn into_tuple(self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        self.into_pyobject(py).map(Some)
    }
}
