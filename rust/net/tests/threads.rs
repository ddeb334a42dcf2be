//! Models of what threads share: the real files, with loom's threads in the place of the system's.
//!
//! loom runs every order in which the threads can meet. A wake or a recall that is lost leaves a
//! thread waiting for ever, which it reports as a deadlock.

#![allow(dead_code, reason = "each model uses a part of a file")]

mod sync;

/// What the inbox carries.
mod command {
    #[derive(Debug)]
    pub(crate) struct Command(pub(crate) u32);

    impl Command {
        pub(crate) fn size(&self) -> usize {
            self.0 as usize
        }
    }
}

#[path = "../src/inbox.rs"]
mod inbox;
#[path = "../src/shard/inline.rs"]
mod inline;

use std::collections::VecDeque;

use loom::sync::Arc;
use loom::thread;

use self::command::Command;
use self::inbox::Inbox;
use self::inline::{InlineMode, InlineShard};
use self::sync::{Poller, Waker, set_ticks};

/// Runs a model in all orders with at most so many switches that no thread asked for.
fn model(threads: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(threads);
}

/// A shard that sleeps until it has so many commands; returns them.
fn shard(inbox: &Inbox, poller: &Poller, count: usize) -> Vec<u32> {
    let (mut taken, mut commands) = (Vec::new(), VecDeque::new());
    while taken.len() < count {
        if inbox.sleep(None).is_none() {
            poller.wait();
        }
        inbox.awake();
        inbox.take(&mut commands);
        taken.extend(commands.drain(..).map(|Command(number)| number));
    }
    taken
}

fn inbox() -> (Arc<Inbox>, Poller) {
    let poller = Poller::default();
    (Arc::new(Inbox::new(Waker(poller.clone()))), poller)
}

#[test]
fn a_shard_hears_of_every_push() {
    model(|| {
        let (inbox, poller) = inbox();
        let pushers = [1, 2].map(|number| {
            let inbox = Arc::clone(&inbox);
            thread::spawn(move || inbox.push(Command(number)))
        });
        let mut taken = shard(&inbox, &poller, 2);
        taken.sort_unstable();
        assert_eq!(taken, [1, 2]);
        for pusher in pushers {
            pusher.join().expect("no panic");
        }
        assert_eq!((inbox.bytes(), inbox.has_commands()), (3, false));
    });
}

#[test]
fn one_wake_is_enough_for_what_was_pushed_quietly() {
    model(|| {
        let (inbox, poller) = inbox();
        let pusher = thread::spawn({
            let inbox = Arc::clone(&inbox);
            move || {
                inbox.push_quietly(Command(1));
                inbox.push_quietly(Command(2));
                inbox.wake();
            }
        });
        assert_eq!(shard(&inbox, &poller, 2), [1, 2]);
        pusher.join().expect("no panic");
    });
}

#[test]
fn a_nudge_is_not_lost() {
    model(|| {
        let (inbox, poller) = inbox();
        let other = thread::spawn({
            let inbox = Arc::clone(&inbox);
            move || inbox.nudge()
        });
        // A wait that nothing ends would be a deadlock.
        if inbox.sleep(None).is_none() {
            poller.wait();
        }
        inbox.awake();
        other.join().expect("no panic");
    });
}

/// A shard that counts its turns, and leaves inline mode after so many.
struct Counting {
    turns: usize,
    until: usize,
    is_inline: bool,
    announced: Poller,
}

impl InlineShard for Counting {
    fn begin_inline(&mut self) {
        self.is_inline = true;
    }

    fn announcement(&self) -> Box<dyn FnOnce()> {
        let announced = self.announced.clone();
        Box::new(move || announced.wake())
    }

    fn take_inline_turn(&mut self, _with_streams: bool) -> bool {
        assert!(self.is_inline, "a turn of a shard that is back");
        self.turns += 1;
        self.turns < self.until
    }

    fn end_inline(&mut self) {
        self.is_inline = false;
    }
}

/// Runs a shard in inline mode while another thread runs its turns; the turns that either has counted.
fn run_inline(until: usize, attempts: usize) -> (usize, usize) {
    let (inline, announced) = (Arc::new(InlineMode::default()), Poller::default());
    let program = thread::spawn({
        let (inline, announced) = (Arc::clone(&inline), announced.clone());
        move || {
            announced.wait();
            (0..attempts).filter(|_| inline.take_turn(true)).count()
        }
    });
    let shard = Counting { turns: 0, until, is_inline: false, announced };
    let shard = inline.run(Box::new(shard));
    assert!(!inline.is_inline() && !shard.is_inline);
    (shard.turns, program.join().expect("no panic"))
}

#[test]
fn a_shard_whose_turns_get_heavy_goes_back() {
    model(|| {
        set_ticks(false);
        assert_eq!(run_inline(1, 2), (1, 1));
    });
}

#[test]
fn a_shard_that_is_taken_back_at_any_time_has_one_owner() {
    model(|| {
        set_ticks(true);
        let (taken, counted) = run_inline(usize::MAX, 2);
        assert_eq!(taken, counted);
    });
}
