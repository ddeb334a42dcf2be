//! Places where a test makes a step of a turn panic. Without the feature `faults` they are nothing.

/// A place in a turn.
#[cfg_attr(not(feature = "faults"), allow(unreachable_pub, reason = "public for tests"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Connections are accepted.
    Accept,
    /// A stream is read.
    Read,
    /// A command is applied.
    Command,
    /// Streams are looked at that wait for the application.
    Resume,
    /// A backlog is written.
    Flush,
    /// Broadcasts are walked, between two deliveries.
    FanOut,
    /// One client is given its packets.
    Deliver,
    /// A deadline has come.
    Expire,
    /// A poll is answered.
    Poll,
    /// The memory of all queues is looked at.
    Relieve,
    /// Rooms are told what has happened.
    Settle,
    /// What a panic was about is dropped.
    Drop,
}

/// Panics if a test wants this place to.
#[inline]
pub(crate) fn point(place: Place) {
    #[cfg(feature = "faults")]
    armed::meet(place);
    #[cfg(not(feature = "faults"))]
    let _ = place;
}

#[cfg(feature = "faults")]
pub use armed::{arm, disarm};

#[cfg(feature = "faults")]
mod armed {
    use parking_lot::Mutex;

    use super::Place;

    /// Which places panic, how often they still do, and how often they did.
    static ARMED: Mutex<Vec<(Place, usize, usize)>> = Mutex::new(Vec::new());

    /// Has a place panic the next so many times.
    pub fn arm(place: Place, times: usize) {
        ARMED.lock().push((place, times, 0));
    }

    /// Has no place panic any more; returns how many panics there were.
    pub fn disarm() -> usize {
        ARMED.lock().drain(..).map(|(_, _, met)| met).sum()
    }

    pub(super) fn meet(place: Place) {
        let mut armed = ARMED.lock();
        let found = armed.iter_mut().find(|(at, left, _)| *at == place && *left > 0);
        let Some((_, left, met)) = found else { return };
        (*left, *met) = (*left - 1, *met + 1);
        drop(armed);
        // Without the message that the hook prints.
        std::panic::resume_unwind(Box::new("a fault of a test's"));
    }
}
