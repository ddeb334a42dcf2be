//! Events on their way to the program, and the descriptor that says so.
//!
//! All shards of a server share one outbox, and so do the clients of one loop. A shard appends its whole batch with one lock and
//! writes the descriptor only when it is not armed already; the program clears the descriptor,
//! disarms, then swaps the batch, so that no batch can be missed.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use mio::net::UnixStream;
use parking_lot::Mutex;

use crate::event::Event;

/// Room for so many events is kept when none waits.
const KEPT: usize = 1024;

/// The queue of events of all shards.
#[derive(Debug)]
pub struct Outbox<E = Event> {
    events: Mutex<VecDeque<(u16, E)>>,
    armed: AtomicBool,
    /// How many events of each shard the program has taken.
    taken: Vec<AtomicU64>,
    reader: UnixStream,
    writer: UnixStream,
}

impl<E> Outbox<E> {
    /// An outbox for so many shards.
    ///
    /// # Errors
    /// When the system gives no descriptors.
    pub fn new(shards: usize) -> io::Result<Self> {
        let (reader, writer) = UnixStream::pair()?;
        let taken = (0..shards).map(|_| AtomicU64::new(0)).collect();
        Ok(Self { events: Mutex::default(), armed: AtomicBool::new(false), taken, reader, writer })
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

    /// Does the same on the program's thread, which takes the events next.
    pub(crate) fn publish_quietly(&self, shard: u16, batch: &mut Vec<E>) {
        if !batch.is_empty() {
            self.events.lock().extend(batch.drain(..).map(|event| (shard, event)));
        }
    }

    /// Makes the descriptor say so when events wait that were published quietly.
    pub(crate) fn announce(&self) {
        if !self.events.lock().is_empty() {
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
    pub fn take(&self, limit: usize) -> Vec<E> {
        let mut batch = Vec::new();
        self.take_into(limit, &mut batch);
        batch
    }

    /// Appends them to `batch`, for who has use for its room again and again.
    pub fn take_into(&self, limit: usize, batch: &mut Vec<E>) {
        if self.armed.load(Ordering::SeqCst) {
            // Armed by one that has not written yet: it stays so, for what is written must be read.
            if matches!((&self.reader).read(&mut [0; 64]), Ok(1..)) {
                self.armed.store(false, Ordering::SeqCst);
            }
        }
        let mut events = self.events.lock();
        let n = limit.min(events.len());
        batch.extend(events.drain(..n).map(|(shard, event)| {
            self.taken[usize::from(shard)].fetch_add(1, Ordering::SeqCst);
            event
        }));
        let more = !events.is_empty();
        // What a burst needed is not kept.
        if !more && events.capacity() > KEPT {
            events.shrink_to(KEPT);
        }
        drop(events);
        if more {
            self.arm();
        }
    }

    /// How many of the shard's events the program has taken.
    pub(crate) fn taken(&self, shard: u16) -> u64 {
        self.taken[usize::from(shard)].load(Ordering::SeqCst)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_late_is_read_all_the_same() {
        let outbox = Outbox::<u8>::new(1).unwrap();
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
