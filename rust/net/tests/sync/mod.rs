//! What `src/sync.rs` names, of loom's.

use std::cell::Cell;
use std::io;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use loom::sync::{Arc, Condvar as LoomCondvar, Mutex as LoomMutex, MutexGuard as LoomGuard};

pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(LoomMutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(LoomMutex::new(value))
    }

    pub(crate) fn lock(&self) -> Guard<'_, T> {
        Guard(Some(self.0.lock().expect("not poisoned")))
    }
}

/// Empty only while its thread waits.
pub(crate) struct Guard<'m, T>(Option<LoomGuard<'m, T>>);

impl<T> Deref for Guard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_ref().expect("held")
    }
}

impl<T> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.as_mut().expect("held")
    }
}

thread_local!(static TICKS: Cell<bool> = const { Cell::new(false) });

/// Whether waits with a limit reach it at once, or never.
pub(crate) fn set_ticks(ticks: bool) {
    TICKS.set(ticks);
}

#[derive(Debug)]
pub(crate) struct Condvar(LoomCondvar);

/// How a wait has ended.
pub(crate) struct Waited(bool);

impl Waited {
    pub(crate) fn timed_out(&self) -> bool {
        self.0
    }
}

impl Condvar {
    pub(crate) fn new() -> Self {
        Self(LoomCondvar::new())
    }

    pub(crate) fn notify_one(&self) {
        self.0.notify_one();
    }

    pub(crate) fn wait_for<T>(&self, guard: &mut Guard<'_, T>, _limit: Duration) -> Waited {
        if TICKS.get() {
            return Waited(true);
        }
        let held = guard.0.take().expect("held");
        guard.0 = Some(self.0.wait(held).expect("not poisoned"));
        Waited(false)
    }
}

/// A poller that only its waker makes ready.
#[derive(Clone, Debug, Default)]
pub(crate) struct Poller(Arc<(LoomMutex<bool>, LoomCondvar)>);

impl Poller {
    pub(crate) fn wait(&self) {
        let (ready, condition) = &*self.0;
        let mut is_ready = ready.lock().expect("not poisoned");
        while !*is_ready {
            is_ready = condition.wait(is_ready).expect("not poisoned");
        }
        *is_ready = false;
    }

    pub(crate) fn wake(&self) {
        let (ready, condition) = &*self.0;
        *ready.lock().expect("not poisoned") = true;
        condition.notify_one();
    }
}

/// In the place of mio's.
#[derive(Debug)]
pub(crate) struct Waker(pub(crate) Poller);

impl Waker {
    #[expect(clippy::unnecessary_wraps, reason = "as mio's")]
    pub(crate) fn wake(&self) -> io::Result<()> {
        self.0.wake();
        Ok(())
    }
}
