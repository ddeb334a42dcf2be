//! Requests that concern a whole session, and decisions about HTTP requests that wait for one.

use engine::Reason;
use net::{Command, Decision};
use protocol::Id;
use rooms::{Addr, Flags, Frame, OutgoingMessage};

use crate::emit::Sent;
use crate::start::Router;

impl Router {
    /// Sends messages to a session without a packet header, in order. `may_wait` as in [`crate::Emit`].
    pub fn send(&self, session: &str, messages: &[OutgoingMessage<'_>], may_wait: bool) -> Sent {
        let frame = Frame::messages(messages, Flags::default());
        let (Some(addr), Some(frame), Ok(net)) = (self.session_addr(session), frame, self.net())
        else {
            return Sent::default();
        };
        let bytes = frame.wire().len();
        if may_wait && self.has_no_memory_for(bytes, &net) {
            return Sent::CROWDED;
        }
        let mut registry = self.registry.lock();
        if may_wait && registry.is_backed_up(addr) {
            return Sent::WAIT;
        }
        net.push_quietly(addr.shard, Command::Send { addr, frame });
        self.count_sent(&mut registry, &net, addr, bytes);
        drop(registry);
        Sent { flush: self.deferred.wake(&net), ..Sent::default() }
    }

    /// Closes a session.
    pub fn close(&self, session: &str, reason: Reason) {
        self.to_session(session, |addr| Command::Close { addr, reason });
    }

    /// Stops reading from a session.
    pub fn pause(&self, session: &str) {
        self.to_session(session, |addr| Command::Pause { addr });
    }

    /// Reads from a session again.
    pub fn resume(&self, session: &str) {
        self.to_session(session, |addr| Command::Resume { addr });
    }

    /// Admits or denies a request; the token and the session are those of `Inbound::Admission`.
    pub fn decide(&self, token: u64, session: &str, decision: Decision) {
        let (Some(session), Ok(net)) = (Id::parse(session), self.net()) else {
            return;
        };
        // The upper 6 bits of the token are the shard's number; the rest is a number in that shard.
        let (shard, token) = ((token >> 58) as u16, token & (u64::MAX >> 6));
        net.push(shard, Command::Decide { token, session, decision: Box::new(decision) });
    }

    fn to_session(&self, session: &str, command: impl FnOnce(Addr) -> Command) {
        if let Some(addr) = self.session_addr(session) {
            self.push(addr, command(addr));
        }
    }

    fn session_addr(&self, session: &str) -> Option<Addr> {
        let session = Id::parse(session)?;
        self.registry.lock().session_addr(&session)
    }
}
