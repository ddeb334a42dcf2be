//! Flow control of direct sends: how much may be sent to one client before its shard confirms it.
//!
//! A shard knows the backlog of a client. But an application that sends in a loop may queue a lot of data
//! before the shard handles any of it. The registry therefore counts what was sent. Above the high-water
//! mark, senders should wait until the shard has handled it and reports a small backlog.

use protocol::Id;

use super::entry::{BACKED_UP, MARK_UNITS};
use super::{Addr, Registry};

impl Registry {
    /// Whether senders should wait before they send more to the session at an address.
    pub fn is_backed_up(&self, addr: Addr) -> bool {
        let session = self.session_slot(addr).and_then(|slot| self.sessions.entry(slot));
        session.is_some_and(|session| session.addr == addr && session.unconfirmed == BACKED_UP)
    }

    /// Counts `bytes` that were sent to the session at an address. `mark` is the high-water mark in bytes.
    /// Returns true when this send exceeds the mark: the caller must then ask the shard for a report.
    pub fn count_sent(&mut self, addr: Addr, bytes: usize, mark: usize) -> bool {
        let slot = self.session_slot(addr);
        let session = slot.and_then(|slot| self.sessions.entry_mut(slot));
        let Some(session) = session.filter(|s| s.addr == addr && s.unconfirmed != BACKED_UP) else {
            return false;
        };
        let units = bytes.saturating_mul(MARK_UNITS).div_ceil(mark.max(1));
        let sent = units.saturating_add(usize::from(session.unconfirmed));
        let exceeds_mark = sent > MARK_UNITS;
        session.unconfirmed = if exceeds_mark { BACKED_UP } else { sent as u16 };
        exceeds_mark
    }

    /// Stores the shard's report that a session has a large or a small backlog.
    pub fn set_backed_up(&mut self, session: &Id, is_backed_up: bool) {
        if let Some(session) = self.sessions.find_mut(session) {
            session.unconfirmed = if is_backed_up { BACKED_UP } else { 0 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{sid, three};
    use super::*;

    #[test]
    fn sent_bytes_count_until_the_shard_reports() {
        let mut registry = three();
        let addr = registry.session_addr(&sid(100)).unwrap();
        assert!(!registry.count_sent(addr, 600, 1000) && !registry.is_backed_up(addr));
        assert!(registry.count_sent(addr, 600, 1000) && registry.is_backed_up(addr));
        assert!(!registry.count_sent(addr, 600, 1000), "reported once");
        registry.set_backed_up(&sid(100), false);
        assert!(!registry.is_backed_up(addr) && !registry.count_sent(addr, 600, 1000));
        registry.set_backed_up(&sid(100), true);
        assert!(registry.is_backed_up(addr));
        let other = Addr { generation: 7, ..addr };
        assert!(!registry.is_backed_up(other) && !registry.count_sent(other, 5000, 1000));
    }
}
