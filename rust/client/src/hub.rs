//! The connections of one event loop: it opens them and takes their events here.
//!
//! The hub and its handles only pass on commands and events. The tasks on the client shard do the work.

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

/// Opens connections and collects their events.
#[derive(Debug)]
pub struct Hub {
    shard: Arc<Shard>,
    outbox: Arc<Outbox<ConnectionEvent>>,
    next: AtomicU64,
}

impl Hub {
    /// Creates a hub. Starts the client shard if it is not running.
    ///
    /// # Errors
    /// The system cannot provide a thread or a file descriptor.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            shard: Shard::shared()?,
            outbox: Arc::new(Outbox::new()?),
            next: AtomicU64::new(1),
        })
    }

    /// A file descriptor that is readable while events wait.
    pub fn fd(&self) -> RawFd {
        self.outbox.fd()
    }

    /// Opens a connection. Its last event is `Failed`, or after `Opened` it is `Closed`.
    pub fn connect(&self, options: Options) -> Handle {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let send_queue = Arc::new(SendQueue::default());
        let (inbox, outbox) = (Arc::clone(&send_queue), Arc::clone(&self.outbox));
        let epoch = self.shard.epoch;
        let options = Arc::new(options);
        self.shard.runtime.spawn(async move {
            // The connection is created inside the task because its timer needs the runtime.
            Box::pin(Connection::new(id, options, inbox, outbox, epoch)).await;
        });
        Handle { id, send_queue }
    }

    /// Takes up to `limit` events, each with the number of its connection.
    pub fn take(&self, limit: usize) -> Vec<(u64, Event)> {
        let taken = self.outbox.take(limit).into_iter();
        taken
            .map(|ConnectionEvent { connection, event, cost, send_queue }| {
                send_queue.note_taken(cost);
                (connection, event)
            })
            .collect()
    }
}

/// The application's handle of a connection. Dropping it aborts the connection.
#[derive(Debug)]
pub struct Handle {
    /// The connection's number in the hub.
    pub id: u64,
    send_queue: Arc<SendQueue>,
}

impl Handle {
    /// Queues messages, with no other message between them. Returns the number of bytes that wait
    /// to be sent.
    pub fn send(&self, messages: impl IntoIterator<Item = Outgoing>) -> usize {
        self.send_queue.send(messages)
    }

    /// Queues the answer to an event, and returns the same as `send`. The connection stops reading
    /// while the server does not take its answers.
    pub fn answer(&self, messages: impl IntoIterator<Item = Outgoing>) -> usize {
        self.send_queue.answer(messages)
    }

    /// Ends the session at once and drops all queued messages.
    pub fn abort(&self) {
        self.send_queue.close(true, Vec::new());
    }

    /// Ends the session after all queued messages were sent, and sends `last_messages` at the end.
    pub fn close(&self, last_messages: Vec<Outgoing>) {
        self.send_queue.close(false, last_messages);
    }

    /// The number of bytes that wait to be sent.
    pub fn queued(&self) -> usize {
        self.send_queue.queued()
    }

    /// Requests one `Drained` event for the time when at most half of `limit` bytes wait.
    pub fn await_drained(&self, limit: usize) {
        self.send_queue.await_drained(limit);
    }

    /// Stops or resumes reading.
    pub fn pause(&self, paused: bool) {
        self.send_queue.pause(paused);
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.abort();
    }
}
