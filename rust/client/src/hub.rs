//! The clients of one asyncio loop: connections go out from here, events come back here.

use std::io;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use net::Outbox;

use crate::connection::Connection;
use crate::event::{ConnectionEvent, Event};
use crate::options::Options;
use crate::send_queue::{Outgoing, SendQueue};
use crate::shard::Shard;

/// Opens connections and hears from them.
#[derive(Debug)]
pub struct Hub {
    shard: Arc<Shard>,
    outbox: Arc<Outbox<ConnectionEvent>>,
    next: AtomicU64,
}

impl Hub {
    /// Starts the client shard, unless it runs.
    ///
    /// # Errors
    /// When the system gives no thread or descriptors.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            shard: Shard::shared()?,
            outbox: Arc::new(Outbox::new()?),
            next: AtomicU64::new(1),
        })
    }

    /// The descriptor that is readable while events wait.
    pub fn fd(&self) -> RawFd {
        self.outbox.fd()
    }

    /// Opens a connection. It ends with `Failed`, or with `Closed` after `Opened`.
    pub fn connect(&self, options: Options) -> Handle {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let send_queue = Arc::new(SendQueue::default());
        let (inbox, outbox) = (Arc::clone(&send_queue), Arc::clone(&self.outbox));
        let epoch = self.shard.epoch;
        let options = Arc::new(options);
        self.shard.runtime.spawn(async move {
            // Made here: its timers belong to the runtime.
            Box::pin(Connection::new(id, options, inbox, outbox, epoch)).await;
        });
        Handle { id, send_queue }
    }

    /// Takes up to `limit` events.
    pub fn take(&self, limit: usize) -> Vec<(u64, Event)> {
        let notices = self.outbox.take(limit).into_iter();
        notices
            .map(|notice| {
                notice.send_queue.note_taken(notice.cost);
                (notice.connection, notice.event)
            })
            .collect()
    }
}

/// A connection, from the program's side. Dropping it aborts the connection.
#[derive(Debug)]
pub struct Handle {
    /// Its number in the hub.
    pub id: u64,
    send_queue: Arc<SendQueue>,
}

impl Handle {
    /// Sends messages that stay together; returns how many bytes wait now.
    pub fn send(&self, messages: impl IntoIterator<Item = Outgoing>) -> usize {
        self.send_queue.send(messages)
    }

    /// Sends the answer to an event; returns as `send` does. A server that does not take its answers
    /// is not read from.
    pub fn answer(&self, messages: impl IntoIterator<Item = Outgoing>) -> usize {
        self.send_queue.answer(messages)
    }

    /// Ends the session at once.
    pub fn abort(&self) {
        self.send_queue.close(true, Vec::new());
    }

    /// Ends the session when everything before it is sent and read, with these messages.
    pub fn close(&self, last_messages: Vec<Outgoing>) {
        self.send_queue.close(false, last_messages);
    }

    /// Bytes that wait to be sent.
    pub fn queued(&self) -> usize {
        self.send_queue.queued()
    }

    /// Asks for one `Drained` event when no more than the half of `limit` waits.
    pub fn await_drained(&self, limit: usize) {
        self.send_queue.await_drained(limit);
    }

    /// Stops reading, or goes on with it.
    pub fn pause(&self, paused: bool) {
        self.send_queue.pause(paused);
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.abort();
    }
}
