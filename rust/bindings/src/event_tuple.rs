//! Converts the server's events into Python tuples.
//!
//! This runs on the event loop's thread, in `Server.drain()`. The threads of the shards never attach
//! to the interpreter. The shapes of the tuples are documented in `_core.pyi`.

use std::net::SocketAddr;
use std::os::fd::IntoRawFd;
use std::sync::Arc;

use engine::Reason;
use net::{Answered, Data, Message, Peer, TooLarge};
use protocol::integer::has_big_integer;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString, PyTuple};
use router::Inbound;

use crate::attachments;
use crate::event_kind::{
    ACK, ADMISSION, ANSWERED, CLOSED, CONNECT, DISCONNECT, DRAINED, EARLY_EVENT, ENDED, EVENT,
    HANDOFF, INLINE, MESSAGE, OPEN, REFUSED, SLOW, STOPPED, TOO_LARGE,
};

/// Events up to this many bytes are decoded here. Python decodes larger ones later, because it limits
/// the bytes of the events that wait for a handler (`_tasks/tasks.py`).
const MAX_DECODED_HERE: usize = 4096;

/// Makes the tuples of one batch.
pub(crate) struct TupleMaker<'py, 'a> {
    py: Python<'py>,
    /// Decodes JSON text. Text that it refuses is left to Python.
    loads: Option<&'a Py<PyAny>>,
    /// The namespace of the last event, because most events of a batch are of the same namespace.
    namespace: Option<(Arc<str>, Bound<'py, PyString>)>,
}

impl<'py, 'a> TupleMaker<'py, 'a> {
    pub(crate) fn new(py: Python<'py>, loads: Option<&'a Py<PyAny>>) -> Self {
        Self { py, loads, namespace: None }
    }

    pub(crate) fn make(&mut self, inbound: Inbound) -> PyResult<Bound<'py, PyTuple>> {
        let py = self.py;
        match inbound {
            Inbound::Admission { token, session, handshake, head, peer } => {
                let (head, address) = (PyBytes::new(py, &head), peer_address(&peer));
                let session = session.as_str();
                (ADMISSION, token, session, handshake, head, address, peer.secure).into_pyobject(py)
            }
            Inbound::Answered(answered) => {
                let Answered { head, peer, status, websocket, .. } = &*answered;
                let (head, address) = (PyBytes::new(py, head), peer_address(peer));
                (ANSWERED, head, address, peer.secure, *status, *websocket).into_pyobject(py)
            }
            Inbound::Closed { session, reason, too_large } => {
                (CLOSED, session.as_str(), reason_of(py, reason, too_large)?).into_pyobject(py)
            }
            Inbound::Connect { sid, namespace, session, auth } => {
                let auth = PyBytes::new(py, &auth);
                let name = self.name(namespace);
                (CONNECT, sid.as_str(), name, session.as_str(), auth).into_pyobject(py)
            }
            Inbound::Ack { namespace, data } => self.data(ACK, namespace, data),
            Inbound::Event { namespace, early, data } => {
                self.data(if early { EARLY_EVENT } else { EVENT }, namespace, data)
            }
            Inbound::Disconnect { sid, namespace, session, reason, too_large } => {
                let name = self.name(namespace);
                let reason = reason_of(py, reason, too_large)?;
                (DISCONNECT, sid.as_str(), name, session.as_str(), reason).into_pyobject(py)
            }
            Inbound::Drained { session } => (DRAINED, session.as_str()).into_pyobject(py),
            Inbound::Slow { sockets, slow } => {
                let sockets: Vec<_> =
                    sockets.iter().map(|(sid, namespace)| (sid.as_str(), &**namespace)).collect();
                let (age, idle) = (slow.age.as_secs_f64(), slow.idle.as_secs_f64());
                (SLOW, slow.session.as_str(), sockets, slow.bytes, slow.packets, age, idle)
                    .into_pyobject(py)
            }
            Inbound::Ended => PyTuple::new(py, [ENDED]),
            Inbound::HandOff { fd, data, listener } => {
                (HANDOFF, fd.into_raw_fd(), PyBytes::new(py, &data), listener).into_pyobject(py)
            }
            Inbound::Inline { shard, fd } => (INLINE, shard, fd).into_pyobject(py),
            Inbound::Message { session, message } => {
                let data = match message {
                    Message::Text(text) => PyString::new(py, &text).into_any(),
                    Message::Binary(data) => PyBytes::new(py, &data).into_any(),
                };
                (MESSAGE, session.as_str(), data).into_pyobject(py)
            }
            Inbound::Open { session, head, peer, transport } => {
                let (head, address) = (PyBytes::new(py, &head), peer_address(&peer));
                (OPEN, session.as_str(), head, address, peer.secure, transport).into_pyobject(py)
            }
            Inbound::Refused { head, peer, code, message } => {
                let (head, address) = (PyBytes::new(py, &head), peer_address(&peer));
                (REFUSED, head, address, peer.secure, code, message).into_pyobject(py)
            }
            Inbound::Stopped => PyTuple::new(py, [STOPPED]),
            Inbound::TooLarge { session, detail } => {
                (TOO_LARGE, session.as_str(), detail.to_string()).into_pyobject(py)
            }
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
            // An early event waits in Python, which counts its bytes; so it stays undecoded.
            let args = (kind != EARLY_EVENT).then(|| self.decode(&bytes)).flatten();
            let args = args.unwrap_or_else(|| bytes.into_any());
            return (kind, sid, name, args, id, py.None(), py.None()).into_pyobject(py);
        }
        let (blobs, places) = attachments::pair(py, &body, &attachments)?;
        (kind, sid, name, bytes, id, blobs, places).into_pyobject(py)
    }

    /// The arguments as a list, if the fast decoder gives the same result as Python's `json`.
    fn decode(&self, body: &Bound<'py, PyBytes>) -> Option<Bound<'py, PyAny>> {
        let loads = self.loads?;
        if body.as_bytes().len() > MAX_DECODED_HERE || has_big_integer(body.as_bytes()) {
            return None;
        }
        let args = loads.bind(self.py).call1((body,)).ok()?;
        args.is_instance_of::<PyList>().then_some(args)
    }
}

/// The reason for the disconnect handler: a `str`, or a `DisconnectReason` with a `detail`.
fn reason_of(
    py: Python<'_>,
    reason: Reason,
    too_large: Option<TooLarge>,
) -> PyResult<Bound<'_, PyAny>> {
    let reason = reason.as_str();
    match too_large {
        None => Ok(PyString::new(py, reason).into_any()),
        Some(detail) => py
            .import("fanio.reason")?
            .getattr("DisconnectReason")?
            .call1((reason, detail.to_string())),
    }
}

/// The peer's address as a pair of host and port.
pub(crate) fn peer_address(peer: &Peer) -> Option<(String, u16)> {
    peer.addr.as_ref().map(address_pair)
}

pub(crate) fn address_pair(addr: &SocketAddr) -> (String, u16) {
    (addr.ip().to_canonical().to_string(), addr.port())
}
