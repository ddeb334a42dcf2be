//! Ids from the system's randomness.

use protocol::Id;

/// A pool of random bytes, each used once.
#[derive(Debug)]
pub(crate) struct Random {
    pool: [u8; 960],
    used: usize,
}

impl Random {
    pub(crate) fn new() -> Self {
        Self { pool: [0; 960], used: 960 }
    }

    /// A socket id.
    pub(crate) fn sid(&mut self) -> Id {
        Id::from_random(self.bytes())
    }

    /// A session id: its last character tells the shard, the other 114 bits are random.
    pub(crate) fn session(&mut self, shard: u16) -> Id {
        let mut bytes = self.bytes();
        bytes[14] = bytes[14] & 0b1100_0000 | (shard as u8 & 0b0011_1111);
        Id::from_random(bytes)
    }

    fn bytes(&mut self) -> [u8; 15] {
        if self.used == self.pool.len() {
            self.refill();
        }
        let mut bytes = [0; 15];
        bytes.copy_from_slice(&self.pool[self.used..self.used + 15]);
        self.pool[self.used..self.used + 15].fill(0);
        self.used += 15;
        bytes
    }

    fn refill(&mut self) {
        // Without the system's randomness ids could be guessed: better no server than that one.
        assert!(getrandom::fill(&mut self.pool).is_ok(), "the system gives no randomness");
        self.used = 0;
    }
}

/// A socket id for a packet that the program has read.
pub fn new_sid() -> Id {
    Random::new().sid()
}

/// The shard a session id names.
pub(crate) fn shard_of(session: &Id) -> u16 {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = session.as_str().as_bytes()[19];
    ALPHABET.iter().position(|c| *c == last).map_or(0, |at| at as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_id_names_its_shard() {
        let mut random = Random::new();
        for shard in 0..64 {
            assert_eq!(shard_of(&random.session(shard)), shard);
        }
    }

    #[test]
    fn ids_do_not_repeat() {
        let mut random = Random::new();
        let ids: std::collections::HashSet<_> = (0..10_000).map(|_| random.sid()).collect();
        assert_eq!(ids.len(), 10_000);
    }
}
