//! A shard on loan: while little goes on, the program's thread takes the shard's turns itself.
//!
//! A client that sends and waits for its answer makes two threads take turns, and each of these
//! changes costs more than the event. So a shard that is lively but has little to do in each turn
//! lies here, where the program's thread finds it, and its own thread waits. It goes back when its
//! turns get heavy; and by itself when nobody takes turns: because nothing goes on, or because the
//! program is busy with something else. So heartbeats and other clients never wait for a program
//! for longer than two ticks.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::event::Event;
use crate::shard::Shard;

/// How often the shard's own thread looks whether turns are taken.
const TICK: Duration = Duration::from_millis(10);

/// Where a shard lies while it is lent.
#[derive(Debug, Default)]
pub(crate) struct Lease {
    place: Mutex<Place>,
    changed: Condvar,
    is_lent: AtomicBool,
}

#[derive(Debug, Default)]
struct Place {
    shard: Option<Box<Shard>>,
    /// Turns that the program's thread has taken.
    turns: u64,
    /// The shard's own thread is to have it back.
    is_due: bool,
}

impl Lease {
    /// Lends the shard, says so to the program, and waits until it is to be had back.
    pub(crate) fn lend(&self, mut shard: Box<Shard>) -> Box<Shard> {
        let mut place = self.place.lock();
        shard.begin_loan();
        let (outbox, number, fd) = (shard.outbox.clone(), shard.table.shard, shard.fd());
        shard.table.published += 1;
        place.is_due = false;
        place.shard = Some(shard);
        self.is_lent.store(true, Ordering::Release);
        outbox.publish(number, &mut vec![Event::Lent { shard: number, fd }]);
        loop {
            let turns = place.turns;
            let is_late = self.changed.wait_for(&mut place, TICK).timed_out();
            let is_idle = is_late && place.turns == turns;
            if place.is_due || is_idle {
                self.is_lent.store(false, Ordering::Release);
                if let Some(shard) = place.shard.take() {
                    return shard;
                }
            }
        }
    }

    /// Takes a turn of a lent shard on this thread, with or without its streams.
    ///
    /// `false` when it is not lent.
    pub(crate) fn take_turn(&self, with_streams: bool) -> bool {
        let mut place = self.place.lock();
        if place.is_due {
            return false;
        }
        let Some(shard) = &mut place.shard else {
            return false;
        };
        let stays = shard.take_lent_turn(with_streams);
        place.turns += 1;
        if !stays {
            place.is_due = true;
            self.is_lent.store(false, Ordering::Release);
            self.changed.notify_one();
        }
        true
    }

    /// Whether the shard is lent; it may have gone back a moment later.
    pub(crate) fn is_lent(&self) -> bool {
        self.is_lent.load(Ordering::Acquire)
    }

    /// Has the shard's own thread take it back.
    pub(crate) fn recall(&self) {
        self.place.lock().is_due = true;
        self.changed.notify_one();
    }
}
