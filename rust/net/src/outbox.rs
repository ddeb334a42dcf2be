//! Events on their way to the application, and the descriptor that says so.
//!
//! All shards of a server share one outbox, and so do the clients of one loop. A shard appends its whole batch with one lock and
//! writes the descriptor only when it is not armed already; the application clears the descriptor,
//! disarms, then takes a batch, so that no batch can be missed. In what order events are taken is
//! the queue's to say.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};

use mio::net::UnixStream;
use parking_lot::{Mutex, MutexGuard};

/// Room for so many events is kept when none waits.
pub(crate) const KEPT: usize = 1024;

/// Where events wait in an outbox; `E` is what is put into it.
pub trait Queue<E>: Default {
    /// What is taken out of it.
    type Event;

    /// Appends an event of a shard.
    fn put(&mut self, shard: u16, event: E);

    /// Appends up to `limit` events to a batch, at least one when there is any.
    fn take(&mut self, limit: usize, batch: &mut Vec<Self::Event>);

    /// Whether nothing waits.
    fn is_empty(&self) -> bool;
}

/// In the order of their arrival.
impl<E> Queue<E> for VecDeque<E> {
    type Event = E;

    fn put(&mut self, _shard: u16, event: E) {
        self.push_back(event);
    }

    fn take(&mut self, limit: usize, batch: &mut Vec<E>) {
        batch.extend(self.drain(..limit.min(self.len())));
        // What a burst needed is not kept.
        if self.is_empty() && self.capacity() > KEPT {
            self.shrink_to(KEPT);
        }
    }

    fn is_empty(&self) -> bool {
        self.is_empty()
    }
}

/// The events of all shards, and their descriptor.
#[derive(Debug)]
pub struct Outbox<E, Q = VecDeque<E>> {
    queue: Mutex<Q>,
    armed: AtomicBool,
    reader: UnixStream,
    writer: UnixStream,
    entries: std::marker::PhantomData<fn(E)>,
}

impl<E, Q: Queue<E>> Outbox<E, Q> {
    /// An empty outbox.
    ///
    /// # Errors
    /// When the system gives no descriptors.
    pub fn new() -> io::Result<Self> {
        let (reader, writer) = UnixStream::pair()?;
        let (queue, armed) = (Mutex::default(), AtomicBool::new(false));
        Ok(Self { queue, armed, reader, writer, entries: std::marker::PhantomData })
    }

    /// The descriptor that is readable while events wait.
    pub fn fd(&self) -> RawFd {
        self.reader.as_raw_fd()
    }

    /// Appends a shard's batch and empties it.
    pub fn publish(&self, shard: u16, batch: &mut Vec<E>) {
        if !batch.is_empty() {
            self.publish_quietly(shard, batch);
            self.arm();
        }
    }

    /// Does the same on the application's thread, which takes the events next.
    pub(crate) fn publish_quietly(&self, shard: u16, batch: &mut Vec<E>) {
        if !batch.is_empty() {
            let mut queue = self.queue.lock();
            batch.drain(..).for_each(|event| queue.put(shard, event));
        }
    }

    /// Makes the descriptor say so when events wait that were published quietly.
    pub(crate) fn announce(&self) {
        if !self.queue.lock().is_empty() {
            self.arm();
        }
    }

    fn arm(&self) {
        if !self.armed.swap(true, Ordering::SeqCst) {
            // A full pipe is readable already.
            let _ = (&self.writer).write(&[1]);
        }
    }

    /// Takes up to `limit` events. When some are left, the descriptor stays readable.
    pub fn take(&self, limit: usize) -> Vec<Q::Event> {
        let mut batch = Vec::new();
        self.take_into(limit, &mut batch);
        batch
    }

    /// Appends them to `batch`, for who has use for its room again and again.
    pub fn take_into(&self, limit: usize, batch: &mut Vec<Q::Event>) {
        if self.armed.load(Ordering::SeqCst) {
            // Armed by one that has not written yet: it stays so, for what is written must be read.
            if matches!((&self.reader).read(&mut [0; 64]), Ok(1..)) {
                self.armed.store(false, Ordering::SeqCst);
            }
        }
        let mut queue = self.queue.lock();
        queue.take(limit, batch);
        let has_more = !queue.is_empty();
        drop(queue);
        if has_more {
            self.arm();
        }
    }

    /// What waits.
    pub(crate) fn queue(&self) -> MutexGuard<'_, Q> {
        self.queue.lock()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_late_is_read_all_the_same() {
        let outbox = Outbox::<u8>::new().unwrap();
        // A shard that has said it will write, and the program takes the events before it does.
        outbox.publish_quietly(0, &mut vec![1]);
        assert!(!outbox.armed.swap(true, Ordering::SeqCst));
        assert_eq!(outbox.take(9), [1]);
        assert_eq!((&outbox.writer).write(&[1]).unwrap(), 1);
        assert!(outbox.take(9).is_empty());
        assert!((&outbox.reader).read(&mut [0]).is_err(), "still readable");
        outbox.publish(0, &mut vec![2]);
        assert_eq!((&outbox.reader).read(&mut [0]).unwrap(), 1);
    }
}
