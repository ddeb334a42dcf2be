//! A model of the deferred flush: the real file, with loom's threads.

#![allow(dead_code, reason = "the model uses a part of the file")]

/// What `src/sync.rs` names.
mod sync {
    use std::cell::Cell;

    use loom::sync::Mutex;

    pub(crate) use loom::sync::atomic::{AtomicU8, AtomicU64, Ordering};

    #[derive(Debug)]
    pub(crate) struct Command;

    loom::thread_local!(static NUMBER: Cell<u64> = Cell::new(2));

    /// The loop's thread has called this.
    pub(crate) fn be_the_loop() {
        NUMBER.with(|number| number.set(1));
    }

    pub(crate) fn this_thread() -> u64 {
        NUMBER.with(Cell::get)
    }

    /// One shard, which is lent: what waits for it, and what it was woken for.
    #[derive(Debug, Default)]
    pub(crate) struct Server {
        waiting: Mutex<u32>,
    }

    impl Server {
        pub(crate) fn waiting(&self) -> u32 {
            *self.waiting.lock().expect("not poisoned")
        }

        pub(crate) fn wake(&self) {
            *self.waiting.lock().expect("not poisoned") = 0;
        }

        pub(crate) fn push_quietly(&self, _shard: u16, _command: Command) {
            *self.waiting.lock().expect("not poisoned") += 1;
        }

        pub(crate) fn push(&self, shard: u16, command: Command) {
            self.push_quietly(shard, command);
            self.wake();
        }

        #[expect(clippy::unused_self, reason = "as net's")]
        pub(crate) fn is_lent(&self, _shard: u16) -> bool {
            true
        }
    }
}

#[path = "../src/deferred_flush.rs"]
mod deferred_flush;

use loom::sync::Arc;
use loom::thread;

use self::deferred_flush::DeferredFlush;
use self::sync::{Command, Server, be_the_loop};

/// The end of an iteration of the loop.
fn flush(deferred: &DeferredFlush, net: &Server) {
    if deferred.end() {
        net.wake();
    }
}

#[test]
fn nothing_that_was_pushed_waits_for_ever() {
    let mut model = loom::model::Builder::new();
    // Switches that no thread has asked for.
    model.preemption_bound = Some(2);
    model.check(|| {
        be_the_loop();
        let (deferred, net) = (Arc::new(DeferredFlush::default()), Arc::new(Server::default()));
        deferred.begin(true);
        let other = thread::spawn({
            let (deferred, net) = (Arc::clone(&deferred), Arc::clone(&net));
            move || {
                net.push_quietly(0, Command);
                assert!(!deferred.wake(&net), "only the loop's thread is asked to flush");
                deferred.push(&net, 0, Command);
            }
        });
        // A batch of events, whose handlers send.
        deferred.announce();
        deferred.push(&net, 0, Command);
        net.push_quietly(0, Command);
        assert!(!deferred.wake(&net), "a flush was announced");
        flush(&deferred, &net);
        // Something else on the loop sends.
        net.push_quietly(0, Command);
        assert!(deferred.wake(&net), "nobody has announced a flush");
        deferred.push(&net, 0, Command);
        flush(&deferred, &net);
        other.join().expect("no panic");
        assert_eq!(net.waiting(), 0);
    });
}
