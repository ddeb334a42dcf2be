//! What carries a session: its messages written and read, whichever transport it has.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use engine::Via;
use protocol::websocket::{Opcode, WireMessage};

use super::{Connection, since};
use crate::failure::Failure;
use crate::mailbox::Outgoing;
use crate::polling::Polling;
use crate::websocket::{Input, WebSocket};

pub(super) type Opening = Pin<Box<dyn Future<Output = Result<WebSocket, Failure>> + Send>>;

/// What carries the session.
pub(super) enum Carrier {
    None,
    Opening(Opening),
    Polling(Box<Polling>),
    WebSocket(Box<WebSocket>),
}

impl Connection {
    pub(super) fn drive(&mut self, cx: &mut Context<'_>) -> bool {
        match &mut self.carrier {
            Carrier::None => false,
            Carrier::Opening(opening) => match opening.as_mut().poll(cx) {
                Poll::Pending => false,
                Poll::Ready(opened) => {
                    match opened {
                        Ok(socket) => self.carrier = Carrier::WebSocket(Box::new(socket)),
                        Err(failure) => self.life.lose(Via::Main, failure),
                    }
                    true
                }
            },
            Carrier::Polling(_) => self.receive_records(cx) | self.post(cx),
            Carrier::WebSocket(_) => self.write(cx) | self.read(cx),
        }
    }

    fn receive_records(&mut self, cx: &mut Context<'_>) -> bool {
        let Carrier::Polling(polling) = &mut self.carrier else {
            return false;
        };
        if !self.mailbox.may_read() || self.switch.as_ref().is_some_and(|switch| switch.back) {
            return false;
        }
        match polling.records.poll_recv(cx) {
            Poll::Pending => return false,
            Poll::Ready(Some(Ok(record))) => {
                self.life.record(&self.options.engine, since(self.epoch), &record);
            }
            Poll::Ready(Some(Err(failure))) => self.life.lose(Via::Main, failure),
            Poll::Ready(None) => match &mut self.switch {
                Some(switch) => switch.back = true,
                None => self.life.lose(Via::Main, Failure::new("polling ended")),
            },
        }
        true
    }

    fn post(&mut self, cx: &mut Context<'_>) -> bool {
        let Carrier::Polling(polling) = &mut self.carrier else {
            return false;
        };
        let mut busy = false;
        if let Some(posting) = &mut polling.posting {
            match posting.as_mut().poll(cx) {
                Poll::Pending => return false,
                Poll::Ready(Ok(http)) => polling.posted(http),
                Poll::Ready(Err(failure)) => {
                    polling.posting = None;
                    self.life.lose(Via::Main, failure);
                    return true;
                }
            }
            busy = true;
        }
        if self.opened && self.switch.is_none() && !self.life.queue.is_empty() {
            let max = self.life.handshake.as_ref().map_or(0, |handshake| handshake.max_payload);
            let max =
                if max == 0 { usize::MAX } else { usize::try_from(max).unwrap_or(usize::MAX) };
            let queue = &mut self.life.queue;
            let bytes = polling.post(&self.options, &self.identity, queue, max);
            self.mailbox.sent(bytes);
            busy = true;
        }
        busy
    }

    fn write(&mut self, cx: &mut Context<'_>) -> bool {
        let Carrier::WebSocket(socket) = &mut self.carrier else {
            return false;
        };
        let mut busy = false;
        while self.opened && socket.has_room() {
            let Some(message) = self.life.queue.pop_front() else { break };
            self.mailbox.sent(message.len());
            push(socket, &message);
            busy = true;
        }
        match socket.poll_flush(cx) {
            Poll::Pending => busy,
            // There is room again, and nothing else would wake the task for it.
            Poll::Ready(Ok(())) => busy || self.opened && !self.life.queue.is_empty(),
            Poll::Ready(Err(error)) => {
                self.lose_main(Failure::closed(format!("the connection broke: {error}")));
                true
            }
        }
    }

    fn read(&mut self, cx: &mut Context<'_>) -> bool {
        let Carrier::WebSocket(socket) = &mut self.carrier else {
            return false;
        };
        if !self.mailbox.may_read() && self.ending.is_none() {
            return false;
        }
        let (life, config, now) = (&mut self.life, &self.options.engine, since(self.epoch));
        let mut take = |message: &WireMessage<'_>| life.message(config, now, Via::Main, message);
        let input = socket.poll_input(cx, config.max_payload, &mut take);
        match input {
            Poll::Pending => return false,
            Poll::Ready(Ok(Input::Some)) => {}
            Poll::Ready(Ok(Input::Closed(code))) => {
                socket.push_close(code.unwrap_or(1000));
                // The answer is a courtesy.
                let _ = socket.poll_flush(cx);
                let code = code.map_or(String::new(), |code| format!(" with code {code}"));
                self.lose_main(Failure::closed(format!("the server closed the WebSocket{code}")));
            }
            Poll::Ready(Err(failure)) => self.lose_main(failure),
        }
        true
    }

    /// The stream is gone: with it, the rest of the farewell.
    pub(super) fn lose_main(&mut self, failure: Failure) {
        self.life.lose(Via::Main, failure);
        self.done |= self.ending.is_some();
    }
}

fn push(socket: &mut WebSocket, message: &Outgoing) {
    match message {
        Outgoing::Text(text) => socket.push_message(Opcode::Text, text),
        Outgoing::Binary(data) => socket.push_message(Opcode::Binary, data),
    }
}
