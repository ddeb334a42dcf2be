//! A session as its shard keeps it: the machine, its sockets, and which streams carry it.

use engine::{Sockets, Time};
use protocol::Id;
use rooms::{Frame, Named, RoomId};

use crate::event::Handshake;
use crate::queue::entry::Entry;
use crate::queue::queued_memory::QueuedMemory;
use crate::queue::waiting::Waiting;

/// No stream.
pub(crate) const NONE: u32 = u32::MAX;

#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own about the session")]
pub(crate) struct Session {
    pub(crate) engine: engine::Session,
    pub(crate) sockets: Sockets,
    pub(crate) id: Id,
    pub(crate) generation: u32,
    /// The WebSocket, once there is one.
    pub(crate) stream: u32,
    /// The GET that waits for packets.
    pub(crate) poll: u32,
    /// The stream of the last answered GET, while the client may still be reading it.
    pub(crate) answer: u32,
    /// The POST whose body is being read.
    pub(crate) post: u32,
    /// The WebSocket that may take over.
    pub(crate) probe: u32,
    /// Packets for the next polling payload.
    pub(crate) queue: Option<Box<Waiting<Frame>>>,
    /// Until the first CONNECT.
    pub(crate) handshake: Option<Box<Handshake>>,
    /// What waits for the connect handlers' decisions.
    held: Option<Box<Held>>,
    /// The wheel entry that is live; `Time(0)` for none.
    pub(crate) filed: Time,
    /// What waits for the application at most; less when it has taken some since this was looked at.
    pub(crate) unread: u32,
    /// Nothing is read until the application has taken some of it.
    pub(crate) throttled: bool,
    /// The program asked not to be sent more.
    pub(crate) paused: bool,
    /// So much waits that the program was told to wait.
    pub(crate) full: bool,
    /// Waits in the list of polls to answer at the end of the turn.
    pub(crate) flushing: bool,
    /// The end is decided; the slot is freed at the end of the turn.
    pub(crate) ended: bool,
    /// Ended, but a poll may still fetch the last packets until this time; `Time(0)` for not.
    pub(crate) lingers: Time,
}

/// The sockets whose connect handlers have not decided yet, if something was asked for them.
#[derive(Debug, Default)]
struct Held {
    list: Vec<Wishes>,
    /// Bytes and number of the frames in it.
    bytes: usize,
    packets: usize,
}

/// What was asked for one of them.
#[derive(Debug)]
pub(crate) struct Wishes {
    pub(crate) sid: Id,
    pub(crate) rooms: Vec<RoomId>,
    pub(crate) frames: Vec<Frame>,
}

impl Named for Session {
    fn id(&self) -> &Id {
        &self.id
    }
}

impl Session {
    pub(crate) fn new(engine: engine::Session, generation: u32, handshake: Handshake) -> Self {
        Self {
            engine,
            sockets: Sockets::default(),
            id: handshake.session,
            generation,
            stream: NONE,
            poll: NONE,
            answer: NONE,
            post: NONE,
            probe: NONE,
            queue: None,
            handshake: Some(Box::new(handshake)),
            held: None,
            filed: Time(0),
            unread: 0,
            throttled: false,
            paused: false,
            full: false,
            flushing: false,
            ended: false,
            lingers: Time(0),
        }
    }

    /// Puts a frame, which counts for so many packets, into the queue for polling; returns how many
    /// it replaces.
    pub(crate) fn push(
        &mut self,
        frame: Frame,
        packets: u32,
        is_own: bool,
        memory: &mut QueuedMemory,
    ) -> u32 {
        let (wire, payload) = (frame.wire().len(), frame.payload().len());
        // The payload of a text is a part of the other form.
        let pinned = if payload > wire { wire + payload } else { wire };
        let key = frame.flags().conflate.clone();
        let entry = Entry::new(frame, pinned, packets, key);
        self.queue.get_or_insert_default().push(entry, is_own, memory)
    }

    /// Whether a volatile packet would wait: something does, and no poll fetches it now.
    pub(crate) fn has_backlog(&self) -> bool {
        self.queue.is_some() && !self.flushing
    }

    /// Gives up what waits; returns how many packets that are.
    pub(crate) fn discard(&mut self, memory: &mut QueuedMemory) -> u32 {
        self.queue.take().map_or(0, |queue| queue.discard(memory))
    }

    /// Where the wishes for a waiting socket are kept.
    pub(crate) fn held_for(&mut self, sid: Id) -> &mut Wishes {
        let list = &mut self.held.get_or_insert_default().list;
        let at = list.iter().position(|wishes| wishes.sid == sid).unwrap_or_else(|| {
            list.push(Wishes { sid, rooms: Vec::new(), frames: Vec::new() });
            list.len() - 1
        });
        &mut list[at]
    }

    /// Keeps a frame for a waiting socket.
    pub(crate) fn hold(&mut self, sid: Id, frame: Frame) {
        let bytes = frame.wire().len();
        self.held_for(sid).frames.push(frame);
        if let Some(held) = &mut self.held {
            held.bytes += bytes;
            held.packets += 1;
        }
    }

    /// Bytes and number of the frames that wait for connect handlers.
    pub(crate) fn held(&self) -> (usize, usize) {
        self.held.as_ref().map_or((0, 0), |held| (held.bytes, held.packets))
    }

    /// The socket leaves a room that it may be meant to enter.
    pub(crate) fn leave_held(&mut self, sid: &Id, room: RoomId) {
        let mut list = self.held.iter_mut().flat_map(|held| held.list.iter_mut());
        if let Some(wishes) = list.find(|wishes| wishes.sid == *sid) {
            wishes.rooms.retain(|kept| *kept != room);
        }
    }

    pub(crate) fn take_held(&mut self, sid: &Id) -> Option<Wishes> {
        let held = self.held.as_mut()?;
        let at = held.list.iter().position(|wishes| wishes.sid == *sid)?;
        let wishes = held.list.swap_remove(at);
        held.bytes -= wishes.frames.iter().map(|frame| frame.wire().len()).sum::<usize>();
        held.packets -= wishes.frames.len();
        if held.list.is_empty() {
            self.held = None;
        }
        Some(wishes)
    }

    pub(crate) fn forget_held(&mut self) {
        self.held = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::socket::stream::Stream;

    #[test]
    fn an_idle_client_takes_few_bytes() {
        let (session, stream) = (size_of::<Session>(), size_of::<Stream>());
        assert!(session <= 216 && stream <= 112, "{session} and {stream} bytes");
    }
}
