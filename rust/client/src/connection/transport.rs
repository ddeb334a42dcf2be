//! Reads and writes the messages of a session on its current transport.
//!
//! Each function polls one direction of one transport and returns whether it made progress. The
//! `polling` and `websocket` modules own the streams.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use engine::Via;
use protocol::websocket::{Opcode, WireMessage};

use super::{Connection, since};
use crate::failure::Failure;
use crate::polling::Polling;
use crate::send_queue::Outgoing;
use crate::websocket::{Input, WebSocket};

pub(super) type Opening = Pin<Box<dyn Future<Output = Result<WebSocket, Failure>> + Send>>;

/// The transport that carries the session now.
pub(super) enum ActiveTransport {
    None,
    Opening(Opening),
    Polling(Box<Polling>),
    WebSocket(Box<WebSocket>),
}

impl Connection {
    pub(super) fn drive_transport(&mut self, cx: &mut Context<'_>) -> bool {
        match &mut self.transport {
            ActiveTransport::None => false,
            ActiveTransport::Opening(opening) => match opening.as_mut().poll(cx) {
                Poll::Pending => false,
                Poll::Ready(opened) => {
                    match opened {
                        Ok(socket) => self.transport = ActiveTransport::WebSocket(Box::new(socket)),
                        Err(failure) => self.state.handle_failure(Via::Main, failure),
                    }
                    true
                }
            },
            ActiveTransport::Polling(_) => self.receive_records(cx) | self.post(cx),
            ActiveTransport::WebSocket(_) => self.write(cx) | self.read(cx),
        }
    }

    fn receive_records(&mut self, cx: &mut Context<'_>) -> bool {
        let ActiveTransport::Polling(polling) = &mut self.transport else {
            return false;
        };
        if !self.send_queue.can_read()
            || self.upgrade.as_ref().is_some_and(|upgrade| upgrade.is_polling_over)
        {
            return false;
        }
        match polling.records.poll_recv(cx) {
            Poll::Pending => return false,
            Poll::Ready(Some(Ok(record))) => {
                self.state.handle_record(&self.options.engine, since(self.epoch), &record);
            }
            Poll::Ready(Some(Err(failure))) => self.state.handle_failure(Via::Main, failure),
            Poll::Ready(None) => match &mut self.upgrade {
                Some(upgrade) => upgrade.is_polling_over = true,
                // The last poll is over; the close packet may be on its way.
                None if self.closing.is_some() => return false,
                None => self.state.handle_failure(Via::Main, Failure::new("polling ended")),
            },
        }
        true
    }

    fn post(&mut self, cx: &mut Context<'_>) -> bool {
        let ActiveTransport::Polling(polling) = &mut self.transport else {
            return false;
        };
        let mut busy = false;
        if let Some(posting) = &mut polling.posting {
            match posting.as_mut().poll(cx) {
                Poll::Pending => return false,
                Poll::Ready(Ok(http)) => polling.handle_posted(http),
                Poll::Ready(Err(failure)) => {
                    polling.posting = None;
                    self.state.handle_failure(Via::Main, failure);
                    return true;
                }
            }
            busy = true;
        }
        if self.is_open && self.upgrade.is_none() && !self.state.queue.is_empty() {
            let max = self.state.handshake.as_ref().map_or(0, |handshake| handshake.max_payload);
            let max =
                if max == 0 { usize::MAX } else { usize::try_from(max).unwrap_or(usize::MAX) };
            let queue = &mut self.state.queue;
            let bytes = polling.post(&self.options, &self.identity, queue, max);
            self.send_queue.note_sent(bytes);
            busy = true;
        }
        busy
    }

    fn write(&mut self, cx: &mut Context<'_>) -> bool {
        let ActiveTransport::WebSocket(socket) = &mut self.transport else {
            return false;
        };
        let mut busy = false;
        while self.is_open && socket.has_room() {
            let Some(message) = self.state.queue.pop_front() else { break };
            self.send_queue.note_sent(message.len());
            push(socket, &message);
            busy = true;
        }
        match socket.poll_flush(cx) {
            Poll::Pending => busy,
            // The output buffer is empty now, and nothing else would wake the task to fill it.
            Poll::Ready(Ok(())) => busy || self.is_open && !self.state.queue.is_empty(),
            Poll::Ready(Err(error)) => {
                self.lose_main_stream(Failure::closed(format!("the connection broke: {error}")));
                true
            }
        }
    }

    fn read(&mut self, cx: &mut Context<'_>) -> bool {
        let ActiveTransport::WebSocket(socket) = &mut self.transport else {
            return false;
        };
        if !self.send_queue.can_read() && self.closing.is_none() {
            return false;
        }
        let (state, config, now) = (&mut self.state, &self.options.engine, since(self.epoch));
        let mut take =
            |message: &WireMessage<'_>| state.handle_message(config, now, Via::Main, message);
        let input = socket.poll_input(cx, config.max_payload, &mut take);
        match input {
            Poll::Pending => return false,
            Poll::Ready(Ok(Input::Some)) => {}
            Poll::Ready(Ok(Input::Closed(code))) => {
                socket.push_close(code.unwrap_or(1000));
                // A failure does not matter: the stream is dropped next.
                let _ = socket.poll_flush(cx);
                let code = code.map_or(String::new(), |code| format!(" with code {code}"));
                self.lose_main_stream(Failure::closed(format!(
                    "the server closed the WebSocket{code}"
                )));
            }
            Poll::Ready(Err(failure)) => self.lose_main_stream(failure),
        }
        true
    }

    /// Handles the loss of the session's stream. A close that is in progress cannot continue.
    pub(super) fn lose_main_stream(&mut self, failure: Failure) {
        self.state.handle_failure(Via::Main, failure);
        self.is_done |= self.closing.is_some();
    }
}

fn push(socket: &mut WebSocket, message: &Outgoing) {
    match message {
        Outgoing::Text(text) => socket.push_message(Opcode::Text, text),
        Outgoing::Binary(data) => socket.push_message(Opcode::Binary, data),
    }
}
