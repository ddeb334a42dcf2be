//! The close of a session: which messages are still sent, in which order, and the time limits.
//!
//! `Closing` holds the progress, and `Connection::advance_close` takes the next step. A session that
//! the client ends delivers all queued messages first; after any other end they are dropped.

use std::time::Duration;

use engine::{Goodbye, Reason, Time};
use protocol::websocket::Opcode;

use super::Connection;
use super::transport::ActiveTransport;
use super::upgrade::Probe;
use crate::event::Event;
use crate::failure::Failure;
use crate::send_queue::Outgoing;

/// The time limit for the whole close.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);
/// The time limit for the pong before the last messages. The pong shows that the server has read
/// everything before it. Node's server drops events that it reads together with a DISCONNECT.
const PONG_LIMIT: Duration = Duration::from_secs(1);
/// The time limit for the server's answer to a close frame.
const CLOSE_FRAME_LIMIT: Duration = Duration::from_secs(1);
/// The time limit for the last requests of the polling transport.
const LAST_POSTS_LIMIT: Duration = Duration::from_secs(2);

/// The progress of a close.
pub(super) struct Closing {
    pub(super) reason: Reason,
    /// The connection is dropped at this time, whatever the step.
    pub(super) until: Time,
    step: CloseStep,
    /// The messages to be sent after all others, such as a DISCONNECT.
    pub(super) last_messages: Vec<Outgoing>,
    /// The time limit for the answer to the close frame.
    answer_limit: Duration,
}

impl Closing {
    pub(super) fn new(reason: Reason, until: Time, step: CloseStep) -> Self {
        Self { reason, until, step, last_messages: Vec::new(), answer_limit: CLOSE_FRAME_LIMIT }
    }

    /// The time at which the next step is due, if no input leads to it earlier.
    pub(super) fn deadline(&self) -> Time {
        match self.step {
            CloseStep::AwaitPong(until) => until.min(self.until),
            _ => self.until,
        }
    }
}

/// The steps of a close, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CloseStep {
    /// Send the queued messages.
    Flush,
    /// Wait until a pong shows that the server has read them, but not beyond this time.
    AwaitPong(Time),
    /// Send the last messages.
    LastMessages,
    /// Send a close frame with this code, or a close packet.
    SendClose(u16),
    /// Wait until the close frame or close packet is written.
    FlushClose,
    /// Wait for the server's close frame.
    AwaitClose,
}

impl Connection {
    /// Handles the end of the session, which the engine has reported.
    pub(super) fn handle_end(&mut self, reason: Reason, goodbye: Goodbye) {
        if !self.is_open {
            let failure = self.state.failure.take();
            let late = || Failure::new("the server did not open a session in time");
            return self.fail_attempt(failure.unwrap_or_else(late));
        }
        if reason != Reason::ClientDisconnect {
            self.send_queue
                .note_sent(self.state.queue.drain(..).map(|message| message.len()).sum());
        }
        match &self.upgrade {
            Some(upgrade) if upgrade.is_sent => self.switch_to_websocket(),
            _ => (self.upgrade, self.probe) = (None, Probe::None),
        }
        let own = reason == Reason::ClientDisconnect;
        if goodbye != Goodbye::None
            && !matches!(self.transport, ActiveTransport::None | ActiveTransport::Opening(_))
        {
            let code = if reason == Reason::ParseError { 1002 } else { 1000 };
            let step = if own { CloseStep::Flush } else { CloseStep::SendClose(code) };
            let until = self.now().plus(self.options.timeout.min(CLOSE_LIMIT));
            self.closing = Some(Closing::new(reason, until, step));
        } else {
            self.is_done = true;
        }
        if !own {
            self.report_close(reason);
        }
    }

    /// Takes the next step of the close if the current one is complete. Returns whether the step changed.
    pub(super) fn advance_close(&mut self) -> bool {
        let now = self.now();
        let Some(closing) = &mut self.closing else {
            return false;
        };
        let idle = match &self.transport {
            ActiveTransport::Polling(polling) => polling.posting.is_none(),
            _ => true,
        };
        if !self.state.queue.is_empty() || !idle {
            return false;
        }
        let before = closing.step;
        closing.step = match (before, &mut self.transport) {
            (CloseStep::Flush, ActiveTransport::WebSocket(socket))
                if self.last_sent.plus(PONG_LIMIT) > now =>
            {
                socket.push(Opcode::Ping, b"");
                CloseStep::AwaitPong(now.plus(PONG_LIMIT))
            }
            (CloseStep::AwaitPong(until), ActiveTransport::WebSocket(socket))
                if !socket.has_pong() && now < until =>
            {
                before
            }
            // A server that does not answer the ping will not answer the close frame either.
            (CloseStep::AwaitPong(until), _) if now >= until => {
                closing.answer_limit = Duration::ZERO;
                CloseStep::LastMessages
            }
            (CloseStep::Flush | CloseStep::AwaitPong(_), ActiveTransport::Polling(_)) => {
                closing.until = closing.until.min(now.plus(LAST_POSTS_LIMIT));
                CloseStep::LastMessages
            }
            (CloseStep::Flush | CloseStep::AwaitPong(_), _) => CloseStep::LastMessages,
            (CloseStep::LastMessages, _) => {
                let bytes = closing.last_messages.iter().map(Outgoing::len).sum();
                self.send_queue.note_queued(bytes);
                self.state.queue.extend(closing.last_messages.drain(..));
                CloseStep::SendClose(1000)
            }
            (CloseStep::SendClose(code), ActiveTransport::WebSocket(socket)) => {
                socket.push_close(code);
                CloseStep::FlushClose
            }
            (CloseStep::SendClose(_), transport) => {
                if let ActiveTransport::Polling(polling) = transport {
                    // The server answers the open poll when it has read this, and then forgets the session.
                    polling.stop();
                }
                let bytes = self.state.push("1");
                self.send_queue.note_queued(bytes);
                CloseStep::FlushClose
            }
            (CloseStep::FlushClose, ActiveTransport::WebSocket(socket)) => {
                if !socket.is_flushed() {
                    return false;
                }
                closing.until = closing.until.min(now.plus(closing.answer_limit));
                CloseStep::AwaitClose
            }
            (CloseStep::AwaitClose, _) => before,
            (CloseStep::FlushClose, _) => {
                self.is_done = true;
                before
            }
        };
        closing.step != before
    }

    pub(super) fn report_close(&mut self, reason: Reason) {
        let detail = self.state.failure.take().map_or(String::new(), |failure| failure.message);
        self.state.events.push(Event::Closed { reason, detail });
    }
}
