//! The listening sockets of one shard, and when connections are taken from them.

use engine::Time;
use mio::{Registry, Token};

use crate::command::Command;
use crate::counters::Counter;
use crate::socket::accept::{Arrival, Listener};
use crate::table::Table;

/// Tokens from here on are listeners; a slab never grows so far.
const FIRST: usize = usize::MAX / 2;
/// Connections accepted from one listener in a turn.
const ACCEPTS: usize = 128;
/// How long listeners rest when the process has no descriptor left, in milliseconds.
const REST: u64 = 100;

#[derive(Debug, Default)]
pub(crate) struct Listeners {
    all: Vec<Listener>,
    /// Those that may have a connection.
    ready: Vec<usize>,
    rest_until: Option<Time>,
    /// The shard that got the last connection.
    turn: usize,
}

impl Listeners {
    /// Starts to accept from a listener.
    pub(crate) fn add(&mut self, mut listener: Listener, registry: &Registry) {
        if listener.register(registry, Token(FIRST + self.all.len())).is_ok() {
            self.ready.push(self.all.len());
            self.all.push(listener);
        }
    }

    /// Closes them.
    pub(crate) fn close(&mut self, registry: &Registry) {
        self.ready.clear();
        for mut listener in self.all.drain(..) {
            // Closing it deregisters it as well.
            let _ = listener.deregister(registry);
        }
    }

    /// Whether a token is a listener's, which has a connection then.
    pub(crate) fn take_note(&mut self, token: Token) -> bool {
        if token.0 < FIRST {
            return false;
        }
        self.ready.push(token.0 - FIRST);
        true
    }

    /// Whether connections wait that can be accepted at once.
    pub(crate) fn is_busy(&self) -> bool {
        !self.ready.is_empty() && self.rest_until.is_none()
    }

    /// When connections that wait can be accepted.
    pub(crate) fn due(&self) -> Option<Time> {
        self.rest_until
    }

    /// Accepts what waits.
    pub(crate) fn accept(&mut self, table: &mut Table) {
        if self.rest_until.is_some_and(|until| until > table.now) {
            return;
        }
        self.rest_until = None;
        for index in std::mem::take(&mut self.ready) {
            self.accept_from(index, table);
        }
    }

    fn accept_from(&mut self, index: usize, table: &mut Table) {
        for _ in 0..ACCEPTS {
            let Some(listener) = self.all.get(index) else {
                return;
            };
            match listener.accept() {
                Ok(arrival) => self.place(arrival, table),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return,
                Err(error) if is_exhausted(&error) => {
                    table.counters.add(Counter::AcceptErrors);
                    self.rest_until = Some(Time(table.now.0 + REST));
                    break;
                }
                // The peer gave up while it waited.
                Err(_) => {}
            }
        }
        if !self.ready.contains(&index) {
            self.ready.push(index);
        }
    }

    /// Shards take turns at new connections.
    fn place(&mut self, arrival: Arrival, table: &mut Table) {
        self.turn = (self.turn + 1) % table.shards.count();
        let shard = self.turn as u16;
        if shard == table.number() {
            table.arrive(arrival);
        } else {
            table.shards.push(shard, Command::Arrive(Box::new(arrival)));
        }
    }
}

/// Whether the process or the system has no descriptor left.
fn is_exhausted(error: &std::io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM))
}
