//! Inline mode: while a shard has little to do, the event loop's thread runs the shard's turns itself.
//!
//! A client that sends and waits for its answer makes two threads alternate, and each change of threads
//! costs more than the event. So a shard that has many small turns is put here, where the event loop's
//! thread finds it, and the shard's own thread waits. The shard's own thread takes it back when the
//! turns become large. It also takes it back when no turn was run for a tick: nothing happens, or the
//! application is busy. So heartbeats and other clients are never delayed by more than two ticks.
//! When a shard enters the mode is decided in `inline_policy`. `tests/threads.rs` checks this file with
//! `loom`.

use std::time::Duration;

use crate::sync::{AtomicBool, AtomicU64, Condvar, Mutex, Ordering};

/// How often the shard's own thread looks whether turns are run.
const TICK: Duration = Duration::from_millis(10);

/// A shard, or a model of one in tests.
pub(crate) trait InlineShard {
    fn begin_inline(&mut self);
    /// A function that tells the application of the mode; it is called when turns can be run.
    fn announcement(&self) -> Box<dyn FnOnce()>;
    /// Runs a turn on the event loop's thread; returns whether the shard can stay in the mode.
    fn take_inline_turn(&mut self, with_streams: bool) -> bool;
    fn end_inline(&mut self);
}

/// Where a shard is kept in inline mode.
#[derive(Debug)]
pub(crate) struct InlineMode<S> {
    /// Locked for the length of a turn; the shard's own thread does not touch it before it is due.
    shard: Mutex<Option<Box<S>>>,
    is_inline: AtomicBool,
    /// Turns with streams that the event loop's thread has run.
    turns: AtomicU64,
    /// Whether the shard's own thread is to take it back.
    due: Mutex<bool>,
    recalled: Condvar,
}

impl<S> Default for InlineMode<S> {
    fn default() -> Self {
        Self {
            shard: Mutex::new(None),
            is_inline: AtomicBool::new(false),
            turns: AtomicU64::new(0),
            due: Mutex::new(false),
            recalled: Condvar::new(),
        }
    }
}

impl<S: InlineShard> InlineMode<S> {
    /// Keeps the shard in inline mode, and waits until that ends; called by the shard's own thread.
    #[expect(clippy::unnecessary_box_returns, reason = "a shard is large and stays where it is")]
    pub(crate) fn run(&self, mut shard: Box<S>) -> Box<S> {
        shard.begin_inline();
        let announce = shard.announcement();
        *self.due.lock() = false;
        *self.shard.lock() = Some(shard);
        self.is_inline.store(true, Ordering::Release);
        announce();
        loop {
            self.wait();
            self.is_inline.store(false, Ordering::Release);
            if let Some(mut shard) = self.shard.lock().take() {
                shard.end_inline();
                return shard;
            }
        }
    }

    /// Waits until the shard is due, or no turn was run for a tick.
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

    /// Runs a turn of the shard on this thread, with or without its streams.
    ///
    /// `false` when no shard is in inline mode here.
    pub(crate) fn take_turn(&self, with_streams: bool) -> bool {
        if !self.is_inline() {
            return false;
        }
        let mut place = self.shard.lock();
        let Some(shard) = &mut *place else {
            return false;
        };
        let stays = shard.take_inline_turn(with_streams);
        if with_streams {
            self.turns.fetch_add(1, Ordering::Relaxed);
        }
        drop(place);
        if !stays {
            self.recall();
        }
        true
    }

    /// Whether the shard is in inline mode; that may end a moment later.
    pub(crate) fn is_inline(&self) -> bool {
        self.is_inline.load(Ordering::Acquire)
    }

    /// Ends the mode: the shard's own thread takes the shard back.
    pub(crate) fn recall(&self) {
        self.is_inline.store(false, Ordering::Release);
        *self.due.lock() = true;
        self.recalled.notify_one();
    }
}
