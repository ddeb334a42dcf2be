//! What the application's handle and a connection's task share: the commands, and the counters that
//! limit unread input and unsent answers.
//!
//! The methods are called from two threads. The task moves the messages to its own queue, and counts
//! them here until the transport has taken them.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Waker};

use bytes::Bytes;
use parking_lot::Mutex;

/// The connection does not read while the application has more unread input than this, in bytes.
const MAX_UNREAD: usize = 1 << 20;
/// The connection does not read while more answers than this wait to be sent, in bytes.
const MAX_ANSWERS: usize = 1 << 20;

/// One message on its way to the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outgoing {
    /// The text form of an Engine.IO packet, including its type.
    Text(Bytes),
    /// A binary message.
    Binary(Bytes),
}

impl Outgoing {
    /// The size in bytes.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Text(data) | Self::Binary(data) => data.len(),
        }
    }
}

/// A command of the application.
#[derive(Debug)]
pub(crate) enum Command {
    Send(Outgoing),
    /// End the session: at once with `abort`, otherwise after everything before it was sent, followed
    /// by `last_messages`.
    Close {
        abort: bool,
        last_messages: Vec<Outgoing>,
    },
}

#[derive(Debug, Default)]
struct Inner {
    commands: VecDeque<Command>,
    waker: Option<Waker>,
    is_closed: bool,
}

/// The commands and counters of one connection.
#[derive(Debug, Default)]
pub(crate) struct SendQueue {
    inner: Mutex<Inner>,
    /// The number of bytes that the transport has not taken.
    queued: AtomicUsize,
    /// An upper bound of how many of these bytes are answers to events of the server.
    answers: AtomicUsize,
    /// The limit that was passed to `await_drained`, or 0.
    awaited: AtomicUsize,
    /// The cost of the events that the application has not taken.
    unread: AtomicUsize,
    is_paused: AtomicBool,
}

impl SendQueue {
    /// Queues messages, with no other message between them. Returns the number of bytes that wait.
    pub(crate) fn send(&self, messages: impl IntoIterator<Item = Outgoing>) -> usize {
        let mut inner = self.inner.lock();
        if inner.is_closed {
            return 0;
        }
        let mut bytes = 0;
        for message in messages {
            bytes += message.len();
            inner.commands.push_back(Command::Send(message));
        }
        // The bytes are added under the lock, so that the task cannot subtract them earlier.
        let waiting = self.queued.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let waker = inner.waker.take();
        drop(inner);
        wake(waker);
        waiting
    }

    /// Queues an answer to an event of the server. Returns the same as `send`.
    pub(crate) fn answer(&self, messages: impl IntoIterator<Item = Outgoing>) -> usize {
        let before = self.queued();
        let waiting = self.send(messages);
        self.answers.fetch_add(waiting.saturating_sub(before), Ordering::Relaxed);
        waiting
    }

    pub(crate) fn close(&self, abort: bool, last_messages: Vec<Outgoing>) {
        let mut inner = self.inner.lock();
        if !inner.is_closed {
            inner.commands.push_back(Command::Close { abort, last_messages });
            wake(inner.waker.take());
        }
    }

    /// The number of bytes that wait to be sent.
    pub(crate) fn queued(&self) -> usize {
        self.queued.load(Ordering::Relaxed)
    }

    /// Requests one `Drained` event for the time when at most half of `limit` bytes wait.
    pub(crate) fn await_drained(&self, limit: usize) {
        self.awaited.store(limit.max(1), Ordering::Release);
        self.wake();
    }

    /// Whether a `Drained` event is due. Returns true once for each request.
    pub(crate) fn take_drained(&self) -> bool {
        let awaited = self.awaited.load(Ordering::Acquire);
        awaited > 0 && self.queued() <= awaited / 2 && self.awaited.swap(0, Ordering::AcqRel) > 0
    }

    /// Counts bytes that the task has queued itself.
    pub(crate) fn note_queued(&self, bytes: usize) {
        self.queued.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Subtracts bytes that the transport has taken.
    pub(crate) fn note_sent(&self, bytes: usize) {
        let left = self.queued.fetch_sub(bytes, Ordering::Relaxed).saturating_sub(bytes);
        self.answers.fetch_min(left, Ordering::Relaxed);
    }

    pub(crate) fn pause(&self, is_paused: bool) {
        self.is_paused.store(is_paused, Ordering::Release);
        if !is_paused {
            self.wake();
        }
    }

    /// Counts an event that is published to the application.
    pub(crate) fn note_delivered(&self, cost: usize) {
        self.unread.fetch_add(cost, Ordering::AcqRel);
    }

    /// Subtracts an event that the application has taken.
    pub(crate) fn note_taken(&self, cost: usize) {
        let before = self.unread.fetch_sub(cost, Ordering::AcqRel);
        if before > MAX_UNREAD && before - cost <= MAX_UNREAD {
            self.wake();
        }
    }

    /// Whether the connection may be read from.
    pub(crate) fn can_read(&self) -> bool {
        let answers = self.answers.load(Ordering::Relaxed).min(self.queued());
        self.unread.load(Ordering::Acquire) <= MAX_UNREAD
            && answers <= MAX_ANSWERS
            && !self.is_paused.load(Ordering::Acquire)
    }

    fn wake(&self) {
        let waker = self.inner.lock().waker.take();
        wake(waker);
    }

    /// Called by the task. Takes a command, or registers the task to be woken for the next command
    /// and when reading becomes possible.
    pub(crate) fn next_command(&self, cx: &Context<'_>) -> Option<Command> {
        let mut inner = self.inner.lock();
        let command = inner.commands.pop_front();
        if command.is_none() && !inner.waker.as_ref().is_some_and(|old| old.will_wake(cx.waker())) {
            inner.waker = Some(cx.waker().clone());
        }
        command
    }

    /// Called by the task. Drops all commands and refuses further ones.
    pub(crate) fn end(&self) {
        let mut inner = self.inner.lock();
        *inner = Inner { is_closed: true, ..Inner::default() };
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsent_answers_stop_the_reading() {
        let send_queue = SendQueue::default();
        let message = |size: usize| [Outgoing::Binary(vec![0; size].into())];
        send_queue.send(message(MAX_ANSWERS * 4));
        assert!(send_queue.can_read(), "only answers count");
        send_queue.answer(message(MAX_ANSWERS + 1));
        assert!(!send_queue.can_read());
        send_queue.note_sent(MAX_ANSWERS * 4 + 1);
        assert!(send_queue.can_read());
    }
}
