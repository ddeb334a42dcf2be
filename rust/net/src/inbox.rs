//! Commands on their way to one shard.
//!
//! Pushing is a lock, a push and, only when the shard sleeps, one wake. The shard swaps the whole
//! vector out. The order of the steps is what keeps a wake from being lost: the shard sets
//! `sleeping`, looks at the inbox again, then waits; a pusher pushes first and wakes only if it was
//! the one to clear `sleeping`.
//!
//! Nothing is refused here. How many bytes wait, in the inbox and in the fan-out behind it, can be
//! asked from any thread, so that who pushes can wait before it pushes more.

use std::collections::VecDeque;
use std::time::Duration;

use crate::command::Command;
use crate::sync::{AtomicBool, AtomicUsize, Mutex, Ordering, Waker};

/// Room for so many commands is kept when none waits.
const KEPT: usize = 1024;

/// The queue of one shard's commands.
#[derive(Debug)]
pub(crate) struct Inbox {
    commands: Mutex<VecDeque<Command>>,
    /// Bytes of the commands that wait here.
    queued: AtomicUsize,
    /// Bytes that the shard has taken and not sent yet.
    pending: AtomicUsize,
    sleeping: AtomicBool,
    /// Something besides a command wants a turn.
    nudged: AtomicBool,
    waker: Waker,
}

impl Inbox {
    pub(crate) fn new(waker: Waker) -> Self {
        Self {
            commands: Mutex::new(VecDeque::new()),
            queued: AtomicUsize::new(0),
            pending: AtomicUsize::new(0),
            sleeping: AtomicBool::new(false),
            nudged: AtomicBool::new(false),
            waker,
        }
    }

    pub(crate) fn push(&self, command: Command) {
        self.push_quietly(command);
        self.wake();
    }

    /// Pushes without a wake; the pusher calls [`Inbox::wake`] when it has pushed all it has.
    pub(crate) fn push_quietly(&self, command: Command) {
        let size = command.size();
        let mut commands = self.commands.lock();
        commands.push_back(command);
        // Under the lock, as in `take`; who asks from elsewhere needs no exact number.
        self.queued.fetch_add(size, Ordering::Relaxed);
    }

    /// Bytes that were pushed and have not left the fan-out yet.
    pub(crate) fn bytes(&self) -> usize {
        let queued = self.queued.load(Ordering::Relaxed);
        queued.saturating_add(self.pending.load(Ordering::Relaxed))
    }

    /// The shard has so many bytes of what it took still to send.
    pub(crate) fn set_pending(&self, bytes: usize) {
        self.pending.store(bytes, Ordering::Relaxed);
    }

    /// Asks for a turn without a command.
    pub(crate) fn nudge(&self) {
        self.nudged.store(true, Ordering::SeqCst);
        self.wake();
    }

    /// Wakes the shard if it sleeps.
    pub(crate) fn wake(&self) {
        if self.sleeping.swap(false, Ordering::SeqCst) {
            // A failed wake means the poller is gone: the shard has stopped.
            let _ = self.waker.wake();
        }
    }

    /// Makes the poller report a wake although nobody sleeps.
    pub(crate) fn rouse(&self) {
        let _ = self.waker.wake();
    }

    /// Whether a command waits.
    pub(crate) fn has_commands(&self) -> bool {
        !self.commands.lock().is_empty()
    }

    /// Swaps the waiting commands into `taken`, which must be empty; returns their bytes.
    pub(crate) fn take(&self, taken: &mut VecDeque<Command>) -> usize {
        let mut commands = self.commands.lock();
        // What a burst needed is not kept.
        taken.shrink_to(KEPT);
        std::mem::swap(&mut *commands, taken);
        let bytes = self.queued.swap(0, Ordering::Relaxed);
        self.pending.fetch_add(bytes, Ordering::Relaxed);
        bytes
    }

    /// Announces that the shard is about to wait; returns how long it may.
    pub(crate) fn sleep(&self, timeout: Option<Duration>) -> Option<Duration> {
        // A swap costs what a store does, and is what loom can follow.
        self.sleeping.swap(true, Ordering::SeqCst);
        let nudged = self.nudged.swap(false, Ordering::SeqCst);
        if !nudged && self.commands.lock().is_empty() { timeout } else { Some(Duration::ZERO) }
    }

    pub(crate) fn awake(&self) {
        self.sleeping.swap(false, Ordering::SeqCst);
    }
}
