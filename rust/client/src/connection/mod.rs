//! One connection: the task that connects the engine's session to its transports.
//!
//! The future is written by hand: `poll` examines everything that can happen. This keeps an idle
//! connection to one small struct. The task ends when the session has ended and its last messages
//! are sent. `transport` reads and writes, `upgrade` moves to a WebSocket, and `close` ends.

mod close;
mod transport;
mod upgrade;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use engine::{Action, Goodbye, Reason, Time, Transport, Via};
use net::Outbox;
use protocol::websocket::Opcode;
use tokio::time::{Instant, Sleep};

use self::close::Closing;
use self::transport::{ActiveTransport, Opening};
use self::upgrade::{Probe, Upgrade};
use crate::event::{ConnectionEvent, Event};
use crate::failure::Failure;
use crate::identity::Identity;
use crate::options::Options;
use crate::polling::Polling;
use crate::send_queue::{Command, Outgoing, SendQueue};
use crate::state::ConnectionState;
use crate::websocket;

/// The task of one connection.
pub(crate) struct Connection {
    id: u64,
    options: Arc<Options>,
    send_queue: Arc<SendQueue>,
    outbox: Arc<Outbox<ConnectionEvent>>,
    epoch: Instant,
    identity: Arc<Identity>,
    state: ConnectionState,
    transport: ActiveTransport,
    probe: Probe,
    upgrade: Option<Upgrade>,
    closing: Option<Closing>,
    timer: Pin<Box<Sleep>>,
    deadline: Option<Time>,
    /// The index of the transport that is tried.
    attempt: usize,
    /// The handshake is complete.
    is_open: bool,
    /// The application was told that the session has ended.
    is_close_reported: bool,
    /// The task can end.
    is_done: bool,
    /// The time at which the application last sent a message.
    last_sent: Time,
}

impl Connection {
    pub(crate) fn new(
        id: u64,
        options: Arc<Options>,
        send_queue: Arc<SendQueue>,
        outbox: Arc<Outbox<ConnectionEvent>>,
        epoch: Instant,
    ) -> Self {
        let state = ConnectionState::new(&options.engine, since(epoch), Transport::Polling);
        let mut connection = Self {
            id,
            options,
            send_queue,
            outbox,
            epoch,
            identity: Arc::default(),
            state,
            transport: ActiveTransport::None,
            probe: Probe::None,
            upgrade: None,
            closing: None,
            timer: Box::pin(tokio::time::sleep_until(epoch)),
            deadline: None,
            attempt: 0,
            is_open: false,
            is_close_reported: false,
            is_done: false,
            last_sent: Time(0),
        };
        connection.begin();
        connection
    }

    fn now(&self) -> Time {
        since(self.epoch)
    }

    /// Opens the session on the transport of the current attempt.
    fn begin(&mut self) {
        let Some(transport) = self.options.transports.get(self.attempt).copied() else {
            return self.give_up(Failure::new("no transport to try"));
        };
        self.identity = Arc::default();
        let queue = std::mem::take(&mut self.state.queue);
        self.state = ConnectionState::new(&self.options.engine, self.now(), transport);
        self.state.queue = queue;
        self.transport = match transport {
            Transport::Polling => {
                ActiveTransport::Polling(Box::new(Polling::start(&self.options, &self.identity)))
            }
            Transport::WebSocket => ActiveTransport::Opening(self.open_websocket()),
        };
    }

    fn open_websocket(&self) -> Opening {
        let (options, identity) = (Arc::clone(&self.options), Arc::clone(&self.identity));
        Box::pin(async move { websocket::connect(&options, &identity).await })
    }

    /// Tries the next transport, or gives up if there is none.
    fn fail_attempt(&mut self, failure: Failure) {
        if self.options.try_all && self.attempt + 1 < self.options.transports.len() {
            self.attempt += 1;
            self.begin();
        } else {
            self.give_up(failure);
        }
    }

    fn give_up(&mut self, failure: Failure) {
        self.transport = ActiveTransport::None;
        self.state.events.push(Event::Failed(failure));
        self.is_done = true;
    }

    fn handle_commands(&mut self, cx: &Context<'_>) -> bool {
        let mut busy = false;
        while let Some(command) = self.send_queue.next_command(cx) {
            busy = true;
            match command {
                Command::Send(message) if self.closing.is_none() => {
                    self.last_sent = self.now();
                    self.state.queue.push_back(message);
                }
                Command::Send(message) => self.send_queue.note_sent(message.len()),
                Command::Close { abort, last_messages } => self.close(abort, last_messages),
            }
        }
        busy
    }

    fn close(&mut self, abort: bool, last_messages: Vec<Outgoing>) {
        if !self.is_open {
            return self.give_up(Failure::new("the connection was closed by the application"));
        }
        self.state.session.close(Reason::ClientDisconnect, Goodbye::Kept, &mut self.state.actions);
        self.perform_actions();
        self.is_done |= abort;
        if let Some(closing) = &mut self.closing {
            closing.last_messages = last_messages;
        }
    }

    /// Handles the earliest deadline if it has passed, or sets the timer to it.
    fn check_deadline(&mut self, cx: &mut Context<'_>) -> bool {
        let due = self.next_deadline();
        if due != self.deadline {
            self.deadline = due;
            // One day is the maximum, because an `Instant` cannot represent every `Time`. A timer that
            // fires early is set again.
            let at = due.map_or(u64::MAX, |at| at.0).min(self.now().0 + 86_400_000);
            self.timer.as_mut().reset(self.epoch + Duration::from_millis(at));
        }
        if due.is_none() || self.timer.as_mut().poll(cx).is_pending() {
            return false;
        }
        self.deadline = None;
        let now = self.now();
        self.state.session.handle_timeout(&self.options.engine, now, &mut self.state.actions);
        self.is_done |= self.closing.as_ref().is_some_and(|closing| closing.until <= now);
        true
    }

    fn next_deadline(&self) -> Option<Time> {
        let upgrade = self.upgrade.as_ref().map(Upgrade::deadline);
        // A deadline that has passed had its effect already, or the upgrade waits for something else.
        let upgrade = upgrade.filter(|at| *at > self.now());
        let closing = self.closing.as_ref().map(Closing::deadline);
        [self.state.session.poll_timeout(), upgrade, closing].into_iter().flatten().min()
    }

    /// Performs the actions that the engine has requested.
    fn perform_actions(&mut self) {
        let mut actions = std::mem::take(&mut self.state.actions);
        for action in actions.drain(..) {
            match action {
                Action::SendPong(Via::Main) => {
                    let bytes = self.state.push("3");
                    self.send_queue.note_queued(bytes);
                }
                Action::Opened { probe } => self.handle_opened(probe),
                Action::SendProbe => {
                    if let Probe::Open(socket) = &mut self.probe {
                        socket.push(Opcode::Text, b"2probe");
                    }
                }
                Action::SendUpgrade => {
                    if let ActiveTransport::Polling(polling) = &self.transport {
                        polling.stop();
                    }
                    self.upgrade =
                        Some(Upgrade { began: self.now(), is_sent: false, is_polling_over: false });
                }
                Action::DropProbe => self.probe = Probe::None,
                Action::Close { reason, goodbye } => self.handle_end(reason, goodbye),
                // `advance_upgrade` switches the transport. The other actions are for servers.
                Action::SwitchTransport
                | Action::SendPing
                | Action::SendPong(Via::Probe)
                | Action::ReleasePoll => {}
            }
        }
        if self.state.actions.is_empty() {
            self.state.actions = actions;
        }
    }

    fn handle_opened(&mut self, probe: bool) {
        self.is_open = true;
        let Some(handshake) = &self.state.handshake else { return };
        self.identity.set_sid(&handshake.sid);
        self.state.events.push(Event::Opened {
            sid: handshake.sid.clone(),
            transport: self.state.session.transport(),
            ping_interval: handshake.ping_interval,
            ping_timeout: handshake.ping_timeout,
        });
        if probe && self.options.transports.contains(&Transport::WebSocket) {
            self.probe = Probe::Opening(self.open_websocket());
        }
    }

    /// Hands the collected events to the application.
    fn publish(&mut self) {
        if self.send_queue.take_drained() {
            self.state.events.push(Event::Drained);
        }
        let mut batch: Vec<ConnectionEvent> = Vec::with_capacity(self.state.events.len());
        let is_leaving =
            self.closing.as_ref().is_some_and(|e| e.reason == Reason::ClientDisconnect);
        for event in self.state.events.drain(..) {
            // After the application has closed the connection, no handler takes events, and the
            // limit of unread input does not stop the reading. Late events are therefore dropped.
            let is_late = is_leaving && (event.is_for_handlers() || !self.send_queue.can_read());
            if self.is_close_reported || is_late && !event.is_end() {
                continue;
            }
            self.is_close_reported = event.is_end();
            let cost = event.cost();
            self.send_queue.note_delivered(cost);
            let send_queue = Arc::clone(&self.send_queue);
            batch.push(ConnectionEvent { connection: self.id, event, cost, send_queue });
        }
        self.outbox.publish(0, &mut batch);
    }
}

impl Future for Connection {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        loop {
            let mut busy = this.handle_commands(cx);
            busy |= this.check_deadline(cx);
            busy |= this.drive_transport(cx);
            busy |= this.drive_probe(cx);
            busy |= this.advance_upgrade();
            busy |= this.advance_close();
            busy |= !this.state.actions.is_empty();
            this.perform_actions();
            if this.is_done {
                if let Some(closing) = &this.closing
                    && closing.reason == Reason::ClientDisconnect
                {
                    this.report_close(Reason::ClientDisconnect);
                }
                this.send_queue.end();
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
