//! The end of a session: what is still sent, in which order, and how long answers are waited for.

use std::time::Duration;

use engine::{Goodbye, Reason, Time};
use protocol::websocket::Opcode;

use super::Connection;
use super::carrier::Carrier;
use super::switch::Probe;
use crate::event::Event;
use crate::failure::Failure;
use crate::mailbox::Outgoing;

/// How long the last words of a session may take.
const FAREWELL: Duration = Duration::from_secs(5);
/// How long the server may take to read what came before the last words. Node's server drops events
/// that it reads together with the DISCONNECT behind them.
const ECHO: Duration = Duration::from_secs(1);
/// How long the server may take to answer a close frame.
const CLOSING: Duration = Duration::from_secs(1);
/// How long it may take to answer the last requests of polling.
const LAST_POSTS: Duration = Duration::from_secs(2);

/// The end of a session.
pub(super) struct Ending {
    pub(super) reason: Reason,
    pub(super) until: Time,
    step: Farewell,
    /// The program's last messages.
    pub(super) words: Vec<Outgoing>,
    /// How long the answer to the close frame is waited for.
    patience: Duration,
}

impl Ending {
    pub(super) fn new(reason: Reason, until: Time, step: Farewell) -> Self {
        Self { reason, until, step, words: Vec::new(), patience: CLOSING }
    }

    /// When the next step is due, if nothing else leads to it.
    pub(super) fn deadline(&self) -> Time {
        match self.step {
            Farewell::Echo(until) => until.min(self.until),
            _ => self.until,
        }
    }
}

/// What is to be done yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Farewell {
    /// Send what waits.
    Flush,
    /// Wait until the server has read it.
    Echo(Time),
    /// Send the last words.
    Words,
    /// Say goodbye: with a close frame of this code, or a close packet.
    Goodbye(u16),
    /// Wait until it is sent.
    Done,
    /// Wait for the answer to a close frame.
    Answer,
}

impl Connection {
    pub(super) fn end(&mut self, reason: Reason, goodbye: Goodbye) {
        if !self.opened {
            let failure = self.life.failure.take();
            let late = || Failure::new("the server did not open a session in time");
            return self.fail(failure.unwrap_or_else(late));
        }
        if reason != Reason::ClientDisconnect {
            self.mailbox.sent(self.life.queue.drain(..).map(|message| message.len()).sum());
        }
        match &self.switch {
            Some(switch) if switch.sent => self.take_over(),
            _ => (self.switch, self.probe) = (None, Probe::None),
        }
        let own = reason == Reason::ClientDisconnect;
        if goodbye != Goodbye::None && !matches!(self.carrier, Carrier::None | Carrier::Opening(_))
        {
            let code = if reason == Reason::ParseError { 1002 } else { 1000 };
            let step = if own { Farewell::Flush } else { Farewell::Goodbye(code) };
            let until = self.now().plus(self.options.timeout.min(FAREWELL));
            self.ending = Some(Ending::new(reason, until, step));
        } else {
            self.done = true;
        }
        if !own {
            self.tell_end(reason);
        }
    }

    /// Takes the next step of the farewell when the last one is done.
    pub(super) fn go_on_ending(&mut self) -> bool {
        let now = self.now();
        let Some(ending) = &mut self.ending else {
            return false;
        };
        let idle = match &self.carrier {
            Carrier::Polling(polling) => polling.posting.is_none(),
            _ => true,
        };
        if !self.life.queue.is_empty() || !idle {
            return false;
        }
        let before = ending.step;
        ending.step = match (before, &mut self.carrier) {
            (Farewell::Flush, Carrier::WebSocket(socket)) if self.sent.plus(ECHO) > now => {
                socket.push(Opcode::Ping, b"");
                Farewell::Echo(now.plus(ECHO))
            }
            (Farewell::Echo(until), Carrier::WebSocket(socket))
                if !socket.has_pong() && now < until =>
            {
                before
            }
            // It answers nothing any more, and will not answer the goodbye.
            (Farewell::Echo(until), _) if now >= until => {
                ending.patience = Duration::ZERO;
                Farewell::Words
            }
            (Farewell::Flush | Farewell::Echo(_), Carrier::Polling(_)) => {
                ending.until = ending.until.min(now.plus(LAST_POSTS));
                Farewell::Words
            }
            (Farewell::Flush | Farewell::Echo(_), _) => Farewell::Words,
            (Farewell::Words, _) => {
                let bytes = ending.words.iter().map(Outgoing::len).sum();
                self.mailbox.queue(bytes);
                self.life.queue.extend(ending.words.drain(..));
                Farewell::Goodbye(1000)
            }
            (Farewell::Goodbye(code), Carrier::WebSocket(socket)) => {
                socket.push_close(code);
                Farewell::Done
            }
            (Farewell::Goodbye(_), _) => {
                let bytes = self.life.push("1");
                self.mailbox.queue(bytes);
                Farewell::Done
            }
            (Farewell::Done, Carrier::WebSocket(socket)) => {
                if !socket.is_flushed() {
                    return false;
                }
                ending.until = ending.until.min(now.plus(ending.patience));
                Farewell::Answer
            }
            (Farewell::Answer, _) => before,
            (Farewell::Done, _) => {
                self.done = true;
                before
            }
        };
        ending.step != before
    }

    pub(super) fn tell_end(&mut self, reason: Reason) {
        let detail = self.life.failure.take().map_or(String::new(), |failure| failure.message);
        self.life.events.push(Event::Closed { reason, detail });
    }
}
