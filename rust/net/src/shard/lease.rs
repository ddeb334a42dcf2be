//! A shard on loan: while little goes on, the program's thread takes the shard's turns itself.
//!
//! A client that sends and waits for its answer makes two threads take turns, and each of these
//! changes costs more than the event. So a shard that is lively but has little to do in each turn
//! lies here, where the program's thread finds it, and its own thread waits. It goes back when its
//! turns get heavy; and by itself when nobody takes turns: because nothing goes on, or because the
//! program is busy with something else. So neither heartbeats nor other clients wait for a program
//! for longer than two ticks.

use std::time::Duration;

use crate::sync::{AtomicBool, AtomicU64, Condvar, Mutex, Ordering};

/// How often the shard's own thread looks whether turns are taken.
const TICK: Duration = Duration::from_millis(10);

/// What is lent: a shard.
pub(crate) trait Lendable {
    /// Begins to be lent.
    fn begin_loan(&mut self);
    /// What tells the program of it, called when it is there to be found.
    fn announcement(&self) -> Box<dyn FnOnce()>;
    /// Takes a turn on the program's thread; whether it can stay lent.
    fn take_lent_turn(&mut self, with_streams: bool) -> bool;
    /// Ends to be lent.
    fn end_loan(&mut self);
}

/// Where a shard lies while it is lent.
#[derive(Debug)]
pub(crate) struct Lease<S> {
    /// Locked for the length of a turn; the shard's own thread does not touch it until it is due.
    shard: Mutex<Option<Box<S>>>,
    is_lent: AtomicBool,
    /// Turns with streams that the program's thread has taken.
    turns: AtomicU64,
    /// The shard's own thread is to have it back.
    due: Mutex<bool>,
    recalled: Condvar,
}

impl<S> Default for Lease<S> {
    fn default() -> Self {
        Self {
            shard: Mutex::new(None),
            is_lent: AtomicBool::new(false),
            turns: AtomicU64::new(0),
            due: Mutex::new(false),
            recalled: Condvar::new(),
        }
    }
}

impl<S: Lendable> Lease<S> {
    /// Lends the shard, says so to the program, and waits until it is to be had back.
    #[expect(clippy::unnecessary_box_returns, reason = "a shard is large and stays where it is")]
    pub(crate) fn lend(&self, mut shard: Box<S>) -> Box<S> {
        shard.begin_loan();
        let announce = shard.announcement();
        *self.due.lock() = false;
        *self.shard.lock() = Some(shard);
        self.is_lent.store(true, Ordering::Release);
        announce();
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
