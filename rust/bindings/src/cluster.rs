//! The Python class `Cluster`: the bus that connects one server with the others.
//!
//! The bus is the crate `bus`, the messages are in the crate `cluster`. This file converts calls and
//! events. Signatures and event tuples are documented in `_core.pyi`.

#![allow(clippy::needless_pass_by_value, reason = "PyO3 extracts owned arguments")]

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bus::{Bus, BusEvent, BusOptions, RedisOptions, Transport};
use bytes::Bytes;
use cluster::node::{Bus as Dialect, Outcome, ReplyTo, Request};
use cluster::{AckRequest, Answer, Emit, EventData, Message, Selection};
use net::Outbox;
use parking_lot::RwLock;
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyDict, PyTuple};
use router::Router;

use crate::error::Error;
use crate::server::Server;

/// JSON and the attachments that its placeholders stand for.
type Data = (PyBackedBytes, Option<Vec<PyBackedBytes>>);
/// Rooms, and rooms whose members are excluded.
type Who = (Vec<String>, Vec<String>);
/// A node, a namespace, a request.
type Reply = (String, String, String);

/// A node of a cluster.
#[pyclass(module = "fanio._core", frozen)]
pub(crate) struct Cluster {
    options: BusOptions,
    router: Option<Arc<Router>>,
    outbox: Arc<Outbox<BusEvent>>,
    bus: RwLock<Option<Arc<Bus>>>,
}

#[pymethods]
impl Cluster {
    /// A node that is not running; `server` is `None` for a process that only publishes.
    #[new]
    fn new(server: Option<&Server>, options: &Bound<'_, PyDict>) -> PyResult<Self> {
        let options = read_options(options)?;
        let outbox = Arc::new(Outbox::new().map_err(Error::from)?);
        let router = server.map(|server| Arc::clone(&server.router));
        Ok(Self { options, router, outbox, bus: RwLock::new(None) })
    }

    /// Starts the bus; returns the file descriptor that is readable while `drain()` has events.
    fn start(&self) -> PyResult<i32> {
        let mut bus = self.bus.write();
        if bus.is_none() {
            let outbox = Arc::clone(&self.outbox);
            let started = Bus::start(self.options.clone(), self.router.clone(), outbox);
            *bus = Some(Arc::new(started.map_err(Error::from)?));
        }
        Ok(self.outbox.fd())
    }

    /// Publishes the messages in the queue, unless the connection is lost, and ends the bus.
    fn stop(&self, py: Python<'_>) {
        let bus = self.bus.write().take();
        if let Some(bus) = bus {
            py.detach(|| bus.stop());
        }
    }

    /// Forgets the bus in a forked child process, which does not have the bus's thread.
    fn abandon(&self) {
        // A lock that another thread held during the fork is never released in the child.
        let bus = self.bus.try_write().and_then(|mut bus| bus.take());
        std::mem::forget(bus);
    }

    /// Takes events: tuples that begin with their kind.
    fn drain<'py>(&self, py: Python<'py>, limit: usize) -> PyResult<Vec<Bound<'py, PyTuple>>> {
        let is_msgpack = self.is_msgpack();
        self.outbox.take(limit).into_iter().map(|event| tuple(py, event, is_msgpack)).collect()
    }

    /// Subscribes to the messages of a namespace that this server serves.
    fn open_namespace(&self, namespace: &str) {
        self.with(|bus| bus.open_namespace(namespace));
    }

    /// Publishes an event, which must be encoded as the server's parser does.
    #[pyo3(signature = (namespace, event, who, volatile, compress, callback))]
    fn emit(
        &self,
        namespace: &str,
        event: Data,
        who: Who,
        volatile: bool,
        compress: bool,
        callback: Option<(String, u64)>,
    ) -> PyResult<()> {
        let event = self.data(event)?;
        let ack = callback.map(|(room, id)| AckRequest::Callback { room, id });
        let compress = (!compress).then_some(false);
        let emit = Emit { event, to: selection(who), volatile, compress, ack };
        self.with(|bus| bus.publish(namespace, Message::Emit(emit)));
        Ok(())
    }

    /// Lets clients of other nodes join rooms.
    fn join(&self, namespace: &str, who: Who, rooms: Vec<String>) {
        self.publish(namespace, Message::Join { who: selection(who), rooms });
    }

    /// Lets clients of other nodes leave rooms.
    fn leave(&self, namespace: &str, who: Who, rooms: Vec<String>) {
        self.publish(namespace, Message::Leave { who: selection(who), rooms });
    }

    /// Disconnects clients of other nodes.
    fn disconnect(&self, namespace: &str, who: Who, close: bool) {
        self.publish(namespace, Message::Disconnect { who: selection(who), close });
    }

    /// Removes all clients of other nodes from a room.
    fn close_room(&self, namespace: &str, room: String) {
        self.publish(namespace, Message::CloseRoom { room });
    }

    /// Sends a client's ack to the node that has the callback.
    fn call_back(
        &self,
        namespace: &str,
        to: String,
        room: String,
        id: u64,
        arguments: Data,
    ) -> PyResult<()> {
        let arguments = self.data(arguments)?;
        self.publish(namespace, Message::Callback { to, room, id, arguments });
        Ok(())
    }

    /// Sends an event to the other servers, without a reply.
    fn server_side_emit(&self, namespace: &str, event: Data) -> PyResult<()> {
        let event = self.data(event)?;
        self.publish(namespace, Message::ServerSideEmit { request: None, event });
        Ok(())
    }

    /// Asks the other nodes; an event of the kind `done` has the answers.
    #[pyo3(signature = (token, namespace, kind, who, event, timeout_ms))]
    fn request(
        &self,
        token: u64,
        namespace: &str,
        kind: &str,
        who: Who,
        event: Option<Data>,
        timeout_ms: u64,
    ) -> PyResult<()> {
        let event = event.map(|event| self.data(event)).transpose()?.unwrap_or_default();
        let request = match kind {
            "sockets" => Request::FetchSockets(selection(who)),
            "sids" => Request::SocketIds(who.0),
            "rooms" => Request::AllRooms,
            "server_side" => Request::ServerSideEmit(event),
            "acks" => Request::Emit(Emit { event, to: selection(who), ..Emit::default() }),
            _ => return unknown("request", kind, "acks, rooms, server_side, sids or sockets"),
        };
        self.with(|bus| bus.request(token, namespace, request, timeout_ms));
        Ok(())
    }

    /// Answers another node: `kind` is `sockets` with an array, `server_side` or `ack` with an array of
    /// the one value, or `count`.
    #[pyo3(signature = (reply, kind, data, count = 0))]
    fn answer(&self, reply: Reply, kind: &str, data: Option<Data>, count: u64) -> PyResult<()> {
        let data = data.map(|data| self.data(data)).transpose()?.unwrap_or_default();
        let answer = match kind {
            "sockets" => Answer::Sockets(data),
            "server_side" => Answer::ServerSide(only(data)),
            "ack" => Answer::Ack(only(data)),
            "count" => Answer::ClientCount(count),
            _ => return unknown("answer", kind, "ack, count, server_side or sockets"),
        };
        let (node, namespace, request) = reply;
        self.with(|bus| bus.answer(ReplyTo { node, namespace, request }, answer));
        Ok(())
    }

    /// Whether the publish queue is full, so that the caller should wait.
    fn is_full(&self) -> bool {
        self.bus.read().as_ref().is_some_and(|bus| bus.is_full())
    }

    /// The counters of the bus.
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        let Some(bus) = self.bus.read().clone() else { return Ok(dict) };
        let stats = bus.stats();
        dict.set_item("published", stats.published.load(Ordering::Relaxed))?;
        dict.set_item("received", stats.received.load(Ordering::Relaxed))?;
        dict.set_item("lost", stats.lost.load(Ordering::Relaxed))?;
        dict.set_item("refused", stats.refused.load(Ordering::Relaxed))?;
        dict.set_item("waiting_bytes", stats.waiting.load(Ordering::Relaxed))?;
        dict.set_item("up", stats.is_up.load(Ordering::Relaxed))?;
        Ok(dict)
    }
}

impl Cluster {
    fn with(&self, act: impl FnOnce(&Bus)) {
        if let Some(bus) = &*self.bus.read() {
            act(bus);
        }
    }

    fn publish(&self, namespace: &str, message: Message) {
        self.with(|bus| bus.publish(namespace, message));
    }

    /// Whether this server's parser is msgpack instead of JSON.
    fn is_msgpack(&self) -> bool {
        self.router.as_ref().is_some_and(|router| router.is_msgpack())
    }

    /// Converts data for the bus, which always carries JSON text.
    fn data(&self, (data, attachments): Data) -> PyResult<EventData> {
        if self.is_msgpack() {
            return Ok(EventData::from_msgpack(&data).map_err(bad)?);
        }
        let json = std::str::from_utf8(&data).map_err(bad)?.to_owned();
        let attachments = attachments.unwrap_or_default();
        let attachments = attachments.iter().map(|data| Bytes::copy_from_slice(data)).collect();
        Ok(EventData { json, attachments })
    }
}

/// The value in an array of one.
fn only(mut data: EventData) -> EventData {
    let value = data.json.trim().strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    data.json = value.map_or_else(|| "null".to_owned(), |value| value.trim().to_owned());
    data
}

fn bad(error: impl std::fmt::Display) -> Error {
    Error::Cluster(error.to_string())
}

/// The error for an unknown name; `what` says the kind of name.
fn unknown<T>(what: &str, name: &str, expected: &str) -> PyResult<T> {
    Err(bad(format!("unknown {what} {name:?}: expected {expected}")).into())
}

fn selection((rooms, except): Who) -> Selection {
    Selection { rooms, except }
}

fn read_options(options: &Bound<'_, PyDict>) -> PyResult<BusOptions> {
    let get = |name: &str| -> PyResult<Bound<'_, PyAny>> {
        options.get_item(name)?.ok_or_else(|| bad(format!("option {name} is missing")).into())
    };
    let (url, channel): (String, String) = (get("url")?.extract()?, get("channel")?.extract()?);
    let kind: String = get("dialect")?.extract()?;
    let dialect = match kind.as_str() {
        "python-socketio" => Dialect::Python { channel },
        "node" => Dialect::Classic { prefix: channel },
        "sharded" => Dialect::Sharded { prefix: channel },
        _ => return unknown("dialect", &kind, "node, python-socketio or sharded"),
    };
    let redis = RedisOptions::from_url(&url, kind == "sharded").map_err(bad)?;
    Ok(BusOptions {
        name: get("name")?.extract()?,
        dialect,
        transport: Transport::Redis(redis),
        max_bytes: get("max_bytes")?.extract()?,
        write_only: get("write_only")?.extract()?,
    })
}

/// `(json, [attachment, ...])`
fn pair<'py>(py: Python<'py>, data: &EventData) -> (Bound<'py, PyBytes>, Vec<Bound<'py, PyBytes>>) {
    let attachments = data.attachments.iter().map(|data| PyBytes::new(py, data)).collect();
    (PyBytes::new(py, data.json.as_bytes()), attachments)
}

fn reply_of(reply: ReplyTo) -> Reply {
    (reply.node, reply.namespace, reply.request)
}

/// An event in the encoding of this server's parser.
fn formed<'py>(
    py: Python<'py>,
    data: &EventData,
    is_msgpack: bool,
) -> PyResult<(Bound<'py, PyBytes>, Vec<Bound<'py, PyBytes>>)> {
    if is_msgpack {
        return Ok((PyBytes::new(py, &data.to_msgpack().map_err(bad)?), Vec::new()));
    }
    Ok(pair(py, data))
}

fn tuple(py: Python<'_>, event: BusEvent, is_msgpack: bool) -> PyResult<Bound<'_, PyTuple>> {
    let who = |who: Selection| (who.rooms, who.except);
    match event {
        BusEvent::Up => ("up",).into_pyobject(py),
        BusEvent::Down(why) => ("down", why).into_pyobject(py),
        BusEvent::Refused(why) => ("refused", why).into_pyobject(py),
        BusEvent::Emit { namespace, emit, from, reply } => {
            let callback = match emit.ack {
                Some(AckRequest::Callback { room, id }) => Some((room, id)),
                _ => None,
            };
            let event = formed(py, &emit.event, is_msgpack)?;
            let reply = reply.map(reply_of);
            let flags = (emit.volatile, emit.compress.unwrap_or(true));
            ("emit", namespace, event, who(emit.to), flags, from, callback, reply).into_pyobject(py)
        }
        BusEvent::FetchSockets { message, reply } => {
            let asked = match message {
                Message::FetchSockets { who, .. } => who,
                _ => Selection::default(),
            };
            ("fetch_sockets", who(asked), reply_of(reply)).into_pyobject(py)
        }
        BusEvent::ServerSide { namespace, event, reply } => {
            ("server_side", namespace, pair(py, &event), reply.map(reply_of)).into_pyobject(py)
        }
        BusEvent::Callback { room, id, arguments } => {
            ("callback", room, id, pair(py, &arguments)).into_pyobject(py)
        }
        BusEvent::Done(Outcome { token, answers, missing, missing_nodes }) => {
            let answers = answers.iter().map(|answer| value(py, answer));
            let answers = answers.collect::<PyResult<Vec<_>>>()?;
            ("done", token, answers, missing, missing_nodes).into_pyobject(py)
        }
        BusEvent::Failed { token, error } => ("failed", token, error).into_pyobject(py),
        BusEvent::Acknowledged { token, answer: Answer::ClientCount(count) } => {
            ("count", token, count).into_pyobject(py)
        }
        BusEvent::Acknowledged { token, answer } => {
            ("ack", token, value(py, &answer)?).into_pyobject(py)
        }
    }
}

/// The value of an answer: data, or a list of names.
fn value<'py>(py: Python<'py>, answer: &Answer) -> PyResult<Bound<'py, PyAny>> {
    match answer {
        Answer::Sockets(data) | Answer::ServerSide(data) | Answer::Ack(data) => {
            pair(py, data).into_bound_py_any(py)
        }
        Answer::SocketIds(names) | Answer::Rooms(names) => names.into_bound_py_any(py),
        Answer::ClientCount(count) => count.into_bound_py_any(py),
        Answer::Done => Ok(py.None().into_bound(py)),
    }
}
