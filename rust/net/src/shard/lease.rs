//! A shard on loan: while little goes on, the program's thread takes the shard's turns itself.
//!
//! A client that sends and waits for its answer makes two threads take turns, and each of these
//! changes costs more than the event. So a shard that is lively but has little to do in each turn
//! lies here, where the program's thread finds it, and its own thread waits. It goes back when its
//! turns get heavy; and by itself when nobody takes turns: because nothing goes on, or because the
//! program is busy with something else. So neither heartbeats nor other clients wait for a program
//! for longer than two ticks.

use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::counters::Counter;
use crate::event::Event;
use crate::session::NONE;
use crate::shard::Shard;
use crate::unread::Sent;

/// How often the shard's own thread looks whether turns are taken.
const TICK: Duration = Duration::from_millis(10);
/// Recipients that a turn on the program's thread sends to; a fan-out to more is for the shard's own.
const LENT_RECIPIENTS: usize = 128;

/// Where a shard lies while it is lent.
#[derive(Debug, Default)]
pub(crate) struct Lease {
    /// Locked for the length of a turn; the shard's own thread does not touch it until it is due.
    shard: Mutex<Option<Box<Shard>>>,
    is_lent: AtomicBool,
    /// Turns with streams that the program's thread has taken.
    turns: AtomicU64,
    /// The shard's own thread is to have it back.
    due: Mutex<bool>,
    recalled: Condvar,
}

impl Lease {
    /// Lends the shard, says so to the program, and waits until it is to be had back.
    pub(crate) fn lend(&self, mut shard: Box<Shard>) -> Box<Shard> {
        shard.begin_loan();
        let (outbox, number, fd) = (shard.outbox.clone(), shard.table.shard, shard.fd());
        *self.due.lock() = false;
        *self.shard.lock() = Some(shard);
        self.is_lent.store(true, Ordering::Release);
        let event = Event::Lent { shard: number, fd };
        outbox.publish(number, &mut vec![Sent { session: NONE, event }]);
        loop {
            self.wait();
            self.is_lent.store(false, Ordering::Release);
            if let Some(mut shard) = self.shard.lock().take() {
                shard.end_loan();
                return shard;
            }
        }
    }

    /// Waits until the shard is due, or nobody has taken a turn for a tick.
    fn wait(&self) {
        let mut due = self.due.lock();
        while !*due {
            let turns = self.turns.load(Ordering::Relaxed);
            let is_late = self.recalled.wait_for(&mut due, TICK).timed_out();
            if is_late && turns == self.turns.load(Ordering::Relaxed) {
                return;
            }
        }
    }

    /// Takes a turn of a lent shard on this thread, with or without its streams.
    ///
    /// `false` when it is not lent.
    pub(crate) fn take_turn(&self, with_streams: bool) -> bool {
        if !self.is_lent() {
            return false;
        }
        let mut place = self.shard.lock();
        let Some(shard) = &mut *place else {
            return false;
        };
        let stays = shard.take_lent_turn(with_streams);
        if with_streams {
            self.turns.fetch_add(1, Ordering::Relaxed);
        }
        drop(place);
        if !stays {
            self.recall();
        }
        true
    }

    /// Whether the shard is lent; it may have gone back a moment later.
    pub(crate) fn is_lent(&self) -> bool {
        self.is_lent.load(Ordering::Acquire)
    }

    /// Has the shard's own thread take it back.
    pub(crate) fn recall(&self) {
        self.is_lent.store(false, Ordering::Release);
        *self.due.lock() = true;
        self.recalled.notify_one();
    }
}

impl Shard {
    /// Begins to be lent.
    fn begin_loan(&mut self) {
        self.is_lent = true;
        self.pace.restart(self.now());
        self.table.counters.add(Counter::Loans);
        // What was pushed since the last turn is waited for by nobody else.
        if self.inbox.sleep(None).is_some() {
            self.inbox.rouse();
        }
    }

    /// The poller's descriptor: readable when a turn has something to do.
    fn fd(&self) -> RawFd {
        self.poll.as_raw_fd()
    }

    /// Ends to be lent.
    fn end_loan(&mut self) {
        self.is_lent = false;
        self.pace.restart(self.now());
    }

    /// Takes a turn on the program's thread; whether the shard can stay lent.
    fn take_lent_turn(&mut self, with_streams: bool) -> bool {
        if with_streams {
            self.poll(Some(Duration::ZERO));
        }
        self.inbox.awake();
        self.take_turn();
        if self.inbox.sleep(None).is_some() {
            self.inbox.rouse();
        }
        if self.is_demanding() {
            self.pace.rest(self.table.now);
            return false;
        }
        !self.pace.is_heavy(self.table.now, self.published)
    }

    /// Whether a fan-out has reached more than a turn on the program's thread may.
    pub(super) fn is_reaching_many(&self) -> bool {
        self.reached >= LENT_RECIPIENTS
    }

    /// Whether there is more to do than the program's thread should.
    pub(super) fn is_demanding(&self) -> bool {
        self.table.stopping || self.panics.is_recent() || self.has_work() || self.is_reaching_many()
    }
}
