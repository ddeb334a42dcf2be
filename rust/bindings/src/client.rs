//! The Python classes of the client: a `ClientHub` for each event loop, a `ClientConnection` for each
//! connection.
//!
//! The client's work is in the crate `client`. This file converts calls to it and events from it.
//! Signatures and event tuples are documented in `_core.pyi`.

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
use crate::{attachments, client_options, event_kind};

/// The clients of one asyncio event loop.
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

    /// The file descriptor that is readable while `drain()` has events.
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

    /// Releases the client shard. It ends when its last hub is released.
    fn stop(&self, py: Python<'_>) {
        let hub = self.hub.write().take();
        py.detach(|| drop(hub));
    }
}

/// One connection. Its events carry its `id`. The connection is aborted when this object is freed.
#[pyclass(module = "fanio._core", frozen)]
pub(crate) struct ClientConnection {
    #[pyo3(get)]
    id: u64,
    parser: Parser,
    handle: client::Handle,
}

#[pymethods]
impl ClientConnection {
    /// Sends CONNECT for a namespace; the payload is encoded auth data or empty.
    fn join(&self, namespace: &str, payload: &[u8]) -> usize {
        self.send(PacketType::Connect, namespace, None, payload, None)
    }

    /// Sends an event; returns the number of bytes in the send queue.
    fn emit(
        &self,
        namespace: &str,
        payload: &[u8],
        attachments: Option<Vec<PyBackedBytes>>,
        ack_id: Option<u64>,
    ) -> usize {
        self.send(PacketType::Event, namespace, ack_id, payload, attachments)
    }

    /// Sends the ack of an event; returns the same as `emit`.
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

    /// Sends messages that the application's parser has encoded; returns the same as `emit`.
    #[pyo3(signature = (messages, answer = false))]
    fn send_messages(&self, messages: Vec<Message>, answer: bool) -> usize {
        let messages = messages.iter().map(payload::outgoing);
        if answer { self.handle.answer(messages) } else { self.handle.send(messages) }
    }

    /// Leaves these namespaces and closes the session, after everything in the queue is sent.
    fn close(&self, namespaces: Vec<PyBackedStr>) {
        let leave = |name: &PyBackedStr| {
            payload::messages_of(self.parser, PacketType::Disconnect, name, None, b"", &[])
        };
        self.handle.close(namespaces.iter().flat_map(leave).collect());
    }

    /// Does the same as `close`, with messages that the application's parser has encoded.
    fn close_with_messages(&self, messages: Vec<Message>) {
        self.handle.close(messages.iter().map(payload::outgoing).collect());
    }

    /// Closes the session at once, without sending the queue.
    fn abort(&self) {
        self.handle.abort();
    }

    /// The number of bytes in the send queue.
    fn queued(&self) -> usize {
        self.handle.queued()
    }

    /// Asks for one DRAINED event when the send queue has at most `limit / 2` bytes.
    fn await_drained(&self, limit: usize) {
        self.handle.await_drained(limit);
    }

    /// Stops reading from the connection.
    fn pause(&self) {
        self.handle.pause(true);
    }

    /// Reads from the connection again.
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
            (event_kind::OPEN, id, sid, transport, ping_interval, ping_timeout).into_pyobject(py)
        }
        Event::Failed(Failure { message, status, body, .. }) => {
            (event_kind::FAILED, id, message, status, PyBytes::new(py, &body)).into_pyobject(py)
        }
        Event::Connect { namespace, data } => {
            (event_kind::CONNECT, id, name(&namespace), bytes(&data)).into_pyobject(py)
        }
        Event::ConnectError { namespace, data } => {
            (event_kind::CONNECT_ERROR, id, name(&namespace), bytes(&data)).into_pyobject(py)
        }
        Event::Disconnect { namespace } => {
            (event_kind::DISCONNECT, id, name(&namespace)).into_pyobject(py)
        }
        Event::Data { ack, namespace, id: ack_id, body, attachments } => {
            let kind = if ack { event_kind::ACK } else { event_kind::EVENT };
            let some = !attachments.is_empty();
            let found = some.then(|| attachments::pair(py, &body, &attachments)).transpose()?;
            let (blobs, places) = found.unzip();
            (kind, id, name(&namespace), bytes(&body), ack_id, blobs, places).into_pyobject(py)
        }
        Event::Text(text) => (event_kind::MESSAGE, id, text).into_pyobject(py),
        Event::Binary(data) => (event_kind::MESSAGE, id, PyBytes::new(py, &data)).into_pyobject(py),
        Event::Upgraded => (event_kind::UPGRADED, id).into_pyobject(py),
        Event::Drained => (event_kind::DRAINED, id).into_pyobject(py),
        Event::Closed { reason, detail } => {
            (event_kind::CLOSED, id, reason.as_str(), detail).into_pyobject(py)
        }
    }
}
