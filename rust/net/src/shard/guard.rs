//! Steps of a turn, and what is dropped when one of them panics.
//!
//! Nothing that a peer sends should panic. Should it happen all the same, the step is cut short and
//! what it was about is dropped: the command, the oldest broadcasts, the connection. Lists of what
//! is to be done may have lost entries, so they are made anew. Then the shard goes on; if the next
//! turns panic too, it pauses between them, longer and longer.

use std::panic::{AssertUnwindSafe, catch_unwind};

use engine::{Goodbye, Reason, Time};
use protocol::Id;
use rooms::{Addr, ConnId};

use crate::counters::Counter;
use crate::event::Event;
use crate::fault::{self, Place};
use crate::shard::Shard;
use crate::socket::stream::Role;
use crate::table::Table;
use crate::table::step::Concern;

impl Shard {
    /// Runs one step, and then tells the rooms what has happened in it.
    pub(super) fn guard(&mut self, concern: Concern, step: impl FnOnce(&mut Self)) {
        self.table.step.set_concern(concern);
        let is_cut = catches(|| {
            step(self);
            self.table.step.set_concern(Concern::Nothing);
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
        self.panics.note();
        self.table.counters.add(Counter::Panics);
        self.table.step.actions().clear();
        let concern = self.table.step.set_concern(Concern::Nothing);
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
                if self.table.sessions.at(addr).is_some() {
                    self.table.fail_session(addr.slot);
                }
            }
            Concern::Broadcasts => self.fanout.abandon(),
        }
        self.settle();
    }

    fn tear_out(&mut self, concern: Concern) {
        self.table.step.actions().clear();
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
        match &self.streams.get(slot)?.role {
            Role::WebSocket { session, .. } => Some(*session),
            Role::Http(http) => http.carries().map(|(session, _)| session),
            Role::Closing { .. } => None,
        }
    }

    /// Ends a session for a fault of ours, whatever its machine has done of that already.
    fn fail_session(&mut self, slot: u32) {
        let Some(session) = self.sessions.get_mut(slot) else {
            return;
        };
        if session.ended {
            // Its end may have been cut short; whoever knows of it already does not mind.
            let sids: Vec<Id> = session.sockets.iter().map(|socket| socket.sid).collect();
            return self.tell_ends(slot, &sids);
        }
        session.engine.close(Reason::InternalError, Goodbye::Return, self.step.actions());
        self.step.actions().clear();
        self.end_session(slot, Reason::InternalError, Goodbye::Return);
    }

    fn tell_ends(&mut self, slot: u32, sids: &[Id]) {
        let reason = Reason::InternalError;
        for sid in sids.iter().copied() {
            self.publish(slot, Event::Disconnect { sid, reason, too_large: None });
        }
    }

    fn tear_out_stream(&mut self, slot: u32) {
        // Closing the descriptor takes it out of the poller.
        if let Some(mut stream) = self.streams.tear_out(slot) {
            self.counters.add(Counter::StreamsClosed);
            catches(|| _ = stream.discard(&mut self.queued_memory));
        }
    }

    /// Removes a session and tells the application that its sockets are gone.
    fn tear_out_session(&mut self, slot: u32) {
        let has_ended = self.sessions.get(slot).is_none_or(|session| session.ended);
        let Some(mut session) = self.sessions.remove(slot) else {
            return;
        };
        for stream in [session.stream, session.probe, session.poll, session.post] {
            self.tear_out_stream(stream);
        }
        let sids: Vec<Id> = session.sockets.iter().map(|socket| socket.sid).collect();
        self.tell_ends(slot, &sids);
        catches(|| _ = session.discard(&mut self.queued_memory));
        if has_ended {
            return;
        }
        let told = self.options.engine.parser.is_undecoded().then_some(Reason::InternalError);
        // Nobody must go on waiting for it.
        self.reports.tell(Event::Drained { session: session.id });
        let event = Event::Closed { session: session.id, reason: told, too_large: None };
        self.publish(slot, event);
        self.counters.closed(Reason::InternalError);
        catches(|| {
            for socket in session.sockets.iter() {
                self.sessions.leave_namespace(&socket.namespace);
            }
        });
    }

    /// Makes the lists of what is to be done anew, from what streams and sessions say themselves.
    fn relist(&mut self) {
        self.reading.take_paused();
        let (mut readable, mut unfinished) = (Vec::new(), Vec::new());
        for (slot, stream) in self.streams.iter_mut() {
            if stream.paused {
                self.reading.add_paused(slot);
            } else if stream.readable {
                readable.push(slot);
            }
            stream.filed = Time(0);
        }
        self.sessions.relist_polls();
        for (slot, session) in self.sessions.iter_mut() {
            if session.engine.is_closed() && !session.ended {
                unfinished.push(slot);
            } else if session.ended && session.lingers == Time(0) {
                self.step.free_later(slot);
            }
            session.filed = Time(0);
        }
        for slot in readable {
            self.streams.read_soon(slot);
        }
        for slot in unfinished {
            self.step.close_later(slot, Reason::InternalError);
        }
        let streams: Vec<_> = self.streams.iter().map(|(slot, _)| slot).collect();
        for slot in streams {
            self.file_stream(slot);
        }
        for slot in self.sessions.slots() {
            self.file_session(slot);
        }
    }
}

/// Whether a step panics.
fn catches(step: impl FnOnce()) -> bool {
    // What a cut step leaves behind is looked at above.
    catch_unwind(AssertUnwindSafe(step)).is_err()
}
