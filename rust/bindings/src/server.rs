//! The server as Python sees it: commands to shards. Questions are in `query`, events in `drain`.
//!
//! Every method takes the registry's lock for its whole step, its pushes included, so that what
//! one thread asks for in order reaches the shards in that order.

#![allow(clippy::needless_pass_by_value, reason = "PyO3 extracts owned arguments")]

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use engine::{Parser, Reason};
use net::{Command, Crowd, Decision, Options};
use parking_lot::{Mutex, RwLock};
use protocol::Id;
use protocol::socketio::PacketType;
use pyo3::prelude::*;
use pyo3::pybacked::{PyBackedBytes, PyBackedStr};
use pyo3::types::{PyDict, PyList};
use rooms::{Addr, Flags, Frame, Key, Registry, RegistryError};

use crate::audience::Audience;
use crate::drain::Drain;
use crate::error::Error;
use crate::packet::{Message, Payload};
use crate::promise::Promise;
use crate::{options, packet};

/// In what `emit` returns: the caller must see to it that `flush` is called soon.
pub(crate) const FLUSH: u8 = 1;
/// In what `emit` returns: so much waits that the caller should wait before it emits more.
pub(crate) const FULL: u8 = 2;

/// The shards of one `AsyncServer` and their registry.
#[pyclass(module = "fanio._core", frozen)]
pub(crate) struct Server {
    pub(crate) options: Mutex<Arc<Options>>,
    pub(crate) parser: Parser,
    pub(crate) registry: Mutex<Registry>,
    net: RwLock<Option<Arc<net::Server>>>,
    pub(crate) promise: Promise,
    pub(crate) drain: Drain,
    /// How many streams were adopted.
    pub(crate) adopted: AtomicUsize,
    /// The connections of listeners that may have so many only.
    pub(crate) crowd: Mutex<Option<Arc<Crowd>>>,
}

#[pymethods]
impl Server {
    #[new]
    fn new(options: &Bound<'_, PyDict>) -> PyResult<Self> {
        let options = options::from_dict(options)?;
        Ok(Self {
            parser: options.engine.parser,
            options: Mutex::new(Arc::new(options)),
            registry: Mutex::default(),
            net: RwLock::default(),
            promise: Promise::default(),
            drain: Drain::default(),
            adopted: AtomicUsize::default(),
            crowd: Mutex::default(),
        })
    }

    /// Changes one option at runtime.
    fn set_option(&self, name: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let mut options = self.options.lock();
        let mut changed = Options::clone(&options);
        options::set(&mut changed, name, value)?;
        *options = Arc::new(changed);
        if let Some(net) = &*self.net.read() {
            net.push_all(|| Command::Options(Arc::clone(&options)));
        }
        Ok(())
    }

    /// Starts the shards; returns the descriptor that is readable when `drain()` has something.
    ///
    /// With `defer`, this thread calls `flush` whenever a method asks for it and behind the events of
    /// each `drain`, and takes turns of the shards that lend themselves.
    #[pyo3(signature = (defer = false))]
    fn start(&self, defer: bool) -> Result<i32, Error> {
        let mut net = self.net.write();
        if net.is_none() {
            *net = Some(Arc::new(net::Server::start(&self.options.lock(), defer)?));
            self.drain.begin();
        }
        self.promise.begin(defer);
        let net = net.as_ref().ok_or(Error::NotRunning)?;
        net.wake();
        Ok(net.fd())
    }

    /// Closes every session.
    fn shutdown(&self) {
        if let Ok(net) = self.net() {
            net.push_all(|| Command::Shutdown);
        }
    }

    /// Ends the shard threads.
    fn stop(&self, py: Python<'_>) {
        let net = self.net.write().take();
        if let Some(net) = net {
            py.detach(|| net.stop());
        }
    }

    /// The connect handler accepts a socket.
    fn accept(&self, sid: &str, payload: Payload) -> bool {
        let mut registry = self.registry.lock();
        let Some(sid) = Id::parse(sid) else {
            return false;
        };
        let Some((addr, all)) = registry.accepted(&sid) else {
            return false;
        };
        let Some(namespace) = registry.namespace_of(&sid) else {
            return false;
        };
        let frame = self.simple_frame(PacketType::Connect, namespace, Some(&payload));
        self.push(addr, Command::Accept { addr, sid, frame, all });
        true
    }

    /// The connect handler refuses a socket: nothing of it remains.
    fn refuse(&self, sid: &str, payload: Payload) {
        let mut registry = self.registry.lock();
        let Some(sid) = Id::parse(sid) else { return };
        let Some((addr, namespace)) = registry.locate(&sid) else { return };
        let frame = self.simple_frame(PacketType::ConnectError, namespace, Some(&payload));
        self.push(addr, Command::Refuse { addr, sid, frame });
        registry.forget(&sid);
    }

    /// The disconnect handler has run.
    fn forget(&self, sid: &str) {
        if let Some(sid) = Id::parse(sid) {
            self.registry.lock().forget(&sid);
        }
    }

    /// Has the shards send what was pushed without a wake.
    ///
    /// With the interpreter, as in `turn`: a busy thread of the program's would keep it for 5 ms each
    /// time we gave it away for some microseconds.
    fn flush(&self) {
        let has_pushed = self.promise.keep();
        if let Some(net) = self.net.read().clone().filter(|_| has_pushed) {
            net.flush();
        }
    }

    /// Takes a turn of a lent shard; false when it is not lent (any more).
    fn turn(&self, shard: u16) -> bool {
        let net = self.net.read().clone();
        net.is_some_and(|net| net.take_turn(shard))
    }

    /// Sends an event to a namespace, or to rooms and sockets in it, each client once.
    ///
    /// Returns [`FLUSH`], [`FULL`], both or 0.
    #[pyo3(signature = (
        namespace, payload, attachments, to, skip, ack_id,
        except_rooms = None, volatile = false, conflate = None, compress = true,
    ))]
    #[expect(clippy::too_many_arguments, reason = "as emit's")]
    fn emit(
        &self,
        namespace: &str,
        payload: Payload,
        attachments: Option<Vec<PyBackedBytes>>,
        to: Option<Vec<PyBackedStr>>,
        skip: Option<Vec<PyBackedStr>>,
        ack_id: Option<u64>,
        except_rooms: Option<Vec<PyBackedStr>>,
        volatile: bool,
        conflate: Option<&str>,
        compress: bool,
    ) -> u8 {
        let registry = self.registry.lock();
        let except_rooms = except_rooms.as_deref().unwrap_or_default();
        let (to, skip) = (to.as_deref(), skip.as_deref());
        let audience = Audience::new(&registry, namespace, to, skip, except_rooms);
        if audience.is_empty() {
            return 0;
        }
        let net = self.net.read();
        let Some(net) = &*net else { return 0 };
        let conflate = conflate.map(|name| Key::new(namespace, name));
        let flags = Flags { volatile, conflate, compress };
        let kind = PacketType::Event;
        let frame = self.frame(kind, namespace, ack_id, Some(&payload), attachments, flags);
        audience.push(net, frame);
        let flush = if self.promise.wake(net) { FLUSH } else { 0 };
        let full = if net.is_full() { FULL } else { 0 };
        flush | full
    }

    /// Whether so much waits that more should not be emitted yet.
    fn is_full(&self) -> bool {
        self.net.read().as_ref().is_some_and(|net| net.is_full())
    }

    /// Sends messages to a session as they are, one behind the other; returns as `emit` does.
    fn send(&self, session_id: &str, messages: Vec<Message>) -> bool {
        let registry = self.registry.lock();
        let addr = Id::parse(session_id).and_then(|session| registry.session_addr(&session));
        let frame = packet::messages(&messages, Flags::default());
        let (Some(addr), Some(frame), Ok(net)) = (addr, frame, self.net()) else {
            return false;
        };
        net.push_quietly(addr.shard, Command::Send { addr, frame });
        self.promise.wake(&net)
    }

    /// Answers an event; returns as `emit` does.
    fn ack(
        &self,
        sid: &str,
        ack_id: u64,
        payload: Payload,
        attachments: Option<Vec<PyBackedBytes>>,
    ) -> bool {
        let registry = self.registry.lock();
        let Some(sid) = Id::parse(sid) else {
            return false;
        };
        let Some((addr, namespace)) = registry.locate(&sid) else {
            return false;
        };
        let (kind, flags) = (PacketType::Ack, Flags::default());
        let frame = self.frame(kind, namespace, Some(ack_id), Some(&payload), attachments, flags);
        let net = self.net.read();
        let Some(net) = &*net else { return false };
        // Where two threads work, the shard sends the first answers while the program makes others.
        if !net.is_lent(addr.shard) {
            net.push(addr.shard, Command::Direct { addr, sid, frame });
            return false;
        }
        net.push_quietly(addr.shard, Command::Direct { addr, sid, frame });
        self.promise.wake(net)
    }

    fn join(&self, sid: &str, namespace: &str, room: &str) -> Result<(), Error> {
        let mut registry = self.registry.lock();
        let id = Id::parse(sid).ok_or(Error::UnknownSid)?;
        let joined = registry.join(&id, namespace, room).map_err(|error| match error {
            RegistryError::UnknownSid => Error::UnknownSid,
            RegistryError::WrongNamespace => Error::WrongNamespace,
            RegistryError::OwnRoom => Error::OwnRoom,
        })?;
        if let Some((addr, room, all)) = joined {
            self.push(addr, Command::Join { addr, sid: id, room, all });
        }
        Ok(())
    }

    fn leave(&self, sid: &str, namespace: &str, room: &str) {
        let mut registry = self.registry.lock();
        let Some(sid) = Id::parse(sid) else { return };
        if let Some((addr, room)) = registry.leave(&sid, namespace, room) {
            self.push(addr, Command::Leave { addr, sid, room });
        }
    }

    fn close_room(&self, namespace: &str, room: &str) {
        let mut registry = self.registry.lock();
        if let (Some(room), Ok(net)) = (registry.close_room(namespace, room), self.net()) {
            net.push_all(|| Command::CloseRoom { room });
        }
    }

    /// Sends DISCONNECT to a connected socket; its end is reported as an event.
    #[pyo3(signature = (sid, namespace, payload = None))]
    fn disconnect(&self, sid: &str, namespace: &str, payload: Option<Payload>) -> bool {
        let registry = self.registry.lock();
        let Some(sid) = Id::parse(sid) else {
            return false;
        };
        let connected = registry.status(&sid) == Some(rooms::SocketStatus::Connected);
        let found = registry.addr_in(&sid, namespace).zip(registry.all_room(namespace));
        let Some((addr, all)) = found.filter(|_| connected) else {
            return false;
        };
        let frame = self.simple_frame(PacketType::Disconnect, namespace, payload.as_ref());
        self.push(addr, Command::Disconnect { addr, sid, frame: Some(frame), all });
        true
    }

    /// Closes a whole session.
    fn close(&self, session_id: &str, reason: &str) {
        let reason = match reason {
            "parse error" => Reason::ParseError,
            _ => Reason::ServerDisconnect,
        };
        self.to_session(session_id, |addr| Command::Close { addr, reason });
    }

    fn pause(&self, session_id: &str) {
        self.to_session(session_id, |addr| Command::Pause { addr });
    }

    fn resume(&self, session_id: &str) {
        self.to_session(session_id, |addr| Command::Resume { addr });
    }

    /// Lets a request in.
    #[pyo3(signature = (token, session_id, cookie, headers))]
    fn admit(&self, token: u64, session_id: &str, cookie: Option<String>, headers: String) {
        self.decide(token, session_id, Decision::Admit { cookie, headers });
    }

    /// Refuses a request.
    fn deny(&self, token: u64, session_id: &str, status: u16, body: String, readable: bool) {
        self.decide(token, session_id, Decision::Deny { status, body, readable });
    }

    /// What each shard has counted.
    fn counters<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let list = PyList::empty(py);
        let Ok(net) = self.net() else { return Ok(list) };
        for counters in net.counters() {
            let dict = PyDict::new(py);
            for counter in net::Counter::ALL {
                dict.set_item(counter.name(), counters.value(*counter))?;
            }
            list.append(dict)?;
        }
        Ok(list)
    }
}

impl Server {
    fn frame(
        &self,
        kind: PacketType,
        namespace: &str,
        id: Option<u64>,
        payload: Option<&Payload>,
        attachments: Option<Vec<PyBackedBytes>>,
        flags: Flags,
    ) -> Frame {
        let attachments = attachments.unwrap_or_default();
        packet::frame(self.parser, kind, namespace, id, payload, &attachments, flags)
    }

    /// A packet that is no event and no ack.
    fn simple_frame(&self, kind: PacketType, namespace: &str, payload: Option<&Payload>) -> Frame {
        self.frame(kind, namespace, None, payload, None, Flags::default())
    }

    pub(crate) fn net(&self) -> Result<Arc<net::Server>, Error> {
        self.net.read().clone().ok_or(Error::NotRunning)
    }

    pub(crate) fn push(&self, addr: Addr, command: Command) {
        let net = self.net.read();
        if let Some(net) = &*net {
            self.promise.push(net, addr.shard, command);
        }
    }

    fn to_session(&self, session: &str, command: impl FnOnce(Addr) -> Command) {
        let registry = self.registry.lock();
        let addr = Id::parse(session).and_then(|session| registry.session_addr(&session));
        if let Some(addr) = addr {
            self.push(addr, command(addr));
        }
    }

    /// A token names a stream of the shard in its upper bits.
    fn decide(&self, token: u64, session: &str, decision: Decision) {
        let net = self.net.read();
        if let (Some(net), Some(session)) = (&*net, Id::parse(session)) {
            let (shard, token) = ((token >> 58) as u16, token & (u64::MAX >> 6));
            net.push(shard, Command::Decide { token, session, decision: Box::new(decision) });
        }
    }
}
