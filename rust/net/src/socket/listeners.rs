//! The listening sockets of one shard: accepts connections and distributes them to the shards.
//!
//! The sockets themselves are in `accept.rs`.

use engine::Time;
use mio::{Registry, Token};

use crate::command::Command;
use crate::counters::Counter;
use crate::socket::accept::{Arrival, Listener};
use crate::table::Table;

/// Tokens from this number on belong to listeners. The slots of streams never reach it.
const FIRST: usize = usize::MAX / 2;
/// The maximum number of connections accepted from one listener in one turn.
const ACCEPTS: usize = 128;
/// The pause of all listeners when the process has no file descriptor left, in milliseconds.
const REST: u64 = 100;

#[derive(Debug, Default)]
pub(crate) struct Listeners {
    all: Vec<Listener>,
    /// Indexes of the listeners that may have a connection.
    ready: Vec<usize>,
    rest_until: Option<Time>,
    /// The number of the shard that got the last connection.
    turn: usize,
}

impl Listeners {
    /// Starts to accept connections from a listener.
    pub(crate) fn add(&mut self, mut listener: Listener, registry: &Registry) {
        if listener.register(registry, Token(FIRST + self.all.len())).is_ok() {
            self.ready.push(self.all.len());
            self.all.push(listener);
        }
    }

    /// Closes all listeners.
    pub(crate) fn close(&mut self, registry: &Registry) {
        self.ready.clear();
        for mut listener in self.all.drain(..) {
            // On an error, closing the socket deregisters it too.
            let _ = listener.deregister(registry);
        }
    }

    /// Marks the listener of a token as ready; false when the token is not a listener's.
    pub(crate) fn take_note(&mut self, token: Token) -> bool {
        if token.0 < FIRST {
            return false;
        }
        self.ready.push(token.0 - FIRST);
        true
    }

    /// Whether there are connections that can be accepted now.
    pub(crate) fn is_busy(&self) -> bool {
        !self.ready.is_empty() && self.rest_until.is_none()
    }

    /// When the pause ends, if there is one.
    pub(crate) fn due(&self) -> Option<Time> {
        self.rest_until
    }

    /// Accepts from the listeners that are ready.
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
                Ok(arrival) => self.distribute(arrival, table),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return,
                Err(error) if is_exhausted(&error) => {
                    table.counters.add(Counter::AcceptErrors);
                    self.rest_until = Some(Time(table.now.0 + REST));
                    break;
                }
                // The peer has closed the connection before it was accepted.
                Err(_) => {}
            }
        }
        if !self.ready.contains(&index) {
            self.ready.push(index);
        }
    }

    /// Gives a connection to the next shard, round robin.
    fn distribute(&mut self, arrival: Arrival, table: &mut Table) {
        self.turn = (self.turn + 1) % table.shards.count();
        let shard = self.turn as u16;
        if shard == table.number() {
            table.arrive(arrival);
        } else {
            table.shards.push(shard, Command::Arrive(Box::new(arrival)));
        }
    }
}

/// Whether the process or the system has no file descriptor or memory left.
fn is_exhausted(error: &std::io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM))
}
