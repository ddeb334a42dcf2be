//! One thread: a poller, the streams and sessions of a [`Table`], and the rooms of a `Fanout`.
//!
//! A turn: I/O that is ready, then the commands in the inbox, then a slice of the backlogs, then one
//! of the pending fan-outs, then what is due. All of these are cut by time, so that no client waits behind ten thousand others.
//! A turn never touches Python; what Python must hear goes to the outbox, once per turn. Turns are
//! run on the shard's own thread, or in inline mode (`inline`) on the event loop's.

mod guard;
pub(crate) mod inline;
mod inline_policy;
mod inline_turns;
mod panics;

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::{Reason, Time};
use mio::event::Event as Readiness;
use mio::{Events, Poll, Token};
use rooms::{ConnId, Fanout};

use self::inline::InlineMode;
use self::inline_policy::InlinePolicy;
use self::panics::Panics;
use crate::awaited::{Awaited, Awaits};
use crate::command::Command;
use crate::event::Event;
use crate::fault::{self, Place};
use crate::inbox::Inbox;
use crate::outbox::Outbox;
use crate::socket::accept::Listener;
use crate::socket::listeners::Listeners;
use crate::table::Table;
use crate::table::step::Concern;
use crate::timer_wheel::Owner;
use crate::unread::{Sent, Unread};

pub(crate) const WAKER: Token = Token(usize::MAX);

const READ_BUFFER: usize = 64 * 1024;
/// Reads of one stream in a turn.
const READS: usize = 4;
/// Recipients between two looks at the clock.
const RECIPIENTS: usize = 8;
/// How long a turn may read before it does the rest.
const READING: Duration = Duration::from_millis(1);
/// How long a turn may send before it looks at I/O again.
const SLICE: Duration = Duration::from_micros(300);
/// Commands between two looks at the clock.
const COMMANDS: usize = 64;
/// How long a turn may apply commands before it looks at I/O again.
const APPLYING: Duration = Duration::from_millis(1);

pub(crate) struct Shard {
    pub(crate) table: Table,
    pub(crate) fanout: Fanout,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) outbox: Arc<Outbox<Sent, Unread>>,
    listeners: Listeners,
    pub(crate) stop_by: Option<Time>,
    poll: Poll,
    epoch: Instant,
    /// Taken from the inbox, not applied yet.
    commands: VecDeque<Command>,
    command_bytes: usize,
    /// Streams of which more is there than was read.
    unfinished: VecDeque<u32>,
    /// Streams with a backlog that can be written again.
    writable: VecDeque<u32>,
    buffer: Vec<u8>,
    due: Vec<Owner>,
    /// Sessions whose polls are being answered.
    answering: Vec<u32>,
    panics: Panics,
    stopped: bool,
    awaits: Awaits,
    awaited: Arc<Awaited>,
    /// What the poller has found ready; taken out for a turn.
    readiness: Option<Events>,
    inline_policy: InlinePolicy,
    /// How many events the last turn had for the program.
    published: usize,
    is_inline: bool,
    /// Recipients of fan-outs since there was none to do.
    reached: usize,
    /// When it last made way for the program.
    made_way: Time,
}

impl fmt::Debug for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shard").field("number", &self.table.number()).finish_non_exhaustive()
    }
}

impl Shard {
    pub(crate) fn new(
        table: Table,
        poll: Poll,
        inbox: Arc<Inbox>,
        outbox: Arc<Outbox<Sent, Unread>>,
        epoch: Instant,
        awaited: Arc<Awaited>,
    ) -> Self {
        Self {
            table,
            fanout: Fanout::new(),
            inbox,
            outbox,
            listeners: Listeners::default(),
            stop_by: None,
            poll,
            epoch,
            commands: VecDeque::new(),
            command_bytes: 0,
            unfinished: VecDeque::new(),
            writable: VecDeque::new(),
            buffer: vec![0; READ_BUFFER],
            due: Vec::new(),
            answering: Vec::new(),
            panics: Panics::default(),
            stopped: false,
            awaits: Awaits::Nothing,
            awaited,
            readiness: None,
            inline_policy: InlinePolicy::new(),
            published: 0,
            is_inline: false,
            reached: 0,
            made_way: Time(0),
        }
    }

    /// Runs until `Command::Stop`; with `inline` it enters inline mode while that costs less.
    pub(crate) fn run(mut self: Box<Self>, inline: Option<&InlineMode<Self>>) {
        while !self.is_done() {
            let timeout = self.inbox.sleep(self.timeout());
            self.poll(timeout);
            self.take_turn();
            if let Some(pause) = self.panics.pause() {
                std::thread::sleep(pause);
            }
            self.make_way();
            let Some(inline) = inline else { continue };
            if self.is_demanding() {
                self.inline_policy.rest(self.table.now);
            } else if !self.is_busy() && self.inline_policy.is_light(self.table.now, self.published)
            {
                self = inline.run(self);
            }
        }
    }

    /// Lets the program have the core, should it wait for it, to take the events of a turn that is
    /// not the last: the kernel would let it wait for some milliseconds. Not at every turn, for each
    /// change of threads costs something.
    fn make_way(&mut self) {
        if self.published > 0 && self.is_busy() && self.made_way != self.table.now {
            self.made_way = self.table.now;
            std::thread::yield_now();
        }
    }

    fn poll(&mut self, timeout: Option<Duration>) {
        let mut events = self.readiness.take().unwrap_or_else(|| Events::with_capacity(1024));
        // Interrupted by a signal: a turn with nothing ready.
        let _ = self.poll.poll(&mut events, timeout);
        self.inbox.awake();
        for event in &events {
            self.ready(event);
        }
        self.readiness = Some(events);
    }

    fn take_turn(&mut self) {
        self.table.begin_turn(self.now());
        self.guard(Concern::Nothing, Self::accept);
        self.read();
        self.take_commands();
        // After the commands: one of them may be what a session waits for, and nothing else may come.
        self.guard(Concern::Nothing, Self::resume);
        self.guard(Concern::Nothing, Self::flush);
        self.guard(Concern::Broadcasts, Self::fan_out);
        self.inbox.set_pending(self.fanout.pending_bytes() + self.command_bytes);
        self.guard(Concern::Nothing, Self::expire);
        self.guard(Concern::Nothing, Self::answer_polls);
        self.guard(Concern::Nothing, Self::relieve);
        self.guard(Concern::Nothing, Self::report);
        self.end_guarded_turn();
        self.published = self.table.reports.send(self.is_inline);
    }

    fn accept(&mut self) {
        fault::point(Place::Accept);
        self.listeners.accept(&mut self.table);
    }

    fn resume(&mut self) {
        fault::point(Place::Resume);
        self.table.resume();
    }

    fn relieve(&mut self) {
        fault::point(Place::Relieve);
        self.table.relieve();
    }

    fn report(&mut self) {
        self.table.show_gauges();
        self.say_stopped();
        self.say_what_is_awaited();
    }

    /// Tells the application's thread what reading waits for.
    fn say_what_is_awaited(&mut self) {
        let awaits = self.table.awaits();
        if awaits != self.awaits {
            self.awaits = awaits;
            self.awaited.say(awaits);
        }
        // It may have been taken just before.
        if self.table.can_resume(awaits) {
            self.inbox.nudge();
        }
    }

    fn answer_polls(&mut self) {
        self.table.sessions.take_polls(&mut self.answering);
        while let Some(slot) = self.answering.pop() {
            self.table.step.set_concern(Concern::Session(slot));
            fault::point(Place::Poll);
            self.table.flush_poll(slot);
        }
        self.table.step.set_concern(Concern::Nothing);
        self.table.codecs.sweep_bodies();
    }

    fn now(&self) -> Time {
        // Time(0) means "never" to the owners of deadlines.
        Time(self.epoch.elapsed().as_millis() as u64 + 1)
    }

    fn is_done(&self) -> bool {
        self.stop_by.is_some_and(|by| self.table.streams.is_empty() || self.table.now >= by)
    }

    /// Whether something is left for the next turn.
    fn is_busy(&self) -> bool {
        self.has_work() || !self.fanout.is_idle()
    }

    /// Whether anything but a fan-out is left.
    fn has_work(&self) -> bool {
        self.table.streams.has_ready()
            || !self.unfinished.is_empty()
            || self.listeners.is_busy()
            || self.table.sessions.has_polls()
            || !self.answering.is_empty()
            || !self.commands.is_empty()
            || !self.writable.is_empty()
            || !self.due.is_empty()
    }

    fn timeout(&self) -> Option<Duration> {
        if self.is_busy() {
            return Some(Duration::ZERO);
        }
        let due = [self.table.next_deadline(), self.listeners.due(), self.stop_by];
        let due = due.into_iter().flatten().min()?;
        Some(Duration::from_millis(due.0.saturating_sub(self.now().0)))
    }

    fn ready(&mut self, event: &Readiness) {
        let token = event.token();
        if token == WAKER {
            return;
        }
        if self.listeners.take_note(token) {
            return;
        }
        let slot = token.0 as u32;
        let Some(stream) = self.table.streams.get_mut(slot) else {
            return;
        };
        if event.is_writable() && stream.waiting() > 0 {
            self.writable.push_back(slot);
        }
        if event.is_readable() || event.is_read_closed() || event.is_error() {
            stream.readable = true;
            stream.hung_up |= event.is_read_closed() || event.is_error();
            self.table.streams.read_soon(slot);
        }
    }

    /// Starts to accept from a listener.
    pub(crate) fn listen(&mut self, listener: Listener) {
        self.table.options.bound_kernel(&listener);
        self.listeners.add(listener, self.poll.registry());
    }

    pub(crate) fn unlisten(&mut self) {
        self.listeners.close(self.poll.registry());
    }

    // --- reading ---------------------------------------------------------------------------------

    /// Reads what is ready, for a slice only. Those that have more than can be read at once come
    /// last, but one of them in each turn.
    fn read(&mut self) {
        if !self.table.streams.has_ready() && self.unfinished.is_empty() {
            return;
        }
        let slice = if self.is_inline { SLICE } else { READING };
        let started = Instant::now();
        let mut ready = self.table.streams.take_ready().into_iter();
        for slot in ready.by_ref() {
            self.guard(Concern::Stream(slot), |shard| shard.read_stream(slot));
            if started.elapsed() >= slice {
                break;
            }
        }
        if ready.len() > 0 {
            self.table.streams.put_back(ready);
        }
        while let Some(slot) = self.unfinished.pop_front() {
            self.guard(Concern::Stream(slot), |shard| shard.read_stream(slot));
            if started.elapsed() >= slice {
                return;
            }
        }
    }

    fn read_stream(&mut self, slot: u32) {
        fault::point(Place::Read);
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.resize(READ_BUFFER, 0);
        self.table.reading.begin_visit();
        for _ in 0..READS {
            if self.table.reading.is_visit_over() {
                break;
            }
            if !self.table.read_once(slot, &mut buffer) {
                self.buffer = buffer;
                return;
            }
        }
        self.buffer = buffer;
        self.unfinished.push_back(slot);
    }

    // --- commands, fan-outs, deadlines -----------------------------------------------------------

    /// Applies what is in the inbox, in order; what takes too long goes on in the next turn.
    fn take_commands(&mut self) {
        if self.commands.is_empty() {
            self.command_bytes = self.inbox.take(&mut self.commands);
        }
        let (started, mut applied) = (Instant::now(), 0);
        while let Some(command) = self.commands.pop_front() {
            self.command_bytes = self.command_bytes.saturating_sub(command.size());
            let concern = command.addr().map_or(Concern::Nothing, Concern::At);
            self.guard(concern, |shard| shard.apply(command));
            applied += 1;
            if applied % COMMANDS == 0 && started.elapsed() >= APPLYING {
                return;
            }
        }
    }

    /// Writes what waits for streams that can be written again: thousands of them may.
    fn flush(&mut self) {
        if self.writable.is_empty() {
            return;
        }
        let started = Instant::now();
        while let Some(slot) = self.writable.pop_front() {
            self.table.step.set_concern(Concern::Stream(slot));
            fault::point(Place::Flush);
            self.table.flush(slot);
            if started.elapsed() >= SLICE {
                return;
            }
        }
    }

    fn fan_out(&mut self) {
        if self.fanout.is_idle() {
            self.reached = 0;
            return;
        }
        let started = Instant::now();
        fault::point(Place::FanOut);
        while self.fanout.work(&mut self.table, RECIPIENTS) {
            self.reached += RECIPIENTS;
            let is_late = !self.is_inline && started.elapsed() >= SLICE;
            if is_late || self.is_inline && self.is_reaching_many() {
                break;
            }
        }
    }

    fn expire(&mut self) {
        if self.due.is_empty() {
            self.table.collect_due(&mut self.due);
        }
        let started = self.is_inline.then(Instant::now);
        while let Some(owner) = self.due.pop() {
            self.table.step.set_concern(owner.into());
            fault::point(Place::Expire);
            self.table.expire(owner);
            if started.is_some_and(|started| started.elapsed() >= SLICE) {
                return;
            }
        }
    }

    /// Tells the rooms what has happened to sessions in this step.
    pub(crate) fn settle(&mut self) {
        let table = &mut self.table;
        while let Some(conn) = table.step.next_opened() {
            self.fanout.open(conn);
        }
        while let Some((conn, all)) = table.step.next_left() {
            self.fanout.leave_group(conn, all, table);
        }
        while let Some((slot, reason)) = table.step.next_to_close() {
            table.close_session(slot, reason);
        }
        // Those that end meanwhile have their turn at the next step.
        for _ in 0..table.step.count_to_free() {
            let Some(slot) = table.step.next_to_free() else {
                return;
            };
            fault::point(Place::Settle);
            let lost = self.fanout.close(ConnId(slot));
            table.lose_tally(lost);
            table.free_session(slot);
        }
    }

    /// Closes every session, and the streams that wait for a request.
    pub(crate) fn shut_down(&mut self) {
        self.table.begin_shutdown();
        self.unlisten();
        for slot in self.table.sessions.slots() {
            self.fanout.catch_up(ConnId(slot), &mut self.table);
            self.table.close_session(slot, Reason::ServerShutdown);
        }
        self.table.close_idle_streams();
    }

    fn say_stopped(&mut self) {
        if self.table.is_stopping() && !self.stopped && !self.table.sessions.has_live() {
            self.stopped = true;
            self.table.reports.tell(Event::Stopped);
        }
    }
}
