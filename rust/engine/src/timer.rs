//! The deadlines of a session.
//!
//! The driver supplies the time. The `net` crate has the timer wheel of all sessions.

use std::time::Duration;

/// Milliseconds since an epoch that the driver chooses. The value 0 is reserved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub u64);

impl Time {
    /// The time that is `after` later than this one.
    #[must_use]
    pub fn plus(self, after: Duration) -> Self {
        Self(self.0.saturating_add(after.as_millis() as u64))
    }

    /// The time that is `before` earlier than this one, but not 0.
    #[must_use]
    pub fn minus(self, before: Duration) -> Self {
        Self(self.0.saturating_sub(before.as_millis() as u64).max(1))
    }
}

/// A kind of deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// The limit for joining the first namespace; for a client, for the handshake.
    Connect,
    /// Server: the time to send the next ping. Client: the limit for the next ping to arrive.
    Ping,
    /// The limit for the pong to arrive.
    Pong,
    /// The limit for the upgrade.
    Upgrade,
    /// The time to answer a waiting poll with a noop, so that the client can finish the upgrade.
    UpgradeNoop,
}

impl Timer {
    const ALL: [Self; 5] =
        [Self::Connect, Self::Ping, Self::Pong, Self::Upgrade, Self::UpgradeNoop];
}

/// The deadlines of one session. `Time(0)` stands for no deadline.
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

    /// The earliest deadline, if there is one.
    pub(crate) fn next(&self) -> Option<Time> {
        self.0.iter().copied().filter(|at| at.0 > 0).min()
    }

    /// Removes and returns one deadline that has passed, with its time.
    pub(crate) fn expired(&mut self, now: Time) -> Option<(Timer, Time)> {
        let timer = Timer::ALL.into_iter().find(|timer| self.is_due(*timer, now))?;
        let due = self.0[timer as usize];
        self.stop(timer);
        Some((timer, due))
    }
}
