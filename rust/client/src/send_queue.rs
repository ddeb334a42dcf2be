//! What the program and a connection's task share: commands in, and the two allowances.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Waker};

use bytes::Bytes;
use parking_lot::Mutex;

/// Input the program has not taken yet; with more, the connection is not read from.
const MAX_UNREAD: usize = 1 << 20;
/// Bytes of answers the server has asked for and does not take; with more, it is not read from.
const MAX_ANSWERS: usize = 1 << 20;

/// One message on its way to the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outgoing {
    /// The text form of an Engine.IO packet, its type in front.
    Text(Bytes),
    /// A binary message.
    Binary(Bytes),
}

impl Outgoing {
    /// Its size in bytes.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Text(data) | Self::Binary(data) => data.len(),
        }
    }
}

/// A command of the program's.
#[derive(Debug)]
pub(crate) enum Command {
    Send(Outgoing),
    /// End the session: at once with `abort`, else when everything before it is sent, and at
    /// last these messages.
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

/// The program's side of a connection.
#[derive(Debug, Default)]
pub(crate) struct SendQueue {
    inner: Mutex<Inner>,
    /// Bytes on their way out that the transport has not taken.
    queued: AtomicUsize,
    /// How many of them answer the server, at most.
    answers: AtomicUsize,
    /// What `drained` is waited for, or 0.
    awaited: AtomicUsize,
    /// Weight of the events that the program has not taken.
    unread: AtomicUsize,
    paused: AtomicBool,
}

impl SendQueue {
    /// Takes messages that stay together; returns how many bytes wait now.
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
        // Counted before the task can take it off again.
        let waiting = self.queued.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let waker = inner.waker.take();
        drop(inner);
        wake(waker);
        waiting
    }

    /// Takes an answer to an event of the server's; returns as `send` does.
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

    /// Bytes that wait to be sent.
    pub(crate) fn queued(&self) -> usize {
        self.queued.load(Ordering::Relaxed)
    }

    /// Asks for one `Drained` when no more than the half of `limit` waits.
    pub(crate) fn await_drained(&self, limit: usize) {
        self.awaited.store(limit.max(1), Ordering::Release);
        self.wake();
    }

    /// Whether `Drained` is due; says so once.
    pub(crate) fn take_drained(&self) -> bool {
        let awaited = self.awaited.load(Ordering::Acquire);
        awaited > 0 && self.queued() <= awaited / 2 && self.awaited.swap(0, Ordering::AcqRel) > 0
    }

    /// The session itself queues so many bytes.
    pub(crate) fn note_queued(&self, bytes: usize) {
        self.queued.fetch_add(bytes, Ordering::Relaxed);
    }

    /// The transport has taken so many bytes.
    pub(crate) fn note_sent(&self, bytes: usize) {
        let left = self.queued.fetch_sub(bytes, Ordering::Relaxed).saturating_sub(bytes);
        self.answers.fetch_min(left, Ordering::Relaxed);
    }

    pub(crate) fn pause(&self, paused: bool) {
        self.paused.store(paused, Ordering::Release);
        if !paused {
            self.wake();
        }
    }

    /// An event is on its way to the program.
    pub(crate) fn note_delivered(&self, cost: usize) {
        self.unread.fetch_add(cost, Ordering::AcqRel);
    }

    /// The program has taken an event.
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
            && !self.paused.load(Ordering::Acquire)
    }

    fn wake(&self) {
        let waker = self.inner.lock().waker.take();
        wake(waker);
    }

    /// Connection: takes a command, or is woken for the next one and for changed allowances.
    pub(crate) fn next_command(&self, cx: &Context<'_>) -> Option<Command> {
        let mut inner = self.inner.lock();
        let command = inner.commands.pop_front();
        if command.is_none() && !inner.waker.as_ref().is_some_and(|old| old.will_wake(cx.waker())) {
            inner.waker = Some(cx.waker().clone());
        }
        command
    }

    /// Connection: nothing more is taken.
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
    fn answers_that_are_not_taken_end_the_reading() {
        let send_queue = SendQueue::default();
        let message = |size: usize| [Outgoing::Binary(vec![0; size].into())];
        send_queue.send(message(MAX_ANSWERS * 4));
        assert!(send_queue.can_read(), "what the program sends is its own business");
        send_queue.answer(message(MAX_ANSWERS + 1));
        assert!(!send_queue.can_read());
        send_queue.note_sent(MAX_ANSWERS * 4 + 1);
        assert!(send_queue.can_read());
    }
}
