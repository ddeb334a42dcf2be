//! Steps of a turn, and what is dropped when one of them panics.
//!
//! Nothing that a peer sends should panic. Should it happen all the same, the step is cut short and
//! what it was about is dropped: the command, the oldest broadcasts, the connection. Lists of what
//! is to be done may have lost entries, so they are made anew. Then the shard goes on; if the next
//! turns panic too, it pauses between them, longer and longer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use engine::{Goodbye, Reason, Time};
use protocol::Id;
use rooms::{Addr, ConnId};

use crate::counters::Counter;
use crate::event::Event;
use crate::fault::{self, Place};
use crate::shard::Shard;
use crate::socket::stream::Role;
use crate::table::Table;
use crate::unread::Sent;
use crate::wheel::Owner;

/// Turns in a row that may panic without a pause.
const FREE: u32 = 4;
/// The longest pause is 2 to this power, in milliseconds.
const LONGEST: u32 = 6;

/// What a step is about: it goes when the step panics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Concern {
    /// No connection; a command is gone when it is applied.
    #[default]
    Nothing,
    /// A stream, and the session it carries.
    Stream(u32),
    /// The session in a slot.
    Session(u32),
    /// The session at an address, if it is still there.
    At(Addr),
    /// The broadcasts that are being walked.
    Broadcasts,
}

impl From<Owner> for Concern {
    fn from(owner: Owner) -> Self {
        match owner {
            Owner::Session(slot) => Self::Session(slot),
            Owner::Stream(slot) => Self::Stream(slot),
        }
    }
}

/// How often turns have panicked lately.
#[derive(Debug, Default)]
pub(super) struct Panics {
    this_turn: bool,
    in_a_row: u32,
}

impl Panics {
    /// A turn ends.
    fn end_turn(&mut self) {
        let has_panicked = std::mem::take(&mut self.this_turn);
        self.in_a_row = if has_panicked { self.in_a_row.saturating_add(1) } else { 0 };
    }

    /// How long to wait before the next turn.
    pub(super) fn pause(&self) -> Option<Duration> {
        let power = self.in_a_row.checked_sub(FREE)?.min(LONGEST);
        Some(Duration::from_millis(1 << power))
    }

    /// Whether the last turn has panicked.
    pub(super) fn is_recent(&self) -> bool {
        self.in_a_row > 0
    }
}

impl Shard {
    /// Runs one step, and then tells the rooms what has happened in it.
    pub(super) fn guard(&mut self, concern: Concern, step: impl FnOnce(&mut Self)) {
        self.table.concern = concern;
        let is_cut = catches(|| {
            step(self);
            self.table.concern = Concern::Nothing;
            self.settle();
        });
        if is_cut {
            self.drop_concern();
        }
    }

    /// Ends a turn.
    pub(super) fn end_guarded_turn(&mut self) {
        self.panics.end_turn();
    }

    /// A step has panicked: drops what it was about. What is broken may panic again, so there is a
    /// second way, which looks at nothing.
    fn drop_concern(&mut self) {
        self.panics.this_turn = true;
        self.table.counters.add(Counter::Panics);
        self.table.actions.clear();
        let concern = std::mem::take(&mut self.table.concern);
        if catches(|| self.drop_gently(concern)) && catches(|| self.tear_out(concern)) {
            self.fanout.abandon_all();
        }
        // Cut short, this leaves no more undone than the panic did.
        catches(|| self.table.relist());
    }

    fn drop_gently(&mut self, concern: Concern) {
        fault::point(Place::Drop);
        match concern {
            Concern::Nothing => {}
            Concern::Stream(slot) => {
                if let Some(session) = self.table.carried(slot) {
                    self.table.fail_session(session);
                }
                self.table.remove_stream(slot);
            }
            Concern::Session(slot) => self.table.fail_session(slot),
            Concern::At(addr) => {
                if self.table.session_at(addr).is_some() {
                    self.table.fail_session(addr.slot);
                }
            }
            Concern::Broadcasts => self.fanout.abandon(),
        }
        self.settle();
    }

    fn tear_out(&mut self, concern: Concern) {
        self.table.actions.clear();
        match concern {
            Concern::Nothing => {}
            Concern::Stream(slot) => {
                if let Some(session) = self.table.carried(slot) {
                    self.tear_out_session(session);
                }
                self.table.tear_out_stream(slot);
            }
            Concern::Session(slot) | Concern::At(Addr { slot, .. }) => self.tear_out_session(slot),
            Concern::Broadcasts => self.fanout.abandon_all(),
        }
    }

    fn tear_out_session(&mut self, slot: u32) {
        self.table.tear_out_session(slot);
        self.fanout.close(ConnId(slot));
    }
}

impl Table {
    /// The session that a stream carries.
    fn carried(&self, slot: u32) -> Option<u32> {
        match &self.streams.get(slot as usize)?.role {
            Role::WebSocket { session, .. } => Some(*session),
            Role::Http(http) => http.carries().map(|(session, _)| session),
            Role::Closing { .. } => None,
        }
    }

    /// Ends a session for a fault of ours, whatever its machine has done of that already.
    fn fail_session(&mut self, slot: u32) {
        let Some(session) = self.sessions.entry_mut(slot) else {
            return;
        };
        if session.ended {
            // Its end may have been cut short; whoever knows of it already does not mind.
            let sids: Vec<Id> = session.sockets.iter().map(|socket| socket.sid).collect();
            return self.tell_ends(slot, &sids);
        }
        session.engine.close(Reason::InternalError, Goodbye::Return, &mut self.actions);
        self.actions.clear();
        self.end_session(slot, Reason::InternalError, Goodbye::Return);
    }

    fn tell_ends(&mut self, slot: u32, sids: &[Id]) {
        let reason = Reason::InternalError;
        let end = |sid: &Id| Event::Disconnect { sid: *sid, reason, too_large: None };
        self.events.extend(sids.iter().map(end).map(|event| Sent { session: slot, event }));
    }

    fn tear_out_stream(&mut self, slot: u32) {
        // Closing the descriptor takes it out of the poller.
        if let Some(mut stream) = self.streams.try_remove(slot as usize) {
            self.counters.add(Counter::StreamsClosed);
            catches(|| _ = stream.discard(&mut self.load));
        }
    }

    /// Removes a session and tells the application that its sockets are gone.
    fn tear_out_session(&mut self, slot: u32) {
        let Some(mut session) = self.sessions.remove(slot) else {
            return;
        };
        self.too_large.remove(&slot);
        for stream in [session.stream, session.probe, session.poll, session.post] {
            self.tear_out_stream(stream);
        }
        let sids: Vec<Id> = session.sockets.iter().map(|socket| socket.sid).collect();
        self.tell_ends(slot, &sids);
        catches(|| _ = session.discard(&mut self.load));
        if session.ended {
            return;
        }
        let told = self.options.engine.parser.is_undecoded().then_some(Reason::InternalError);
        // Nobody must go on waiting for it.
        self.tell(Event::Drained { session: session.id });
        let event = Event::Closed { session: session.id, reason: told, too_large: None };
        self.events.push(Sent { session: slot, event });
        self.counters.closed(Reason::InternalError);
        let live = &mut self.live[session.engine.transport() as usize];
        *live = live.saturating_sub(1);
        catches(|| {
            for socket in session.sockets.iter() {
                self.release_namespace(&socket.namespace);
            }
        });
    }

    /// Makes the lists of what is to be done anew, from what streams and sessions say themselves.
    fn relist(&mut self) {
        self.reading.forget_paused();
        for (slot, stream) in &mut self.streams {
            let slot = slot as u32;
            if stream.paused {
                self.reading.add_paused(slot);
            } else if stream.readable {
                self.ready.push(slot);
            }
            stream.filed = Time(0);
        }
        self.polls.clear();
        let mut unfinished = Vec::new();
        for (slot, session) in self.sessions.iter_mut() {
            if session.flushing {
                self.polls.push(slot);
            }
            if session.engine.is_closed() && !session.ended {
                unfinished.push(slot);
            } else if session.ended && session.lingers == Time(0) {
                self.ended.push(slot);
            }
            session.filed = Time(0);
        }
        self.doomed.extend(unfinished.into_iter().map(|slot| (slot, Reason::InternalError)));
        let streams: Vec<_> = self.streams.iter().map(|(slot, _)| slot as u32).collect();
        for slot in streams {
            self.file_stream(slot);
        }
        let sessions: Vec<_> = self.sessions.iter().map(|(slot, _)| slot).collect();
        for slot in sessions {
            self.file_session(slot);
        }
    }
}

/// Whether a step panics.
fn catches(step: impl FnOnce()) -> bool {
    // What a cut step leaves behind is looked at above.
    catch_unwind(AssertUnwindSafe(step)).is_err()
}
