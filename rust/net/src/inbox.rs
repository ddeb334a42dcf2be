//! Commands on their way to one shard.
//!
//! Pushing is a lock, a push and, only when the shard sleeps, one wake. The shard swaps the whole
//! vector out. The order of the steps is what keeps a wake from being lost: the shard sets
//! `sleeping`, looks at the inbox again, then waits; a pusher pushes first and wakes only if it was
//! the one to clear `sleeping`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mio::Waker;
use parking_lot::Mutex;

use crate::command::Command;

/// The queue of one shard's commands.
#[derive(Debug)]
pub(crate) struct Inbox {
    commands: Mutex<Vec<Command>>,
    sleeping: AtomicBool,
    /// Something besides a command wants a turn.
    nudged: AtomicBool,
    waker: Waker,
}

impl Inbox {
    pub(crate) fn new(waker: Waker) -> Self {
        Self {
            commands: Mutex::new(Vec::new()),
            sleeping: AtomicBool::new(false),
            nudged: AtomicBool::new(false),
            waker,
        }
    }

    pub(crate) fn push(&self, command: Command) {
        self.commands.lock().push(command);
        self.wake();
    }

    /// Pushes without a wake; the pusher calls [`Inbox::wake`] when it has pushed all it has.
    pub(crate) fn push_quietly(&self, command: Command) {
        self.commands.lock().push(command);
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

    /// Swaps the waiting commands into `taken`, which must be empty.
    pub(crate) fn take(&self, taken: &mut Vec<Command>) {
        std::mem::swap(&mut *self.commands.lock(), taken);
    }

    /// Announces that the shard is about to wait; returns how long it may.
    pub(crate) fn sleep(&self, timeout: Option<Duration>) -> Option<Duration> {
        self.sleeping.store(true, Ordering::SeqCst);
        let nudged = self.nudged.swap(false, Ordering::SeqCst);
        if !nudged && self.commands.lock().is_empty() { timeout } else { Some(Duration::ZERO) }
    }

    pub(crate) fn awake(&self) {
        self.sleeping.store(false, Ordering::SeqCst);
    }
}
