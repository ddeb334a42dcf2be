//! How much may be sent to one client before its shard must say that little waits for it.
//!
//! Shards know what waits, but an application that sends in a loop may send much before they look at
//! any of it. So what was sent is counted here too: past the high-water mark nothing more should be
//! sent until the shard says, behind all of that, that little waits.

use protocol::Id;

use super::entry::{MARK, WAITS};
use super::{Addr, Registry};

impl Registry {
    /// Whether the sender should wait before it sends more to the session at an address.
    pub fn is_backed_up(&self, addr: Addr) -> bool {
        let session = self.session_slot(addr).and_then(|slot| self.sessions.entry(slot));
        session.is_some_and(|session| session.addr == addr && session.unconfirmed == WAITS)
    }

    /// Counts what was sent to the session at an address; `true` when the mark was passed just now: its shard
    /// must be asked to say when little waits.
    pub fn count_sent(&mut self, addr: Addr, bytes: usize, mark: usize) -> bool {
        let slot = self.session_slot(addr);
        let session = slot.and_then(|slot| self.sessions.entry_mut(slot));
        let Some(session) = session.filter(|s| s.addr == addr && s.unconfirmed != WAITS) else {
            return false;
        };
        let parts = bytes.saturating_mul(MARK).div_ceil(mark.max(1));
        let sent = parts.saturating_add(usize::from(session.unconfirmed));
        let is_much = sent > MARK;
        session.unconfirmed = if is_much { WAITS } else { sent as u16 };
        is_much
    }

    /// The shard says that much waits for a session, or that little does.
    pub fn set_backed_up(&mut self, session: &Id, is_backed_up: bool) {
        if let Some(session) = self.sessions.find_mut(session) {
            session.unconfirmed = if is_backed_up { WAITS } else { 0 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{sid, three};
    use super::*;

    #[test]
    fn what_was_sent_counts_until_the_shard_has_spoken() {
        let mut registry = three();
        let addr = registry.session_addr(&sid(100)).unwrap();
        assert!(!registry.count_sent(addr, 600, 1000) && !registry.is_backed_up(addr));
        assert!(registry.count_sent(addr, 600, 1000) && registry.is_backed_up(addr));
        assert!(!registry.count_sent(addr, 600, 1000), "asked once");
        registry.set_backed_up(&sid(100), false);
        assert!(!registry.is_backed_up(addr) && !registry.count_sent(addr, 600, 1000));
        registry.set_backed_up(&sid(100), true);
        assert!(registry.is_backed_up(addr));
        let other = Addr { generation: 7, ..addr };
        assert!(!registry.is_backed_up(other) && !registry.count_sent(other, 5000, 1000));
    }
}
