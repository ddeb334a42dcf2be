//! What waits for all clients of a shard: the memory that their queues keep alive.
//!
//! A buffer that many clients wait for counts once. Clients get the same buffer, or what is left of
//! it when its first bytes are written, so the address of its end names it while somebody holds it.

use bytes::Bytes;
use engine::Time;
use rustc_hash::FxHashMap;

use crate::options::Options;
use crate::queue::entry::SLOT;

/// The account of one shard.
#[derive(Debug, Default)]
pub(crate) struct QueuedMemory {
    buffers: FxHashMap<usize, Buffer>,
    bytes: usize,
    packets: usize,
    clock: Clock,
}

/// The time, and how long a packet may wait.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clock {
    pub(crate) now: Time,
    /// Milliseconds.
    max_age: u64,
    /// Bytes that may take as long as that.
    mark: u64,
}

impl Clock {
    fn set(&mut self, now: Time, options: &Options) {
        let max_age = options.max_queue_age.as_millis().min(u128::from(u64::MAX)) as u64;
        *self = Self { now, max_age, mark: options.mark() as u64 };
    }

    /// When what is queued at a time has waited for too long.
    pub(crate) fn latest(&self, from: Time) -> Time {
        Time(from.0.saturating_add(self.max_age))
    }

    /// The time after this one at which a client must have taken so many bytes more.
    pub(crate) fn taken_by(&self, from: Time, bytes: usize) -> Time {
        let allowed = self.max_age.saturating_mul(bytes as u64) / self.mark.max(1);
        Time(from.0.saturating_add(allowed))
    }
}

#[derive(Debug, Default)]
struct Buffer {
    holders: u32,
    bytes: usize,
}

fn end_of(data: &Bytes) -> usize {
    data.as_ptr() as usize + data.len()
}

impl QueuedMemory {
    /// Sets the time of what is queued from now on.
    pub(crate) fn set_clock(&mut self, now: Time, options: &Options) {
        self.clock.set(now, options);
    }

    pub(crate) fn clock(&self) -> Clock {
        self.clock
    }

    /// Bytes kept alive, those of the queues themselves included.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Packets that wait, over all clients.
    pub(crate) fn packets(&self) -> usize {
        self.packets
    }

    /// A queue holds this data, which keeps `pinned` bytes alive.
    pub(crate) fn hold(&mut self, data: &Bytes, pinned: usize, packets: u32) {
        let buffer = self.buffers.entry(end_of(data)).or_default();
        buffer.holders += 1;
        let more = pinned.saturating_sub(buffer.bytes);
        buffer.bytes += more;
        self.bytes += more + SLOT;
        self.packets += packets as usize;
    }

    /// A queue holds it no more. Its first bytes may have been written meanwhile.
    pub(crate) fn release(&mut self, data: &Bytes, packets: u32) {
        let end = end_of(data);
        self.packets -= packets as usize;
        self.bytes -= SLOT;
        if let Some(buffer) = self.buffers.get_mut(&end) {
            buffer.holders -= 1;
            if buffer.holders == 0 {
                self.bytes -= buffer.bytes;
                self.buffers.remove(&end);
                self.shrink();
            }
        }
    }

    /// A burst must not keep its table for ever.
    fn shrink(&mut self) {
        if self.buffers.is_empty() && self.buffers.capacity() > 1024 {
            self.buffers = FxHashMap::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Buf;

    use super::*;

    #[test]
    fn a_shared_buffer_counts_once() {
        let mut memory = QueuedMemory::default();
        let (whole, other) = (Bytes::from(vec![0; 1000]), Bytes::from(vec![0; 10]));
        let mut rest = whole.clone();
        memory.hold(&whole, 1000, 2);
        memory.hold(&rest, 1000, 2);
        memory.hold(&other, 10, 1);
        assert_eq!((memory.bytes(), memory.packets()), (1010 + 3 * SLOT, 5));
        rest.advance(400);
        memory.release(&rest, 2);
        assert_eq!(memory.bytes(), 1010 + 2 * SLOT);
        memory.release(&whole, 2);
        memory.release(&other, 1);
        assert_eq!((memory.bytes(), memory.packets()), (0, 0));
    }
}
