//! The sessions of a shard, their ids, and the namespaces that their sockets are in.
//!
//! Only this file adds sessions, ends them and removes them. So `live` counts those that have not
//! ended, `polls` holds the sessions that are marked as `flushing`, and the sockets of all namespaces
//! add up. What a session's own fields mean is in `session`.

use std::sync::Arc;

use engine::Transport;
use protocol::Id;
use rooms::{Addr, Index, RoomId};
use rustc_hash::FxHashMap;

use crate::event::Handshake;
use crate::random::Random;
use crate::session::{NONE, Session};
use crate::too_large::TooLarge;

/// A namespace that has sockets on this shard.
#[derive(Debug, Default)]
struct Namespace {
    sockets: u32,
    /// The room of all its sockets, once one of them is connected.
    all: Option<RoomId>,
}

#[derive(Debug)]
pub(crate) struct Sessions {
    shard: u16,
    index: Index<Session>,
    /// The generation of the newest session.
    generation: u32,
    random: Random,
    namespaces: FxHashMap<Arc<str>, Namespace>,
    /// How many sockets there are, over all namespaces.
    sockets: usize,
    /// How many sessions have not ended, by their transport.
    live: [usize; 2],
    /// Sessions whose poll is answered at the end of the turn.
    polls: Vec<u32>,
    /// Messages that were too large, by the session that has sent them last.
    too_large: FxHashMap<u32, TooLarge>,
}

impl Sessions {
    pub(crate) fn new(shard: u16) -> Self {
        Self {
            shard,
            index: Index::default(),
            generation: 0,
            random: Random::new(),
            namespaces: FxHashMap::default(),
            sockets: 0,
            live: [0; 2],
            polls: Vec::new(),
            too_large: FxHashMap::default(),
        }
    }

    // --- the sessions ----------------------------------------------------------------------------

    /// Adds a session; returns its slot.
    pub(crate) fn insert(&mut self, engine: engine::Session, handshake: Handshake) -> u32 {
        self.generation = self.generation.wrapping_add(1);
        self.live[engine.transport() as usize] += 1;
        self.index.insert(Session::new(engine, self.generation, handshake))
    }

    /// Marks a session as ended; `None` when it is not there or has ended before.
    pub(crate) fn end(&mut self, slot: u32) -> Option<&mut Session> {
        let session = self.index.entry_mut(slot).filter(|session| !session.ended)?;
        session.ended = true;
        let live = &mut self.live[session.engine.transport() as usize];
        *live = live.saturating_sub(1);
        Some(session)
    }

    /// Removes a session, and frees its slot for another.
    pub(crate) fn remove(&mut self, slot: u32) -> Option<Session> {
        self.end(slot);
        self.too_large.remove(&slot);
        self.index.remove(slot)
    }

    #[inline]
    pub(crate) fn get(&self, slot: u32) -> Option<&Session> {
        self.index.entry(slot)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, slot: u32) -> Option<&mut Session> {
        self.index.entry_mut(slot)
    }

    /// The session at an address, unless it has ended.
    pub(crate) fn at(&mut self, addr: Addr) -> Option<&mut Session> {
        let session = self.index.entry_mut(addr.slot);
        session.filter(|session| session.generation == addr.generation && !session.ended)
    }

    pub(crate) fn addr(&self, slot: u32) -> Addr {
        let generation = self.get(slot).map_or(0, |session| session.generation);
        Addr { shard: self.shard, slot, generation }
    }

    /// The slot of the session with an id.
    pub(crate) fn slot(&self, id: &Id) -> Option<u32> {
        self.index.slot(id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Session)> {
        self.index.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (u32, &mut Session)> {
        self.index.iter_mut()
    }

    pub(crate) fn slots(&self) -> Vec<u32> {
        self.iter().map(|(slot, _)| slot).collect()
    }

    /// Whether a session has not ended.
    pub(crate) fn has_live(&self) -> bool {
        self.iter().any(|(_, session)| !session.ended)
    }

    /// Counts a live session that has changed from polling to a WebSocket.
    pub(crate) fn count_upgrade(&mut self) {
        let polling = &mut self.live[Transport::Polling as usize];
        *polling = polling.saturating_sub(1);
        self.live[Transport::WebSocket as usize] += 1;
    }

    /// How many sessions on a transport have not ended.
    pub(crate) fn live(&self, transport: Transport) -> usize {
        self.live[transport as usize]
    }

    // --- ids -------------------------------------------------------------------------------------

    /// A new id for a session; it names this shard.
    pub(crate) fn new_id(&mut self) -> Id {
        self.random.session(self.shard)
    }

    /// A new id for a socket.
    pub(crate) fn new_sid(&mut self) -> Id {
        self.random.sid()
    }

    // --- polls to answer -------------------------------------------------------------------------

    /// Notes that the waiting poll of a session, if there is one, is answered at the end of the turn.
    pub(crate) fn want_poll(&mut self, slot: u32) {
        if let Some(session) = self.index.entry_mut(slot)
            && session.poll != NONE
            && !session.flushing
        {
            session.flushing = true;
            self.polls.push(slot);
        }
    }

    pub(crate) fn has_polls(&self) -> bool {
        !self.polls.is_empty()
    }

    /// Moves the sessions whose polls are to be answered to the end of a list.
    pub(crate) fn take_polls(&mut self, list: &mut Vec<u32>) {
        list.append(&mut self.polls);
    }

    /// Makes the list of them anew, from the marks of the sessions.
    pub(crate) fn relist_polls(&mut self) {
        let wanted = self.index.iter().filter(|(_, session)| session.flushing);
        self.polls = wanted.map(|(slot, _)| slot).collect();
    }

    // --- namespaces ------------------------------------------------------------------------------

    /// Counts a new socket of a namespace; returns the name that its sockets share.
    pub(crate) fn enter_namespace(&mut self, namespace: &str) -> Arc<str> {
        let name = match self.namespaces.get_key_value(namespace) {
            Some((name, _)) => Arc::clone(name),
            None => Arc::from(namespace),
        };
        self.namespaces.entry(Arc::clone(&name)).or_default().sockets += 1;
        self.sockets += 1;
        name
    }

    /// Counts a socket that is gone, and forgets its namespace when it was the last one there.
    pub(crate) fn leave_namespace(&mut self, name: &Arc<str>) {
        if let Some(namespace) = self.namespaces.get_mut(name) {
            namespace.sockets -= 1;
            self.sockets -= 1;
            if namespace.sockets == 0 {
                self.namespaces.remove(name);
            }
        }
    }

    /// Notes the room of all sockets in a namespace.
    pub(crate) fn set_room_of_all(&mut self, name: &Arc<str>, all: RoomId) {
        if let Some(namespace) = self.namespaces.get_mut(name) {
            namespace.all = Some(all);
        }
    }

    /// The room of all sockets in a namespace.
    pub(crate) fn room_of_all(&self, name: &Arc<str>) -> Option<RoomId> {
        self.namespaces.get(name)?.all
    }

    /// How many sockets there are, over all namespaces.
    pub(crate) fn sockets(&self) -> usize {
        self.sockets
    }

    // --- messages that were too large ------------------------------------------------------------

    pub(crate) fn set_too_large(&mut self, slot: u32, detail: TooLarge) {
        self.too_large.insert(slot, detail);
    }

    pub(crate) fn too_large(&self, slot: u32) -> Option<TooLarge> {
        self.too_large.get(&slot).copied()
    }

    /// Forgets that a session has sent a message that was too large.
    pub(crate) fn forgive_too_large(&mut self, slot: u32) {
        self.too_large.remove(&slot);
    }
}
