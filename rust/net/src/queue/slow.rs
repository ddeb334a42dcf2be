//! Clients that read more slowly than they are sent to: what may wait, and what happens past it.
//!
//! Bounds that end in `slow client`: the time in which the kernel took nothing, the age of the oldest packet,
//! and, for the sake of memory, bytes and packets of one client and bytes of all clients. What an emit
//! allows to be dropped is dropped before it counts. When the program should wait for a client is in `level`.

use engine::{Reason, Time, Transport};
use protocol::Id;
use rooms::{Addr, Frame, Run, Tally};

use crate::counters::Counter;
use crate::queue::entry::Entry;
use crate::queue::send_batch::{SendBatch, Sent};
use crate::queue::waiting::Waiting;
use crate::session::NONE;
use crate::socket::stream::{Role, Stream};
use crate::table::Table;

/// A client that has taken nothing for so many milliseconds is the first to go when all have too much,
/// if it has more waiting than this part of it.
const STALLED: u64 = 2000;
const SMALL: usize = 1024;

/// Who has something waiting.
#[derive(Clone, Copy, Debug)]
enum Slow {
    Session(u32),
    /// A response, which belongs to no session any more.
    Stream(u32),
}

impl Table {
    /// Counts what became of packets.
    pub(crate) fn count_sent(&self, sent: Sent) {
        self.counters.add_many(Counter::BytesSent, sent.bytes as u64);
        self.counters.add_many(Counter::PacketsSent, u64::from(sent.packets));
        if sent.volatile > 0 {
            self.counters.add_many(Counter::DroppedVolatile, u64::from(sent.volatile));
        }
        if sent.conflated > 0 {
            self.counters.add_many(Counter::DroppedConflated, u64::from(sent.conflated));
        }
    }

    /// Gives a WebSocket with a backlog its deadline, which moves when the kernel takes something.
    pub(crate) fn watch(&mut self, stream: u32, sent: Sent) {
        let write_timeout = self.options.write_timeout;
        let Some(entry) = self.streams.get_mut(stream) else {
            return;
        };
        if !matches!(entry.role, Role::WebSocket { .. }) {
            return;
        }
        entry.deadline = match entry.backlog() {
            Some(backlog) if sent.waits => backlog.taken().plus(write_timeout).min(backlog.due()),
            _ => Time(0),
        };
        self.file_stream(stream);
    }

    /// Nothing of a backlog was written for too long.
    ///
    /// The poller reports a stream only when much of the kernel's buffer is free, which takes long
    /// on a thin link; so the kernel is asked once more.
    pub(crate) fn expire_backlog(&mut self, slot: u32) {
        self.flush(slot);
        let Some(stream) = self.streams.get(slot) else {
            return;
        };
        if stream.deadline.0 == 0 || stream.deadline > self.now {
            return self.file_stream(slot);
        }
        match stream.role {
            Role::WebSocket { session, probe: false, .. } if session != NONE => {
                self.close_session(session, Reason::SlowClient);
            }
            _ => self.lose_stream(slot, true),
        }
    }

    /// Packets that nobody gets any more.
    pub(crate) fn lose_packets(&self, packets: u32) {
        if packets > 0 {
            self.counters.add_many(Counter::DroppedClosed, u64::from(packets));
        }
    }

    /// What was pending for a connection when it was closed.
    pub(crate) fn lose_tally(&self, lost: Tally) {
        self.lose_packets(lost.packets);
        self.counters.add_many(Counter::DroppedConflated, u64::from(lost.conflated));
    }

    /// Closes the session of a stream for which more waits than may; tells the program when it should
    /// wait.
    pub(crate) fn limit_stream(&mut self, session: u32, stream: u32) {
        let (bytes, packets) = (self.options.max_queue_bytes, self.options.max_queue_packets);
        let stream = self.streams.get(stream);
        if stream.is_some_and(|stream| stream.exceeds(bytes, packets)) {
            self.step.close_later(session, Reason::SlowClient);
        }
        self.note_level(session);
    }

    /// Queues a run for a polling client.
    pub(crate) fn queue_run(&mut self, slot: u32, run: &Run<'_>) {
        self.sessions.want_poll(slot);
        let (bytes, packets) = (self.options.max_queue_bytes, self.options.max_queue_packets);
        let (mark, count) = (self.options.mark(), run.tally().packets as usize);
        let own = SendBatch::Run(run).own();
        let Some(session) = self.sessions.get_mut(slot) else {
            return;
        };
        let was_empty = session.queue.is_none();
        let (mut volatile, mut conflated) = (0, 0);
        for (place, frame) in run.frames().enumerate() {
            if frame.flags().volatile && session.has_backlog() {
                volatile += 1;
            } else {
                let is_own = own.is(place, count);
                conflated +=
                    u64::from(session.push(frame.clone(), 1, is_own, &mut self.queued_memory));
            }
        }
        self.counters.add_many(Counter::DroppedVolatile, volatile);
        self.counters.add_many(Counter::DroppedConflated, conflated);
        let Some(queue) = &session.queue else { return };
        if queue.exceeds(bytes, packets) {
            self.step.close_later(slot, Reason::SlowClient);
        }
        if queue.bytes() > mark {
            self.note_level(slot);
        }
        // A poll that waits takes it at the end of the turn.
        if was_empty && self.sessions.get(slot).is_some_and(|session| session.poll == NONE) {
            self.file_session(slot);
        }
    }

    /// Keeps a packet for a socket whose connect handler runs.
    pub(crate) fn hold(&mut self, addr: Addr, sid: Id, frame: Frame) {
        let limit = self.options.max_queue_bytes;
        let Some(session) = self.sessions.at(addr) else {
            return;
        };
        session.hold(sid, frame);
        if session.held().0 > limit {
            self.step.close_later(addr.slot, Reason::SlowClient);
        }
    }

    /// What waited for a polling client goes to its WebSocket.
    pub(crate) fn move_queue(&mut self, slot: u32, stream: u32, mut queue: Waiting<Frame>) {
        let entries: Vec<Entry<Frame>> =
            std::iter::from_fn(|| queue.pop(&mut self.queued_memory)).collect();
        let agreed = self.streams.get(stream).and_then(Stream::deflate);
        let forms = entries.iter().map(|e| self.codecs.form(&e.item, agreed));
        let forms: Vec<_> = forms.collect();
        self.write_batch(slot, stream, forms.iter(), SendBatch::Moved(&entries));
    }

    /// Closes those for whom the most waits, while more waits than all clients may have together.
    ///
    /// Each shard answers for its share, so that the one that has the most acts: when the sum is
    /// over the limit, some shard is over its share.
    pub(crate) fn relieve(&mut self) {
        self.counters.set(Counter::QueuedBytes, self.queued_memory.bytes());
        let limit = self.options.max_total_queue_bytes;
        if self.queued_memory.bytes() == 0
            || self.shards.total(Counter::QueuedBytes) <= limit as u64
        {
            return;
        }
        let share = limit / self.shards.count();
        if self.queued_memory.bytes() <= share {
            return self.shards.nudge_all();
        }
        // Clients that take what they are sent are spared for as long as that can be afforded.
        let is_much = self.queued_memory.bytes() > share.saturating_mul(2);
        for ((is_stalled, _), who) in self.worst_first() {
            if self.queued_memory.bytes() <= share || !(is_stalled || is_much) {
                return;
            }
            match who {
                Slow::Session(slot) => self.close_session(slot, Reason::SlowClient),
                Slow::Stream(slot) => self.lose_stream(slot, true),
            }
        }
    }

    /// Everybody for whom something waits: those that take nothing first, and among them those with
    /// the most waiting.
    fn worst_first(&self) -> Vec<((bool, usize), Slow)> {
        let least = self.options.max_total_queue_bytes / self.shards.count() / SMALL;
        let stalled =
            |taken: Time, bytes| bytes > least && self.now.0 >= taken.0.saturating_add(STALLED);
        let streams = self.streams.iter().filter_map(|(slot, stream)| {
            let backlog = stream.backlog()?;
            let who = match stream.role {
                Role::WebSocket { session, .. } if self.sessions.get(session).is_some() => {
                    Slow::Session(session)
                }
                _ => Slow::Stream(slot),
            };
            let bytes = backlog.bytes();
            Some(((stalled(backlog.taken(), bytes), bytes), who))
        });
        let sessions = self.sessions.iter().filter_map(|(slot, session)| {
            let queue = session.queue.as_ref()?;
            let bytes = queue.bytes();
            let is_stalled = stalled(queue.taken(), bytes) && !self.reads_answer(slot);
            Some(((is_stalled, bytes), Slow::Session(slot)))
        });
        let mut found: Vec<_> = streams.chain(sessions).collect();
        found.sort_unstable_by_key(|(badness, _)| std::cmp::Reverse(*badness));
        found
    }

    /// Shows what is now to those who ask for it.
    pub(crate) fn show_gauges(&self) {
        for (gauge, value) in [
            (Counter::QueuedBytes, self.queued_memory.bytes()),
            (Counter::QueuedPackets, self.queued_memory.packets()),
            (Counter::Polling, self.sessions.live(Transport::Polling)),
            (Counter::WebSocket, self.sessions.live(Transport::WebSocket)),
            (Counter::Sockets, self.sessions.sockets()),
        ] {
            self.counters.set(gauge, value);
        }
    }
}
