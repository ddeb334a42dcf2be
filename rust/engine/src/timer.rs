//! Every deadline of a session.

use std::time::Duration;

/// Milliseconds since an epoch of the driver's, never 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub u64);

impl Time {
    /// The time `after` this one.
    #[must_use]
    pub fn plus(self, after: Duration) -> Self {
        Self(self.0.saturating_add(after.as_millis() as u64))
    }

    /// The time `before` this one.
    #[must_use]
    pub fn minus(self, before: Duration) -> Self {
        Self(self.0.saturating_sub(before.as_millis() as u64).max(1))
    }
}

/// A deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// The session joins a namespace before it, or is closed.
    Connect,
    /// Server: the next ping is due. Client: the server's next ping must have come.
    Ping,
    /// The pong must have come.
    Pong,
    /// The upgrade must be done.
    Upgrade,
    /// A poll that waits is freed, so that the client can finish the upgrade.
    UpgradeNoop,
}

impl Timer {
    const ALL: [Self; 5] =
        [Self::Connect, Self::Ping, Self::Pong, Self::Upgrade, Self::UpgradeNoop];
}

/// The deadlines of one session; `Time(0)` is unset.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Timers([Time; Timer::ALL.len()]);

impl Timers {
    pub(crate) fn set(&mut self, timer: Timer, at: Time) {
        self.0[timer as usize] = at;
    }

    pub(crate) fn stop(&mut self, timer: Timer) {
        self.0[timer as usize] = Time(0);
    }

    pub(crate) fn stop_all(&mut self) {
        *self = Self::default();
    }

    /// Whether a deadline has passed.
    pub(crate) fn is_due(&self, timer: Timer, now: Time) -> bool {
        let at = self.0[timer as usize];
        at.0 > 0 && at <= now
    }

    /// The earliest deadline.
    pub(crate) fn next(&self) -> Option<Time> {
        self.0.iter().copied().filter(|at| at.0 > 0).min()
    }

    /// Takes one deadline that has passed, and says when it was.
    pub(crate) fn expired(&mut self, now: Time) -> Option<(Timer, Time)> {
        let timer = Timer::ALL.into_iter().find(|timer| self.is_due(*timer, now))?;
        let due = self.0[timer as usize];
        self.stop(timer);
        Some((timer, due))
    }
}
