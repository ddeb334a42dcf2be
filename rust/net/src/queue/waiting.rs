//! What waits for one client, in order, and which of it a newer packet replaces.
//!
//! A packet with a key replaces the waiting one with the same key. It takes its place when only
//! packets with keys follow, so that a value which changes all the time still gets its turn; it goes
//! to the end when others follow, because it must not overtake them. Streams and polling clients
//! share these rules; what the entries hold is theirs.
//!
//! Each entry has a time by which it must be gone. What was sent to this client alone, and what it
//! is taking already, is given time for its size as well: the client that takes a large packet as fast as
//! its link allows is not slow.

use std::collections::VecDeque;

use bytes::{Buf, Bytes};
use engine::Time;
use rooms::Key;
use rustc_hash::FxHashMap;

use crate::queue::entry::{Entry, Item};
use crate::queue::queued_memory::{Clock, QueuedMemory};

/// The queue of one client.
#[derive(Debug)]
pub(crate) struct Waiting<T> {
    /// `None` where an entry was replaced by a later one.
    entries: VecDeque<Option<Entry<T>>>,
    holes: usize,
    /// The number of the first entry.
    first: u64,
    /// The number of the entry with each key.
    keys: Option<Box<FxHashMap<Key, u64>>>,
    /// Entries from this number on are replaced in their place.
    settled: u64,
    bytes: usize,
    packets: usize,
    /// When the client has taken something last, or had to begin.
    taken: Time,
    /// When it must have taken what was sent to it alone.
    own_by: Time,
    /// The number of the entry that the client is taking, behind it by one; 0 for none.
    begun: u64,
}

impl<T> Default for Waiting<T> {
    fn default() -> Self {
        Self {
            entries: VecDeque::new(),
            holes: 0,
            first: 0,
            keys: None,
            settled: 0,
            bytes: 0,
            packets: 0,
            taken: Time(0),
            own_by: Time(0),
            begun: 0,
        }
    }
}

impl<T: Item> Waiting<T> {
    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.len() == self.holes
    }

    /// Bytes kept alive, those of the queue itself included.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Packets of the program's that wait.
    pub(crate) fn packets(&self) -> usize {
        self.packets
    }

    /// When the client has taken something last, or had to begin.
    pub(crate) fn taken(&self) -> Time {
        self.taken
    }

    /// The client is taking what was sent before.
    pub(crate) fn touch(&mut self, now: Time) {
        self.taken = now;
    }

    /// Since when the first entry waits.
    pub(crate) fn oldest(&self) -> Time {
        self.entries.iter().flatten().next().map_or(self.taken, |entry| entry.since)
    }

    /// When something has waited for too long. The first entry may be one that the client is taking,
    /// with time for its size; of the others the second has waited for the longest.
    pub(crate) fn due(&self) -> Time {
        let dues = self.entries.iter().flatten().take(2).map(|entry| entry.due);
        dues.min().unwrap_or(Time(u64::MAX))
    }

    /// Whether more waits behind the first entry than a client may have waiting. The first is on
    /// its way: a single packet that is larger than the limit does not make a client slow.
    pub(crate) fn exceeds(&self, bytes: usize, packets: usize) -> bool {
        if self.bytes <= bytes && self.packets <= packets {
            return false;
        }
        let first = self.entries.iter().flatten().next();
        let (size, count) = first.map_or((0, 0), |first| (first.size(), first.packets as usize));
        self.bytes - size > bytes || self.packets - count > packets
    }

    /// Appends an entry, or puts it where the one that it replaces was; returns how many packets
    /// were replaced. `is_own` says that it was sent to this client alone.
    pub(crate) fn push(
        &mut self,
        mut entry: Entry<T>,
        is_own: bool,
        memory: &mut QueuedMemory,
    ) -> u32 {
        self.date(&mut entry, is_own, memory.clock());
        self.bytes += entry.size();
        self.packets += entry.packets as usize;
        memory.hold(entry.item.data(), entry.pinned as usize, entry.packets);
        let Some(old) = self.note_key(&entry) else {
            self.entries.push_back(Some(entry));
            return 0;
        };
        let at = (old - self.first) as usize;
        let replaced = if old >= self.settled {
            self.entries.get_mut(at).and_then(|place| place.replace(entry))
        } else {
            self.entries.push_back(Some(entry));
            self.holes += 1;
            self.entries.get_mut(at).and_then(Option::take)
        };
        self.close_holes();
        replaced.map_or(0, |replaced| self.forget(&replaced, memory))
    }

    /// Says by when the entry must be gone.
    fn date(&mut self, entry: &mut Entry<T>, is_own: bool, clock: Clock) {
        if self.is_empty() {
            self.taken = clock.now;
        }
        let from = self.own_by.max(clock.now);
        if is_own {
            self.own_by = clock.taken_by(from, entry.size());
        }
        entry.since = clock.now;
        entry.due = clock.latest(from.max(self.own_by));
    }

    /// Notes where the entry will be; returns the number of the one that it replaces.
    fn note_key(&mut self, entry: &Entry<T>) -> Option<u64> {
        let number = self.first + self.entries.len() as u64;
        let Some(key) = &entry.key else {
            self.settled = number + 1;
            return None;
        };
        let keys = self.keys.get_or_insert_default();
        let old = keys.get(key).copied();
        if old.is_none_or(|old| old < self.settled) {
            keys.insert(key.clone(), number);
        }
        old
    }

    /// Takes an entry out of the account; returns how many packets it holds.
    fn forget(&mut self, entry: &Entry<T>, memory: &mut QueuedMemory) -> u32 {
        self.bytes -= entry.size();
        self.packets -= entry.packets as usize;
        memory.release(entry.item.data(), entry.packets);
        entry.packets
    }

    /// Moves the entries together when half of the places are holes.
    fn close_holes(&mut self) {
        if self.holes < 32 || self.holes < self.entries.len() / 2 {
            return;
        }
        self.holes = 0;
        self.entries.retain(Option::is_some);
        self.settled = self.first;
        for (number, entry) in (self.first..).zip(self.entries.iter().flatten()) {
            match (&entry.key, &mut self.keys) {
                (Some(key), Some(keys)) => drop(keys.insert(key.clone(), number)),
                _ => self.settled = number + 1,
            }
        }
    }

    /// The next item.
    pub(crate) fn front(&self) -> Option<&T> {
        self.entries.iter().flatten().next().map(|entry| &entry.item)
    }

    /// The items, in order.
    pub(crate) fn items(&self) -> impl Iterator<Item = &T> {
        self.entries.iter().flatten().map(|entry| &entry.item)
    }

    /// Takes the next entry.
    pub(crate) fn pop(&mut self, memory: &mut QueuedMemory) -> Option<Entry<T>> {
        loop {
            let entry = self.entries.pop_front()?;
            let number = self.first;
            self.first += 1;
            let Some(entry) = entry else {
                self.holes -= 1;
                continue;
            };
            self.unlist(&entry, number);
            self.forget(&entry, memory);
            self.taken = memory.clock().now;
            return Some(entry);
        }
    }

    /// The entry cannot be replaced any more.
    fn unlist(&mut self, entry: &Entry<T>, number: u64) {
        if let (Some(key), Some(keys)) = (&entry.key, &mut self.keys)
            && keys.get(key) == Some(&number)
        {
            keys.remove(key);
        }
    }

    /// Forgets everything; returns how many packets waited.
    pub(crate) fn discard(mut self, memory: &mut QueuedMemory) -> u32 {
        let mut packets = 0;
        while let Some(entry) = self.pop(memory) {
            packets += entry.packets;
        }
        packets
    }
}

impl Waiting<Bytes> {
    /// So many bytes from the front are written; returns how many packets that completes.
    pub(crate) fn advance(&mut self, mut written: usize, memory: &mut QueuedMemory) -> u32 {
        let mut packets = 0;
        while written > 0 {
            let Some(front) = self.front().map(Bytes::len) else {
                break;
            };
            if written < front {
                self.begin(written, memory.clock());
                break;
            }
            written -= front;
            packets += self.pop(memory).map_or(0, |entry| entry.packets);
        }
        packets
    }

    /// The first entry is partly written: nothing may take its place.
    fn begin(&mut self, written: usize, clock: Clock) {
        while let Some(None) = self.entries.front() {
            self.entries.pop_front();
            self.holes -= 1;
            self.first += 1;
        }
        let Some(Some(mut entry)) = self.entries.pop_front() else {
            return;
        };
        self.unlist(&entry, self.first);
        entry.key = None;
        entry.item.advance(written);
        self.taken = clock.now;
        if self.begun != self.first + 1 {
            self.begun = self.first + 1;
            entry.due = entry.due.max(clock.latest(clock.taken_by(clock.now, entry.size())));
        }
        self.settled = self.settled.max(self.first + 1);
        self.entries.push_front(Some(entry));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::options::Options;
    use crate::queue::entry::SLOT;

    #[derive(Default)]
    struct Client {
        waiting: Waiting<Bytes>,
        memory: QueuedMemory,
    }

    impl Client {
        /// Pushes one packet; its first letter is its key when that is upper case.
        fn push(&mut self, text: &'static str) -> u32 {
            let letter = &text[..1];
            let is_key = letter.chars().all(char::is_uppercase);
            let key = is_key.then(|| Key::new("/", letter));
            let item = Bytes::copy_from_slice(text.as_bytes());
            let entry = Entry::new(item, text.len(), 1, key);
            self.waiting.push(entry, false, &mut self.memory)
        }

        fn rest(&mut self) -> String {
            let mut texts = Vec::new();
            while let Some(entry) = self.waiting.pop(&mut self.memory) {
                texts.push(String::from_utf8(entry.item.to_vec()).unwrap());
            }
            assert_eq!(
                (self.waiting.bytes(), self.memory.bytes(), self.memory.packets()),
                (0, 0, 0)
            );
            texts.join(" ")
        }
    }

    #[test]
    fn the_newest_value_keeps_the_place_among_values() {
        let mut client = Client::default();
        let replaced: u32 =
            ["x", "A1", "B1", "A2", "A3"].map(|text| client.push(text)).iter().sum();
        assert_eq!((replaced, client.rest()), (2, "x A3 B1".into()));
    }

    #[test]
    fn a_value_does_not_overtake_other_packets() {
        let mut client = Client::default();
        for text in ["A1", "x", "B1", "A2", "y", "B2", "A3"] {
            client.push(text);
        }
        assert_eq!(client.rest(), "x y B2 A3");
    }

    #[test]
    fn what_is_partly_written_stays() {
        let mut client = Client::default();
        client.push("A1");
        client.push("A22");
        assert_eq!(client.waiting.advance(1, &mut client.memory), 0);
        assert_eq!(client.push("A3"), 0);
        assert_eq!(client.push("A4"), 1);
        assert_eq!(client.waiting.advance(3, &mut client.memory), 1);
        assert_eq!(client.rest(), "4");
    }

    #[test]
    fn holes_are_closed() {
        let mut client = Client::default();
        for _ in 0..1000 {
            client.push("A1");
            client.push("B1");
            client.push("x");
            client.waiting.pop(&mut client.memory);
        }
        assert!(client.waiting.entries.len() <= 2 * 4 + 64, "{}", client.waiting.entries.len());
        client.push("B2");
        let rest = client.rest();
        assert!(rest.ends_with("B2"), "{rest}");
        assert_eq!(rest.matches('B').count(), 1);
        assert!(client.waiting.keys.as_ref().is_none_or(|keys| keys.is_empty()));
    }

    #[test]
    fn the_first_packet_does_not_count_against_the_limit() {
        let mut client = Client::default();
        client.push("long enough");
        assert!(!client.waiting.exceeds(1, 0));
        client.push("x");
        assert!(client.waiting.exceeds(SLOT, 1));
        assert!(client.waiting.exceeds(1000, 0));
        assert!(!client.waiting.exceeds(1 + SLOT, 1));
        assert_eq!(client.waiting.bytes(), 12 + 2 * SLOT);
        assert_eq!(client.waiting.discard(&mut client.memory), 2);
        assert_eq!(client.memory.bytes(), 0);
    }

    #[derive(Clone, Debug)]
    enum Op {
        Push { key: Option<u8>, len: usize },
        Pop,
        Write(usize),
    }

    fn op() -> impl Strategy<Value = Op> {
        let key = prop_oneof![1 => Just(None), 3 => (0..4u8).prop_map(Some)];
        prop_oneof![
            6 => (key, 1..9usize).prop_map(|(key, len)| Op::Push { key, len }),
            1 => Just(Op::Pop),
            1 => (1..30usize).prop_map(Op::Write),
        ]
    }

    /// The same rules in the plainest way: what waits, and whether its first byte is written.
    #[derive(Default)]
    struct Plain(Vec<(Option<u8>, Vec<u8>)>);

    impl Plain {
        fn push(&mut self, key: Option<u8>, data: Vec<u8>) {
            let old = key.and_then(|_| self.0.iter().position(|(other, _)| *other == key));
            match old {
                Some(at) if self.0[at..].iter().all(|(key, _)| key.is_some()) => {
                    self.0[at].1 = data;
                }
                old => {
                    old.map(|at| self.0.remove(at));
                    self.0.push((key, data));
                }
            }
        }

        fn write(&mut self, count: usize) {
            for _ in 0..count {
                let Some((key, data)) = self.0.first_mut() else { return };
                *key = None;
                data.remove(0);
                if data.is_empty() {
                    self.0.remove(0);
                }
            }
        }
    }

    #[test]
    fn a_packet_has_so_much_time_and_what_is_for_one_client_more_for_its_size() {
        let options = Options { max_queue_age: Duration::from_secs(10), ..Options::default() };
        let mark = options.mark();
        let (mut waiting, mut memory) = (Waiting::<Bytes>::default(), QueuedMemory::default());
        let mut push = |at: u64, bytes: usize, is_own, waiting: &mut Waiting<Bytes>| {
            memory.set_clock(Time(at), &options);
            let entry = Entry::new(vec![0; bytes].into(), bytes - SLOT, 1, None);
            waiting.push(entry, is_own, &mut memory);
        };
        assert_eq!(waiting.due(), Time(u64::MAX), "nothing waits");
        push(1000, mark, false, &mut waiting);
        assert_eq!((waiting.due(), waiting.oldest()), (Time(11_000), Time(1000)));
        push(2000, 2 * mark, true, &mut waiting);
        push(3000, mark, false, &mut waiting);
        memory.set_clock(Time(4000), &options);
        waiting.advance(1, &mut memory);
        // The first has time for its size now, as the client takes it.
        assert_eq!((waiting.due(), waiting.taken()), (Time(24_000), Time(4000)));
        memory.set_clock(Time(5000), &options);
        waiting.advance(mark - 1, &mut memory);
        // Ten seconds, and ten more for each mark of what is for this client alone; that goes for the third, which is behind it, too.
        assert_eq!(waiting.due(), Time(32_000));
        waiting.advance(2 * mark, &mut memory);
        assert_eq!((waiting.due(), waiting.oldest()), (Time(32_000), Time(3000)));
        waiting.discard(&mut memory);
    }

    proptest! {
        #[test]
        fn a_queue_is_what_the_plain_one_is(ops in prop::collection::vec(op(), 1..200)) {
            let (mut queue, mut plain) = (Client::default(), Plain::default());
            let mut conflated = 0;
            let mut done = 0;
            for (number, op) in ops.into_iter().enumerate() {
                match op {
                    Op::Push { key, len } => {
                        let data = vec![number as u8; len];
                        plain.push(key, data.clone());
                        let key = key.map(|key| Key::new("/", &key.to_string()));
                        let entry = Entry::new(data.into(), len, 1, key);
                        conflated += queue.waiting.push(entry, false, &mut queue.memory);
                        done += 1;
                    }
                    Op::Pop => {
                        let popped = queue.waiting.pop(&mut queue.memory);
                        let wanted = (!plain.0.is_empty()).then(|| plain.0.remove(0).1);
                        prop_assert_eq!(popped.map(|entry| entry.item.to_vec()), wanted);
                    }
                    Op::Write(count) => {
                        plain.write(count);
                        queue.waiting.advance(count, &mut queue.memory);
                    }
                }
                let items: Vec<_> = queue.waiting.items().map(|item| item.to_vec()).collect();
                let wanted: Vec<_> = plain.0.iter().map(|(_, data)| data.clone()).collect();
                prop_assert_eq!(items, wanted);
                prop_assert_eq!(queue.waiting.is_empty(), plain.0.is_empty());
            }
            prop_assert!(conflated as usize + plain.0.len() <= done);
            let left = queue.waiting.discard(&mut queue.memory);
            prop_assert_eq!(left as usize, plain.0.len());
            prop_assert_eq!((queue.memory.bytes(), queue.memory.packets()), (0, 0));
        }
    }
}
