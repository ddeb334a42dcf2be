//! The Python class `Server`: requests to the router.
//!
//! More of its methods are in `query` (queries), `drain` (events), `doors` (listeners and streams) and
//! `decoded` (packets that the application decodes). Signatures are documented in `_core.pyi`.

#![allow(clippy::needless_pass_by_value, reason = "PyO3 extracts owned arguments")]

use std::sync::Arc;

use engine::Reason;
use net::Decision;
use pyo3::prelude::*;
use pyo3::pybacked::{PyBackedBytes, PyBackedStr};
use pyo3::types::{PyDict, PyList};
use router::{Emit, Router, Sent};

use crate::drain::Drain;
use crate::error::Error;
use crate::options;
use crate::payload::{Message, Payload};

/// Bit in the result of `emit`: the caller must schedule a call of `flush`.
pub(crate) const FLUSH: u8 = 1;
/// Bit in the result of `emit`: the shards' inboxes are full; the caller should wait before it emits
/// more.
pub(crate) const FULL: u8 = 2;
/// Bit in the result of `emit`: nothing was sent, because the client's backlog is too large. A
/// `DRAINED` event says when to try again.
pub(crate) const WAIT: u8 = 4;
/// Bit beside [`WAIT`]: the backlogs of all clients together are too large. No `DRAINED` event
/// follows; the caller polls `is_crowded`.
pub(crate) const CROWDED: u8 = 8;

/// The router of one `AsyncServer`.
#[pyclass(module = "fanio._core", frozen)]
pub(crate) struct Server {
    pub(crate) router: Arc<Router>,
    pub(crate) drain: Drain,
}

#[pymethods]
impl Server {
    #[new]
    fn new(options: &Bound<'_, PyDict>) -> PyResult<Self> {
        let router = Arc::new(Router::new(options::from_dict(options)?));
        Ok(Self { router, drain: Drain::default() })
    }

    /// Changes one option, also while the server runs.
    fn set_option(&self, name: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.router.change_options(|options| options::set(options, name, value))
    }

    /// Starts the shards; returns the file descriptor that is readable while `drain()` has events.
    #[pyo3(signature = (defer = false))]
    fn start(&self, defer: bool) -> Result<i32, Error> {
        Ok(self.router.start(defer).map_err(router::Error::from)?)
    }

    /// Closes every session.
    fn shutdown(&self) {
        self.router.shut_down();
    }

    /// Ends the threads of the shards and waits for them.
    fn stop(&self, py: Python<'_>) {
        py.detach(|| self.router.stop());
    }

    /// Accepts a socket after its connect handler; false when the client has left meanwhile.
    fn accept(&self, sid: &str, payload: Payload) -> bool {
        self.router.accept(sid, &(&payload).into())
    }

    /// Holds a socket until `release`. Its events come as `EARLY_EVENT`, also when it is accepted, and
    /// it stays registered when it is refused.
    fn hold(&self, sid: &str) {
        self.router.hold(sid, true);
    }

    /// Ends the hold of a socket.
    fn release(&self, sid: &str) {
        self.router.hold(sid, false);
    }

    /// Refuses a socket after its connect handler, and removes it unless it is held.
    fn refuse(&self, sid: &str, payload: Payload) {
        self.router.refuse(sid, &(&payload).into());
    }

    /// Removes a socket that has left, after its disconnect handler.
    fn forget(&self, sid: &str) {
        self.router.forget(sid);
    }

    /// Wakes the shards for everything that was pushed without a wake.
    ///
    /// The GIL is kept, here and in `turn`. The work takes microseconds; after a release, a busy thread
    /// of the application could keep the GIL for 5 ms.
    fn flush(&self) {
        self.router.flush();
    }

    /// Runs a turn of a shard; false when the shard is not in inline mode (any more).
    fn turn(&self, shard: u16) -> bool {
        self.router.take_turn(shard)
    }

    /// Sends an event to a namespace, or to rooms and sockets in it, each client once.
    ///
    /// Returns the bits [`FLUSH`] and [`FULL`]; when nothing was sent, [`WAIT`] and perhaps
    /// [`CROWDED`].
    #[pyo3(signature = (
        namespace, payload, attachments, to, skip, ack_id,
        except_rooms = None, volatile = false, conflate = None, compress = true, may_wait = false,
    ))]
    #[expect(clippy::too_many_arguments, reason = "the fields of router::Emit")]
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
        may_wait: bool,
    ) -> u8 {
        let sent = self.router.emit(&Emit {
            namespace,
            payload: (&payload).into(),
            attachments: attachments.iter().flatten().map(|data| &**data).collect(),
            to: to.as_ref().map(|names| names.iter().map(|name| &**name).collect()),
            skip: skip.iter().flatten().map(|name| &**name).collect(),
            except_rooms: except_rooms.iter().flatten().map(|name| &**name).collect(),
            ack_id,
            volatile,
            conflate,
            compress,
            may_wait,
        });
        flags(sent)
    }

    /// Whether a shard's inbox is full, so that the caller should wait before the next emit.
    fn is_full(&self) -> bool {
        self.router.is_full()
    }

    /// Whether the backlogs of all clients together are so large that a large event for one client
    /// should wait.
    fn is_crowded(&self) -> bool {
        self.router.is_crowded()
    }

    /// Sends messages to a session without a packet header, in order; returns the same as `emit`.
    #[pyo3(signature = (session_id, messages, may_wait = false))]
    fn send(&self, session_id: &str, messages: Vec<Message>, may_wait: bool) -> u8 {
        let messages: Vec<_> = messages.iter().map(Into::into).collect();
        flags(self.router.send(session_id, &messages, may_wait))
    }

    /// Sends the ack of an event; returns the same as `emit`.
    #[pyo3(signature = (sid, ack_id, payload, attachments, may_wait = false))]
    fn ack(
        &self,
        sid: &str,
        ack_id: u64,
        payload: Payload,
        attachments: Option<Vec<PyBackedBytes>>,
        may_wait: bool,
    ) -> u8 {
        let attachments: Vec<&[u8]> = attachments.iter().flatten().map(|data| &**data).collect();
        flags(self.router.ack(sid, ack_id, &(&payload).into(), &attachments, may_wait))
    }

    fn join(&self, sid: &str, namespace: &str, room: &str) -> Result<(), Error> {
        Ok(self.router.join(sid, namespace, room)?)
    }

    fn leave(&self, sid: &str, namespace: &str, room: &str) {
        self.router.leave(sid, namespace, room);
    }

    fn close_room(&self, namespace: &str, room: &str) {
        self.router.close_room(namespace, room);
    }

    /// Sends DISCONNECT to a connected socket; its end comes as a `DISCONNECT` event. False when it is
    /// not connected.
    #[pyo3(signature = (sid, namespace, payload = None))]
    fn disconnect(&self, sid: &str, namespace: &str, payload: Option<Payload>) -> bool {
        let payload = payload.as_ref().map_or(router::Payload::Data(b""), Into::into);
        self.router.disconnect(sid, namespace, &payload)
    }

    /// Closes a session with all its sockets.
    fn close(&self, session_id: &str, reason: &str) {
        let reason = match reason {
            "parse error" => Reason::ParseError,
            _ => Reason::ServerDisconnect,
        };
        self.router.close(session_id, reason);
    }

    fn pause(&self, session_id: &str) {
        self.router.pause(session_id);
    }

    fn resume(&self, session_id: &str) {
        self.router.resume(session_id);
    }

    /// Admits a request that waits for a decision; `headers` are added to its response.
    #[pyo3(signature = (token, session_id, cookie, headers))]
    fn admit(&self, token: u64, session_id: &str, cookie: Option<String>, headers: String) {
        self.router.decide(token, session_id, Decision::Admit { cookie, headers });
    }

    /// Denies a request that waits for a decision; `readable` adds the CORS headers to the response.
    fn deny(&self, token: u64, session_id: &str, status: u16, body: String, readable: bool) {
        self.router.decide(token, session_id, Decision::Deny { status, body, readable });
    }

    /// The counters of each shard: a list of dictionaries.
    fn counters<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let list = PyList::empty(py);
        for counted in self.router.counters() {
            let dict = PyDict::new(py);
            for (name, value) in counted {
                dict.set_item(name, value)?;
            }
            list.append(dict)?;
        }
        Ok(list)
    }
}

fn flags(sent: Sent) -> u8 {
    let flush = if sent.flush { FLUSH } else { 0 };
    let full = if sent.full { FULL } else { 0 };
    let wait = if sent.wait { WAIT } else { 0 };
    let crowded = if sent.crowded { CROWDED } else { 0 };
    flush | full | wait | crowded
}
