//! The upgrade from polling to a WebSocket.
//!
//! The engine decides when to upgrade, and this file opens the WebSocket, exchanges the probe and
//! replaces the transport. Source: Engine.IO protocol v4, "Upgrade".

use std::task::{Context, Poll};
use std::time::Duration;

use engine::{Time, Via};
use protocol::websocket::{Opcode, WireMessage};

use super::transport::{ActiveTransport, Opening};
use super::{Connection, since};
use crate::event::Event;
use crate::failure::Failure;
use crate::websocket::{Input, WebSocket};

/// An upgrade waits this long for the answer to the open poll before it continues, because not every
/// server answers that poll early.
const POLL_GRACE: Duration = Duration::from_secs(1);
/// An upgrade waits this long in total for the packets that the open poll may still bring.
const POLL_LIMIT: Duration = Duration::from_secs(10);

/// The WebSocket that will replace polling.
pub(super) enum Probe {
    None,
    Opening(Opening),
    Open(Box<WebSocket>),
}

/// An upgrade that the server has agreed to.
pub(super) struct Upgrade {
    pub(super) began: Time,
    /// The upgrade packet was handed to the WebSocket.
    pub(super) is_sent: bool,
    /// The last poll was answered.
    pub(super) is_polling_over: bool,
}

impl Upgrade {
    /// The time at which the next step is due, if no input leads to it earlier.
    pub(super) fn deadline(&self) -> Time {
        self.began.plus(if self.is_sent { POLL_LIMIT } else { POLL_GRACE })
    }
}

impl Connection {
    pub(super) fn drive_probe(&mut self, cx: &mut Context<'_>) -> bool {
        match &mut self.probe {
            Probe::None => false,
            Probe::Opening(opening) => match opening.as_mut().poll(cx) {
                Poll::Pending => false,
                Poll::Ready(Ok(socket)) => {
                    self.probe = Probe::Open(Box::new(socket));
                    let (now, state) = (since(self.epoch), &mut self.state);
                    let actions = &mut state.actions;
                    state.session.handle_probe_opened(&self.options.engine, now, actions);
                    true
                }
                Poll::Ready(Err(_)) => {
                    // The session continues on polling.
                    self.probe = Probe::None;
                    true
                }
            },
            Probe::Open(_) => self.drive_open_probe(cx),
        }
    }

    fn drive_open_probe(&mut self, cx: &mut Context<'_>) -> bool {
        let Probe::Open(socket) = &mut self.probe else {
            return false;
        };
        let flushed = socket.poll_flush(cx);
        if self.upgrade.is_some() {
            if let Poll::Ready(Err(error)) = flushed {
                self.state.handle_failure(Via::Main, Failure::closed(error.to_string()));
                return true;
            }
            return false;
        }
        let (state, config, now) = (&mut self.state, &self.options.engine, since(self.epoch));
        let mut take =
            |message: &WireMessage<'_>| state.handle_message(config, now, Via::Probe, message);
        match socket.poll_input(cx, config.max_payload, &mut take) {
            Poll::Pending => return false,
            Poll::Ready(Ok(Input::Some)) => {}
            Poll::Ready(Ok(Input::Closed(_)) | Err(_)) => {
                self.probe = Probe::None;
                self.state.session.handle_stream_lost(Via::Probe, true, &mut self.state.actions);
            }
        }
        true
    }

    /// Takes the next step of the upgrade if it is due. Returns whether there was progress.
    pub(super) fn advance_upgrade(&mut self) -> bool {
        let now = self.now();
        let Some(upgrade) = &mut self.upgrade else {
            return false;
        };
        let Probe::Open(socket) = &mut self.probe else {
            return false;
        };
        let is_posting =
            matches!(&self.transport, ActiveTransport::Polling(p) if p.posting.is_some());
        if !upgrade.is_sent {
            let is_ready = upgrade.is_polling_over || upgrade.began.plus(POLL_GRACE) <= now;
            if is_ready && !is_posting {
                socket.push(Opcode::Text, b"5");
                upgrade.is_sent = true;
            }
            return upgrade.is_sent;
        }
        if !upgrade.is_polling_over && upgrade.began.plus(POLL_LIMIT) > now {
            return false;
        }
        self.switch_to_websocket();
        true
    }

    /// Makes the WebSocket the session's transport.
    pub(super) fn switch_to_websocket(&mut self) {
        if let Probe::Open(socket) = std::mem::replace(&mut self.probe, Probe::None) {
            self.transport = ActiveTransport::WebSocket(socket);
            self.upgrade = None;
            self.state.events.push(Event::Upgraded);
        }
    }
}
