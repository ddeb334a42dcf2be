//! A server from outside: its shards' inboxes, their common outbox, and their threads.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use engine::Time;
use mio::{Poll, Waker};
use parking_lot::Mutex;

use crate::awaited::Awaited;
use crate::command::Command;
use crate::counters::{Counter, Counters};
use crate::event::Event;
use crate::inbox::Inbox;
use crate::options::Options;
use crate::outbox::Outbox;
use crate::shard::inline::InlineMode;
use crate::shard::{Shard, WAKER};
use crate::table::Table;
use crate::table::shards::AllShards;
use crate::unread::{Sent, Unread};

/// The shards of one server.
#[derive(Debug)]
pub struct Server {
    inboxes: Arc<[Arc<Inbox>]>,
    outbox: Arc<Outbox<Sent, Unread>>,
    counters: Arc<[Arc<Counters>]>,
    /// What each shard waits for.
    awaited: Vec<Arc<Awaited>>,
    /// Empty when inline mode is not allowed.
    inline_modes: Vec<Arc<InlineMode<Shard>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    max_inbox_bytes: usize,
}

impl Server {
    /// Starts the shards. With `is_inline_allowed` they may enter inline mode, in which the
    /// application calls [`Server::take_turn`] after `Event::Inline`.
    ///
    /// # Errors
    /// When a poller or a thread cannot be made.
    pub fn start(options: &Arc<Options>, is_inline_allowed: bool) -> io::Result<Self> {
        let count = options.shards.clamp(1, 64);
        let polls = (0..count).map(|_| Poll::new()).collect::<io::Result<Vec<_>>>()?;
        let inboxes = polls
            .iter()
            .map(|poll| Ok(Arc::new(Inbox::new(Waker::new(poll.registry(), WAKER)?))))
            .collect::<io::Result<Vec<_>>>()?;
        let mut server = Self {
            inboxes: inboxes.into(),
            outbox: Arc::new(Outbox::new()?),
            counters: (0..count).map(|_| Arc::default()).collect(),
            awaited: (0..count).map(|_| Arc::default()).collect(),
            inline_modes: (0..if is_inline_allowed { count } else { 0 })
                .map(|_| Arc::default())
                .collect(),
            threads: Mutex::default(),
            max_inbox_bytes: options.max_inbox_bytes,
        };
        for (index, poll) in polls.into_iter().enumerate() {
            server.start_shard(index, poll, options)?;
        }
        Ok(server)
    }

    fn start_shard(&mut self, index: usize, poll: Poll, options: &Arc<Options>) -> io::Result<()> {
        let (inboxes, counters) = (Arc::clone(&self.inboxes), Arc::clone(&self.counters));
        let table = Table::new(
            AllShards::new(index as u16, inboxes, counters),
            Arc::clone(options),
            poll.registry().try_clone()?,
            Arc::clone(&self.outbox),
            Time(1),
        );
        let inbox = Arc::clone(&self.inboxes[index]);
        let awaited = Arc::clone(&self.awaited[index]);
        let outbox = Arc::clone(&self.outbox);
        let inline = self.inline_modes.get(index).map(Arc::clone);
        let shard = Shard::new(table, poll, inbox, outbox, Instant::now(), awaited);
        let shard = Box::new(shard);
        let thread = std::thread::Builder::new()
            .name(format!("fanio-shard-{index}"))
            .spawn(move || shard.run(inline.as_deref()))?;
        self.threads.lock().push(thread);
        Ok(())
    }

    /// How many shards there are.
    pub fn shards(&self) -> usize {
        self.inboxes.len()
    }

    /// Sends a command to one shard.
    pub fn push(&self, shard: u16, command: Command) {
        if let Some(inbox) = self.inboxes.get(usize::from(shard)) {
            inbox.push(command);
        }
    }

    /// Sends a command to one shard without waking it; call [`Server::wake`] soon.
    pub fn push_quietly(&self, shard: u16, command: Command) {
        if let Some(inbox) = self.inboxes.get(usize::from(shard)) {
            inbox.push_quietly(command);
        }
    }

    /// Wakes a shard if it sleeps.
    pub fn wake_shard(&self, shard: u16) {
        if let Some(inbox) = self.inboxes.get(usize::from(shard)) {
            inbox.wake();
        }
    }

    /// Wakes the shards that sleep.
    pub fn wake(&self) {
        for inbox in self.inboxes.iter() {
            inbox.wake();
        }
    }

    /// Has the shards apply what was pushed without a wake: those in inline mode at once, on this
    /// thread.
    pub fn flush(&self) {
        for (index, inbox) in self.inboxes.iter().enumerate() {
            if !inbox.has_commands() {
                continue;
            }
            if self.inline_modes.get(index).is_some_and(|inline| inline.take_turn(false)) {
                self.outbox.announce();
            } else {
                inbox.wake();
            }
        }
    }

    /// Whether a shard is in inline mode.
    pub fn is_inline(&self, shard: u16) -> bool {
        self.inline_modes.get(usize::from(shard)).is_some_and(|inline| inline.is_inline())
    }

    /// Runs a turn of a shard in inline mode on this thread; [`Server::take`] may have something then.
    ///
    /// `false` when the shard is not in that mode.
    pub fn take_turn(&self, shard: u16) -> bool {
        self.inline_modes.get(usize::from(shard)).is_some_and(|inline| inline.take_turn(true))
    }

    /// Sends a command to every shard.
    pub fn push_all(&self, command: impl Fn() -> Command) {
        for inbox in self.inboxes.iter() {
            inbox.push(command());
        }
    }

    /// Whether so much waits for a shard that who emits should wait before it emits more.
    pub fn is_full(&self) -> bool {
        self.inboxes.iter().any(|inbox| inbox.bytes() > self.max_inbox_bytes)
    }

    /// Bytes that wait for all clients, those that the shards have not looked at included.
    pub fn waiting_bytes(&self) -> usize {
        let pushed: usize = self.inboxes.iter().map(|inbox| inbox.bytes()).sum();
        pushed.saturating_add(self.counter(Counter::QueuedBytes) as usize)
    }

    /// The descriptor that is readable while [`Server::take`] has something.
    pub fn fd(&self) -> std::os::fd::RawFd {
        self.outbox.fd()
    }

    /// Appends up to `limit` events to a batch, which must be empty.
    pub fn take(&self, limit: usize, batch: &mut Vec<Event>) {
        self.outbox.take_into(limit, batch);
        // Who waits for something else goes on waiting.
        if !batch.is_empty() {
            self.resume();
        }
    }

    /// Has shards look whether streams can be read again whose events were taken or dropped.
    pub fn resume(&self) {
        for (index, (inbox, awaited)) in self.inboxes.iter().zip(&self.awaited).enumerate() {
            if awaited.is_met(&self.outbox, index as u16) {
                inbox.nudge();
            }
        }
    }

    /// The counters of each shard.
    pub fn counters(&self) -> impl Iterator<Item = &Counters> {
        self.counters.iter().map(|counters| &**counters)
    }

    /// The value of a counter, over all shards.
    pub fn counter(&self, counter: Counter) -> u64 {
        self.counters().map(|counters| counters.value(counter)).sum()
    }

    fn recall(&self) {
        for inline in &self.inline_modes {
            inline.recall();
        }
    }

    /// Ends the shards' threads and waits for them.
    pub fn stop(&self) {
        self.push_all(|| Command::Stop);
        self.recall();
        for thread in self.threads.lock().drain(..) {
            // A shard that panicked has said so on stderr.
            let _ = thread.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.push_all(|| Command::Stop);
        self.recall();
    }
}
