//! The clients as Python sees them: a hub for each loop, a handle for each connection.

#![allow(clippy::needless_pass_by_value, reason = "PyO3 extracts owned arguments")]

use client::{Event, Failure, Hub};
use engine::Parser;
use parking_lot::RwLock;
use protocol::socketio::PacketType;
use pyo3::prelude::*;
use pyo3::pybacked::{PyBackedBytes, PyBackedStr};
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple};

use crate::error::Error;
use crate::payload::{self, Message};
use crate::{attachments, client_options, kinds};

/// The clients of one asyncio loop.
#[pyclass(module = "fanio._core", frozen)]
pub(crate) struct ClientHub {
    hub: RwLock<Option<Hub>>,
}

#[pymethods]
impl ClientHub {
    #[new]
    fn new() -> Result<Self, Error> {
        Ok(Self { hub: RwLock::new(Some(Hub::new()?)) })
    }

    /// The descriptor that is readable when `drain()` has something.
    fn fd(&self) -> Result<i32, Error> {
        self.hub.read().as_ref().map(Hub::fd).ok_or(Error::HubStopped)
    }

    /// Opens a connection.
    fn connect(&self, options: &Bound<'_, PyDict>) -> PyResult<ClientConnection> {
        let options = client_options::from_dict(options)?;
        let hub = self.hub.read();
        let hub = hub.as_ref().ok_or(Error::HubStopped)?;
        let parser = options.engine.parser;
        let handle = hub.connect(options);
        Ok(ClientConnection { id: handle.id, parser, handle })
    }

    /// Takes up to `limit` events.
    fn drain<'py>(&self, py: Python<'py>, limit: usize) -> PyResult<Bound<'py, PyList>> {
        let list = PyList::empty(py);
        let events = self.hub.read().as_ref().map(|hub| hub.take(limit)).unwrap_or_default();
        for (connection, event) in events {
            list.append(to_tuple(py, connection, event)?)?;
        }
        Ok(list)
    }

    /// Lets go of the client shard, which ends with its last hub.
    fn stop(&self, py: Python<'_>) {
        let hub = self.hub.write().take();
        py.detach(|| drop(hub));
    }
}

/// One connection. Its events carry its `id`; without a reference to it, it is aborted.
#[pyclass(module = "fanio._core", frozen)]
pub(crate) struct ClientConnection {
    #[pyo3(get)]
    id: u64,
    parser: Parser,
    handle: client::Handle,
}

#[pymethods]
impl ClientConnection {
    /// Asks for a namespace; the payload is JSON, or nothing.
    fn join(&self, namespace: &str, payload: &[u8]) -> usize {
        self.send(PacketType::Connect, namespace, None, payload, None)
    }

    /// Sends an event; returns how many bytes wait to be sent.
    fn emit(
        &self,
        namespace: &str,
        payload: &[u8],
        attachments: Option<Vec<PyBackedBytes>>,
        ack_id: Option<u64>,
    ) -> usize {
        self.send(PacketType::Event, namespace, ack_id, payload, attachments)
    }

    /// Answers an event; returns as `emit` does.
    fn ack(
        &self,
        namespace: &str,
        ack_id: u64,
        payload: &[u8],
        attachments: Option<Vec<PyBackedBytes>>,
    ) -> usize {
        self.handle.answer(self.messages(
            PacketType::Ack,
            namespace,
            Some(ack_id),
            payload,
            attachments,
        ))
    }

    /// Sends messages of the program's own parser; returns as `emit` does.
    #[pyo3(signature = (messages, answer = false))]
    fn send_messages(&self, messages: Vec<Message>, answer: bool) -> usize {
        let messages = messages.iter().map(payload::outgoing);
        if answer { self.handle.answer(messages) } else { self.handle.send(messages) }
    }

    /// Leaves these namespaces and ends the session, when everything before it is sent.
    fn close(&self, namespaces: Vec<PyBackedStr>) {
        let leave = |name: &PyBackedStr| {
            payload::messages_of(self.parser, PacketType::Disconnect, name, None, b"", &[])
        };
        self.handle.close(namespaces.iter().flat_map(leave).collect());
    }

    /// The same with messages of the program's own parser.
    fn close_with_messages(&self, messages: Vec<Message>) {
        self.handle.close(messages.iter().map(payload::outgoing).collect());
    }

    /// Ends the session at once.
    fn abort(&self) {
        self.handle.abort();
    }

    /// Bytes that wait to be sent.
    fn queued(&self) -> usize {
        self.handle.queued()
    }

    /// Asks for one DRAINED event when no more than the half of `limit` waits.
    fn await_drained(&self, limit: usize) {
        self.handle.await_drained(limit);
    }

    /// Stops reading.
    fn pause(&self) {
        self.handle.pause(true);
    }

    /// Reads again.
    fn resume(&self) {
        self.handle.pause(false);
    }
}

impl ClientConnection {
    fn send(
        &self,
        kind: PacketType,
        namespace: &str,
        id: Option<u64>,
        json: &[u8],
        attachments: Option<Vec<PyBackedBytes>>,
    ) -> usize {
        self.handle.send(self.messages(kind, namespace, id, json, attachments))
    }

    fn messages(
        &self,
        kind: PacketType,
        namespace: &str,
        id: Option<u64>,
        json: &[u8],
        attachments: Option<Vec<PyBackedBytes>>,
    ) -> Vec<client::Outgoing> {
        let attachments = attachments.unwrap_or_default();
        payload::messages_of(self.parser, kind, namespace, id, json, &attachments)
    }
}

fn to_tuple(py: Python<'_>, id: u64, event: Event) -> PyResult<Bound<'_, PyTuple>> {
    let name = |namespace: &str| PyString::intern(py, namespace);
    let bytes = |data: &[u8]| PyBytes::new(py, data);
    match event {
        Event::Opened { sid, transport, ping_interval, ping_timeout } => {
            let transport = transport.as_str();
            (kinds::OPEN, id, sid, transport, ping_interval, ping_timeout).into_pyobject(py)
        }
        Event::Failed(Failure { message, status, body, .. }) => {
            (kinds::FAILED, id, message, status, PyBytes::new(py, &body)).into_pyobject(py)
        }
        Event::Connect { namespace, data } => {
            (kinds::CONNECT, id, name(&namespace), bytes(&data)).into_pyobject(py)
        }
        Event::ConnectError { namespace, data } => {
            (kinds::CONNECT_ERROR, id, name(&namespace), bytes(&data)).into_pyobject(py)
        }
        Event::Disconnect { namespace } => {
            (kinds::DISCONNECT, id, name(&namespace)).into_pyobject(py)
        }
        Event::Data { ack, namespace, id: ack_id, body, attachments } => {
            let kind = if ack { kinds::ACK } else { kinds::EVENT };
            let some = !attachments.is_empty();
            let found = some.then(|| attachments::pair(py, &body, &attachments)).transpose()?;
            let (blobs, places) = found.unzip();
            (kind, id, name(&namespace), bytes(&body), ack_id, blobs, places).into_pyobject(py)
        }
        Event::Text(text) => (kinds::MESSAGE, id, text).into_pyobject(py),
        Event::Binary(data) => (kinds::MESSAGE, id, PyBytes::new(py, &data)).into_pyobject(py),
        Event::Upgraded => (kinds::UPGRADED, id).into_pyobject(py),
        Event::Drained => (kinds::DRAINED, id).into_pyobject(py),
        Event::Closed { reason, detail } => {
            (kinds::CLOSED, id, reason.as_str(), detail).into_pyobject(py)
        }
    }
}
