//! Clients that read more slowly than they are sent to: what may wait, and what happens past it.
//!
//! Four bounds, all of which end in `slow client`: bytes and packets of one client, bytes of all
//! clients, and the time in which the kernel took nothing. What an emit allows to be dropped is
//! dropped before it counts.

use engine::{Reason, Time};
use rooms::{Frame, Run, Tally};

use crate::counters::Counter;
use crate::queue::cargo::{Cargo, Sent, form};
use crate::queue::waiting::{Entry, Waiting};
use crate::session::NONE;
use crate::socket::stream::{Role, Stream};
use crate::table::Table;

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

    /// Gives a WebSocket with a backlog its deadline, which moves whenever the kernel takes something.
    pub(crate) fn watch(&mut self, stream: u32, sent: Sent) {
        let Some(entry) = self.streams.get_mut(stream as usize) else {
            return;
        };
        if !matches!(entry.role, Role::WebSocket { .. }) {
            return;
        }
        if !sent.waits {
            entry.deadline = Time(0);
        } else if sent.bytes > 0 || entry.deadline == Time(0) {
            entry.deadline = Time(self.now.0 + self.options.write_timeout.as_millis() as u64);
            self.file_stream(stream);
        }
    }

    /// Nothing of a backlog was written for too long.
    ///
    /// The poller reports a stream only when much of the kernel's buffer is free, which takes long
    /// on a thin link; so the kernel is asked once more.
    pub(crate) fn expire_backlog(&mut self, slot: u32) {
        self.flush(slot);
        let Some(stream) = self.streams.get(slot as usize) else {
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

    /// Closes the session of a stream for which too much waits.
    pub(crate) fn limit_stream(&mut self, session: u32, stream: u32) {
        let (bytes, packets) = (self.options.max_queue_bytes, self.options.max_queue_packets);
        let stream = self.streams.get(stream as usize);
        if stream.is_some_and(|stream| stream.exceeds(bytes, packets)) {
            self.doomed.push((session, Reason::SlowClient));
        }
    }

    /// Queues a run for a polling client.
    pub(crate) fn queue_run(&mut self, slot: u32, run: &Run<'_>) {
        self.want_poll(slot);
        let (bytes, packets) = (self.options.max_queue_bytes, self.options.max_queue_packets);
        let Some(session) = self.sessions.entry_mut(slot) else {
            return;
        };
        let (mut volatile, mut conflated) = (0, 0);
        for frame in run.frames() {
            if frame.flags().volatile && session.has_backlog() {
                volatile += 1;
            } else {
                conflated += u64::from(session.push(frame.clone(), 1, &mut self.load));
            }
        }
        self.counters.add_many(Counter::DroppedVolatile, volatile);
        self.counters.add_many(Counter::DroppedConflated, conflated);
        if session.queue.as_ref().is_some_and(|queue| queue.exceeds(bytes, packets)) {
            self.doomed.push((slot, Reason::SlowClient));
        }
    }

    /// What waited for a polling client goes to its WebSocket.
    pub(crate) fn move_queue(&mut self, slot: u32, stream: u32, mut queue: Waiting<Frame>) {
        let entries: Vec<Entry<Frame>> = std::iter::from_fn(|| queue.pop(&mut self.load)).collect();
        let threshold = self.deflate_from();
        let agreed = self.streams.get(stream as usize).and_then(Stream::deflate);
        let forms = entries.iter().map(|e| form(&e.item, agreed, threshold, &mut self.deflater));
        let forms: Vec<_> = forms.collect();
        self.write_cargo(slot, stream, forms.iter(), Cargo::Moved(&entries));
    }

    /// Closes those for whom the most waits, while more waits than all clients may have together.
    ///
    /// Each shard answers for its share, so that the one that has the most acts: when the sum is
    /// over the limit, some shard is over its share.
    pub(crate) fn relieve(&mut self) {
        self.counters.set(Counter::QueuedBytes, self.load.bytes());
        let limit = self.options.max_total_queue_bytes;
        if self.load.bytes() == 0 || self.total_load() <= limit as u64 {
            return;
        }
        let share = limit / self.all_counters.len().max(1);
        if self.load.bytes() <= share {
            return self.inboxes.iter().for_each(|inbox| inbox.nudge());
        }
        for (_, who) in self.largest_first() {
            if self.load.bytes() <= share {
                return;
            }
            match who {
                Slow::Session(slot) => self.close_session(slot, Reason::SlowClient),
                Slow::Stream(slot) => self.lose_stream(slot, true),
            }
        }
    }

    /// Bytes that wait in all shards, as they have shown it last.
    fn total_load(&self) -> u64 {
        self.all_counters.iter().map(|counters| counters.value(Counter::QueuedBytes)).sum()
    }

    /// Everybody for whom something waits, with how much it is.
    fn largest_first(&self) -> Vec<(usize, Slow)> {
        let streams = self.streams.iter().map(|(slot, stream)| match stream.role {
            Role::WebSocket { session, .. } if self.sessions.entry(session).is_some() => {
                (stream.waiting(), Slow::Session(session))
            }
            _ => (stream.waiting(), Slow::Stream(slot as u32)),
        });
        let sessions = self.sessions.iter().filter_map(|(slot, session)| {
            let queue = session.queue.as_ref()?;
            Some((queue.bytes(), Slow::Session(slot)))
        });
        let mut found: Vec<_> = streams.chain(sessions).filter(|(bytes, _)| *bytes > 0).collect();
        found.sort_unstable_by_key(|(bytes, _)| std::cmp::Reverse(*bytes));
        found
    }

    /// Shows what is now to those who ask for it.
    pub(crate) fn show_gauges(&self) {
        let [polling, websocket] = self.live;
        for (gauge, value) in [
            (Counter::QueuedBytes, self.load.bytes()),
            (Counter::QueuedPackets, self.load.packets()),
            (Counter::Polling, polling),
            (Counter::WebSocket, websocket),
            (Counter::Sockets, self.sockets),
        ] {
            self.counters.set(gauge, value);
        }
    }
}
