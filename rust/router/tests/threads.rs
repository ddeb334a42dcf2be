//! A loom model of the deferred flush. It compiles the real `src/deferred_flush.rs`.

#![allow(dead_code, reason = "the model uses a part of the file")]

/// Stand-ins for the names in `src/sync.rs`.
mod sync {
    use std::cell::Cell;

    use loom::sync::Mutex;

    pub(crate) use loom::sync::atomic::{AtomicU8, AtomicU64, Ordering};

    #[derive(Debug)]
    pub(crate) struct Command;

    loom::thread_local!(static NUMBER: Cell<u64> = Cell::new(2));

    /// Makes the calling thread the event loop's thread.
    pub(crate) fn become_loop_thread() {
        NUMBER.with(|number| number.set(1));
    }

    pub(crate) fn this_thread() -> u64 {
        NUMBER.with(Cell::get)
    }

    /// One shard in inline mode, with the number of commands that wait for a wake.
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
        pub(crate) fn is_inline(&self, _shard: u16) -> bool {
            true
        }
    }
}

#[path = "../src/deferred_flush.rs"]
mod deferred_flush;

use loom::sync::Arc;
use loom::thread;

use self::deferred_flush::DeferredFlush;
use self::sync::{Command, Server, become_loop_thread};

/// The end of an iteration of the loop.
fn flush(deferred: &DeferredFlush, net: &Server) {
    if deferred.end() {
        net.wake();
    }
}

#[test]
fn every_pushed_command_gets_a_wake() {
    let mut model = loom::model::Builder::new();
    // At most two preemptive switches between threads: more takes too long to explore.
    model.preemption_bound = Some(2);
    model.check(|| {
        become_loop_thread();
        let (deferred, net) = (Arc::new(DeferredFlush::default()), Arc::new(Server::default()));
        deferred.begin(true);
        let other = thread::spawn({
            let (deferred, net) = (Arc::clone(&deferred), Arc::clone(&net));
            move || {
                net.push_quietly(0, Command);
                assert!(!deferred.wake(&net), "only the event loop's thread is asked to flush");
                deferred.push(&net, 0, Command);
            }
        });
        // A batch of events whose handlers send.
        deferred.announce();
        deferred.push(&net, 0, Command);
        net.push_quietly(0, Command);
        assert!(!deferred.wake(&net), "a flush was announced");
        flush(&deferred, &net);
        // Another task of the event loop sends.
        net.push_quietly(0, Command);
        assert!(deferred.wake(&net), "no flush was announced");
        deferred.push(&net, 0, Command);
        flush(&deferred, &net);
        other.join().expect("no panic");
        assert_eq!(net.waiting(), 0);
    });
}
