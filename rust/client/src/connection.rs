//! One connection: the task that drives the engine over the transports.
//!
//! A future written by hand: everything that can happen is looked at in `poll`, so that a waiting
//! connection is one small struct. It ends when the session has ended and its last words are sent.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use engine::{Action, Reason, Time, Transport, Via};
use net::Outbox;
use protocol::websocket::{Message, Opcode};
use tokio::time::{Instant, Sleep};

use crate::event::{Event, Notice};
use crate::failure::Failure;
use crate::identity::Identity;
use crate::life::Life;
use crate::mailbox::{Command, Mailbox, Outgoing};
use crate::options::Options;
use crate::polling::Polling;
use crate::websocket::{self, Input, WebSocket};

/// How long the last words of a session may take.
const FAREWELL: Duration = Duration::from_secs(5);
/// How long the server may take to read what came before the last words. Node's server drops events
/// that it reads together with the DISCONNECT behind them.
const ECHO: Duration = Duration::from_secs(1);
/// How long the server may take to answer a close frame.
const CLOSING: Duration = Duration::from_secs(1);
/// How long it may take to answer the last requests of polling.
const LAST_POSTS: Duration = Duration::from_secs(2);
/// How long an upgrade waits for the open poll before it goes on: not every server frees it.
const POLL_GRACE: Duration = Duration::from_secs(1);
/// How long what that poll may still bring is waited for.
const POLL_LIMIT: Duration = Duration::from_secs(10);

type Opening = Pin<Box<dyn Future<Output = Result<WebSocket, Failure>> + Send>>;

/// What carries the session.
enum Carrier {
    None,
    Opening(Opening),
    Polling(Box<Polling>),
    WebSocket(Box<WebSocket>),
}

/// The WebSocket that is to take over.
enum Probe {
    None,
    Opening(Opening),
    Open(Box<WebSocket>),
}

/// An upgrade the server has agreed to.
struct Switch {
    began: Time,
    /// `5` is on its way.
    sent: bool,
    /// The last poll is back.
    back: bool,
}

/// The end of a session.
struct Ending {
    reason: Reason,
    until: Time,
    step: Farewell,
    /// The program's last messages.
    words: Vec<Outgoing>,
    /// How long the answer to the close frame is waited for.
    patience: Duration,
}

impl Ending {
    fn new(reason: Reason, until: Time, step: Farewell) -> Self {
        Self { reason, until, step, words: Vec::new(), patience: CLOSING }
    }
}

/// What is to be done yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Farewell {
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

/// A connection's task.
pub(crate) struct Connection {
    id: u64,
    options: Arc<Options>,
    mailbox: Arc<Mailbox>,
    outbox: Arc<Outbox<Notice>>,
    epoch: Instant,
    identity: Arc<Identity>,
    life: Life,
    carrier: Carrier,
    probe: Probe,
    switch: Option<Switch>,
    ending: Option<Ending>,
    timer: Pin<Box<Sleep>>,
    deadline: Option<Time>,
    /// The transport being tried.
    attempt: usize,
    opened: bool,
    /// The program has heard of the end.
    told: bool,
    done: bool,
    /// When the last message of the program's was sent.
    sent: Time,
}

impl Connection {
    pub(crate) fn new(
        id: u64,
        options: Arc<Options>,
        mailbox: Arc<Mailbox>,
        outbox: Arc<Outbox<Notice>>,
        epoch: Instant,
    ) -> Self {
        let life = Life::new(&options.engine, since(epoch), Transport::Polling);
        let mut connection = Self {
            id,
            options,
            mailbox,
            outbox,
            epoch,
            identity: Arc::default(),
            life,
            carrier: Carrier::None,
            probe: Probe::None,
            switch: None,
            ending: None,
            timer: Box::pin(tokio::time::sleep_until(epoch)),
            deadline: None,
            attempt: 0,
            opened: false,
            told: false,
            done: false,
            sent: Time(0),
        };
        connection.begin();
        connection
    }

    fn now(&self) -> Time {
        since(self.epoch)
    }

    /// Opens the session on the transport that is to be tried.
    fn begin(&mut self) {
        let Some(transport) = self.options.transports.get(self.attempt).copied() else {
            return self.give_up(Failure::new("no transport to try"));
        };
        self.identity = Arc::default();
        let queue = std::mem::take(&mut self.life.queue);
        self.life = Life::new(&self.options.engine, self.now(), transport);
        self.life.queue = queue;
        self.carrier = match transport {
            Transport::Polling => {
                Carrier::Polling(Box::new(Polling::start(&self.options, &self.identity)))
            }
            Transport::WebSocket => Carrier::Opening(self.open_websocket()),
        };
    }

    fn open_websocket(&self) -> Opening {
        let (options, identity) = (Arc::clone(&self.options), Arc::clone(&self.identity));
        Box::pin(async move { websocket::connect(&options, &identity).await })
    }

    /// The session could not be opened in this way.
    fn fail(&mut self, failure: Failure) {
        if self.options.try_all && self.attempt + 1 < self.options.transports.len() {
            self.attempt += 1;
            self.begin();
        } else {
            self.give_up(failure);
        }
    }

    fn give_up(&mut self, failure: Failure) {
        self.carrier = Carrier::None;
        self.life.events.push(Event::Failed(failure));
        self.done = true;
    }

    // What the program wants

    fn take_commands(&mut self, cx: &Context<'_>) -> bool {
        let mut busy = false;
        while let Some(command) = self.mailbox.next(cx) {
            busy = true;
            match command {
                Command::Send(message) if self.ending.is_none() => {
                    self.sent = self.now();
                    self.life.queue.push_back(message);
                }
                Command::Send(message) => self.mailbox.sent(message.len()),
                Command::Close { abort, words } => self.close(abort, words),
            }
        }
        busy
    }

    fn close(&mut self, abort: bool, words: Vec<Outgoing>) {
        if !self.opened {
            return self.give_up(Failure::new("the connection was closed by the program"));
        }
        self.life.session.close(Reason::ClientDisconnect, &mut self.life.actions);
        self.perform();
        self.done |= abort;
        if let Some(ending) = &mut self.ending {
            ending.words = words;
        }
    }

    // Time

    fn tick(&mut self, cx: &mut Context<'_>) -> bool {
        let due = self.next_deadline();
        if due != self.deadline {
            self.deadline = due;
            // Beyond a day it is not worth looking at.
            let at = due.map_or(u64::MAX, |at| at.0).min(self.now().0 + 86_400_000);
            self.timer.as_mut().reset(self.epoch + Duration::from_millis(at));
        }
        if due.is_none() || self.timer.as_mut().poll(cx).is_pending() {
            return false;
        }
        self.deadline = None;
        let now = self.now();
        self.life.session.handle_timeout(&self.options.engine, now, &mut self.life.actions);
        self.done |= self.ending.as_ref().is_some_and(|ending| ending.until <= now);
        true
    }

    fn next_deadline(&self) -> Option<Time> {
        let switch = self
            .switch
            .as_ref()
            .map(|switch| switch.began.plus(if switch.sent { POLL_LIMIT } else { POLL_GRACE }));
        // A deadline that has passed has had its effect, or waits for something else.
        let switch = switch.filter(|at| *at > self.now());
        let ending = self.ending.as_ref().map(|ending| match ending.step {
            Farewell::Echo(until) => until.min(ending.until),
            _ => ending.until,
        });
        [self.life.session.poll_timeout(), switch, ending].into_iter().flatten().min()
    }

    // Streams

    fn drive(&mut self, cx: &mut Context<'_>) -> bool {
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
        let mut take = |message: &Message<'_>| life.message(config, now, Via::Main, message);
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
    fn lose_main(&mut self, failure: Failure) {
        self.life.lose(Via::Main, failure);
        self.done |= self.ending.is_some();
    }

    // The upgrade

    fn drive_probe(&mut self, cx: &mut Context<'_>) -> bool {
        match &mut self.probe {
            Probe::None => false,
            Probe::Opening(opening) => match opening.as_mut().poll(cx) {
                Poll::Pending => false,
                Poll::Ready(Ok(socket)) => {
                    self.probe = Probe::Open(Box::new(socket));
                    let (now, life) = (since(self.epoch), &mut self.life);
                    let actions = &mut life.actions;
                    life.session.handle_probe_opened(&self.options.engine, now, actions);
                    true
                }
                Poll::Ready(Err(_)) => {
                    // Polling goes on.
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
        if self.switch.is_some() {
            if let Poll::Ready(Err(error)) = flushed {
                self.life.lose(Via::Main, Failure::closed(error.to_string()));
                return true;
            }
            return false;
        }
        let (life, config, now) = (&mut self.life, &self.options.engine, since(self.epoch));
        let mut take = |message: &Message<'_>| life.message(config, now, Via::Probe, message);
        match socket.poll_input(cx, config.max_payload, &mut take) {
            Poll::Pending => return false,
            Poll::Ready(Ok(Input::Some)) => {}
            Poll::Ready(Ok(Input::Closed(_)) | Err(_)) => {
                self.probe = Probe::None;
                self.life.session.handle_stream_lost(Via::Probe, true, &mut self.life.actions);
            }
        }
        true
    }

    /// Takes the steps of an upgrade that are due.
    fn go_on_switching(&mut self) -> bool {
        let now = self.now();
        let Some(switch) = &mut self.switch else {
            return false;
        };
        let Probe::Open(socket) = &mut self.probe else {
            return false;
        };
        let busy_posting = matches!(&self.carrier, Carrier::Polling(p) if p.posting.is_some());
        if !switch.sent {
            let ready = switch.back || switch.began.plus(POLL_GRACE) <= now;
            if ready && !busy_posting {
                socket.push(Opcode::Text, b"5");
                switch.sent = true;
            }
            return switch.sent;
        }
        if !switch.back && switch.began.plus(POLL_LIMIT) > now {
            return false;
        }
        self.take_over();
        true
    }

    fn take_over(&mut self) {
        if let Probe::Open(socket) = std::mem::replace(&mut self.probe, Probe::None) {
            self.carrier = Carrier::WebSocket(socket);
            self.switch = None;
            self.life.events.push(Event::Upgraded);
        }
    }

    // What the engine wants

    fn perform(&mut self) {
        let mut actions = std::mem::take(&mut self.life.actions);
        for action in actions.drain(..) {
            match action {
                Action::SendPong(Via::Main) => {
                    let bytes = self.life.push("3");
                    self.mailbox.queue(bytes);
                }
                Action::Opened { probe } => self.opened(probe),
                Action::SendProbe => {
                    if let Probe::Open(socket) = &mut self.probe {
                        socket.push(Opcode::Text, b"2probe");
                    }
                }
                Action::SendUpgrade => {
                    if let Carrier::Polling(polling) = &self.carrier {
                        polling.stop();
                    }
                    self.switch = Some(Switch { began: self.now(), sent: false, back: false });
                }
                Action::DropProbe => self.probe = Probe::None,
                Action::Close { reason, say } => self.end(reason, say),
                // The switch has its own steps; the others are a server's.
                Action::SwitchTransport
                | Action::SendPing
                | Action::SendPong(Via::Probe)
                | Action::ReleasePoll => {}
            }
        }
        if self.life.actions.is_empty() {
            self.life.actions = actions;
        }
    }

    fn opened(&mut self, probe: bool) {
        self.opened = true;
        let Some(handshake) = &self.life.handshake else { return };
        self.identity.set_sid(&handshake.sid);
        self.life.events.push(Event::Opened {
            sid: handshake.sid.clone(),
            transport: self.life.session.transport(),
            ping_interval: handshake.ping_interval,
            ping_timeout: handshake.ping_timeout,
        });
        if probe && self.options.transports.contains(&Transport::WebSocket) {
            self.probe = Probe::Opening(self.open_websocket());
        }
    }

    fn end(&mut self, reason: Reason, say: bool) {
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
        if say && !matches!(self.carrier, Carrier::None | Carrier::Opening(_)) {
            let goodbye = if reason == Reason::ParseError { 1002 } else { 1000 };
            let step = if own { Farewell::Flush } else { Farewell::Goodbye(goodbye) };
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
    fn go_on_ending(&mut self) -> bool {
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

    fn tell_end(&mut self, reason: Reason) {
        let detail = self.life.failure.take().map_or(String::new(), |failure| failure.message);
        self.life.events.push(Event::Closed { reason, detail });
    }

    fn publish(&mut self) {
        if self.mailbox.take_drained() {
            self.life.events.push(Event::Drained);
        }
        let mut batch: Vec<Notice> = Vec::with_capacity(self.life.events.len());
        let leaves = self.ending.as_ref().is_some_and(|e| e.reason == Reason::ClientDisconnect);
        for event in self.life.events.drain(..) {
            // Nobody handles what comes after the goodbye, and nothing bounds its reading.
            let late = leaves && (event.is_for_handlers() || !self.mailbox.may_read());
            if self.told || late && !event.is_end() {
                continue;
            }
            self.told = event.is_end();
            let cost = event.cost();
            self.mailbox.delivered(cost);
            let mailbox = Arc::clone(&self.mailbox);
            batch.push(Notice { connection: self.id, event, cost, mailbox });
        }
        self.outbox.publish(0, &mut batch);
    }
}

impl Future for Connection {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        loop {
            let mut busy = this.take_commands(cx);
            busy |= this.tick(cx);
            busy |= this.drive(cx);
            busy |= this.drive_probe(cx);
            busy |= this.go_on_switching();
            busy |= this.go_on_ending();
            busy |= !this.life.actions.is_empty();
            this.perform();
            if this.done {
                if let Some(ending) = &this.ending
                    && ending.reason == Reason::ClientDisconnect
                {
                    this.tell_end(Reason::ClientDisconnect);
                }
                this.mailbox.end();
                this.publish();
                return Poll::Ready(());
            }
            this.publish();
            if !busy {
                return Poll::Pending;
            }
        }
    }
}

fn push(socket: &mut WebSocket, message: &Outgoing) {
    match message {
        Outgoing::Text(text) => socket.push_message(Opcode::Text, text),
        Outgoing::Binary(data) => socket.push_message(Opcode::Binary, data),
    }
}

fn since(epoch: Instant) -> Time {
    Time((epoch.elapsed().as_millis() as u64).max(1))
}
