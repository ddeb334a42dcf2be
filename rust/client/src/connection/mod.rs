//! One connection: the task that drives the engine over the transports.
//!
//! A future written by hand: everything that can happen is looked at in `poll`, so that a waiting
//! connection is one small struct. It ends when the session has ended and its last words are sent.

mod carrier;
mod farewell;
mod switch;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use engine::{Action, Goodbye, Reason, Time, Transport, Via};
use net::Outbox;
use protocol::websocket::Opcode;
use tokio::time::{Instant, Sleep};

use self::carrier::{Carrier, Opening};
use self::farewell::Ending;
use self::switch::{Probe, Switch};
use crate::event::{Event, Notice};
use crate::failure::Failure;
use crate::identity::Identity;
use crate::life::Life;
use crate::mailbox::{Command, Mailbox, Outgoing};
use crate::options::Options;
use crate::polling::Polling;
use crate::websocket;

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
        self.life.session.close(Reason::ClientDisconnect, Goodbye::Kept, &mut self.life.actions);
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
        let switch = self.switch.as_ref().map(Switch::deadline);
        // A deadline that has passed has had its effect, or waits for something else.
        let switch = switch.filter(|at| *at > self.now());
        let ending = self.ending.as_ref().map(Ending::deadline);
        [self.life.session.poll_timeout(), switch, ending].into_iter().flatten().min()
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
                Action::Close { reason, goodbye } => self.end(reason, goodbye),
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

fn since(epoch: Instant) -> Time {
    Time((epoch.elapsed().as_millis() as u64).max(1))
}
