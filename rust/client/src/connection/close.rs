//! The end of a session: what is still sent, in which order, and how long answers are waited for.

use std::time::Duration;

use engine::{Goodbye, Reason, Time};
use protocol::websocket::Opcode;

use super::Connection;
use super::transport::ActiveTransport;
use super::upgrade::Probe;
use crate::event::Event;
use crate::failure::Failure;
use crate::send_queue::Outgoing;

/// How long the last messages of a session may take.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);
/// How long the server may take to read what came before the last messages. Node's server drops events
/// that it reads together with the DISCONNECT behind them.
const PONG_LIMIT: Duration = Duration::from_secs(1);
/// How long the server may take to answer a close frame.
const CLOSE_FRAME_LIMIT: Duration = Duration::from_secs(1);
/// How long it may take to answer the last requests of polling.
const LAST_POSTS_LIMIT: Duration = Duration::from_secs(2);

/// The end of a session.
pub(super) struct Closing {
    pub(super) reason: Reason,
    pub(super) until: Time,
    step: CloseStep,
    /// The program's last messages.
    pub(super) last_messages: Vec<Outgoing>,
    /// How long the answer to the close frame is waited for.
    answer_limit: Duration,
}

impl Closing {
    pub(super) fn new(reason: Reason, until: Time, step: CloseStep) -> Self {
        Self { reason, until, step, last_messages: Vec::new(), answer_limit: CLOSE_FRAME_LIMIT }
    }

    /// When the next step is due, if nothing else leads to it.
    pub(super) fn deadline(&self) -> Time {
        match self.step {
            CloseStep::AwaitPong(until) => until.min(self.until),
            _ => self.until,
        }
    }
}

/// What is to be done yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CloseStep {
    /// Send what waits.
    Flush,
    /// Wait until the server has read it.
    AwaitPong(Time),
    /// Send the last messages.
    LastMessages,
    /// Say goodbye: with a close frame of this code, or a close packet.
    SendClose(u16),
    /// Wait until it is sent.
    FlushClose,
    /// Wait for the answer to a close frame.
    AwaitClose,
}

impl Connection {
    pub(super) fn end(&mut self, reason: Reason, goodbye: Goodbye) {
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
            Some(upgrade) if upgrade.is_sent => self.take_over(),
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

    /// Takes the next step of the close when the last one is done.
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
            // It answers nothing any more, and will not answer the goodbye.
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
            (CloseStep::SendClose(_), _) => {
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
