//! Property test: random sequences of operations on the registry are compared with a simple model.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;
use protocol::Id;
use rooms::{Addr, Registry, RegistryError, RoomId, SocketStatus};

const SESSIONS: u8 = 4;
const NAMESPACES: [&str; 2] = ["/", "/chat"];
const ROOMS: [&str; 4] = ["a", "b", "c", "d"];

/// A socket in the model: its session and its namespace.
type Key = (u8, usize);

#[derive(Clone, Debug)]
enum Op {
    Accept(Key),
    Close(u8),
    CloseRoom(usize, usize),
    Connect(Key),
    Forget(Key),
    Join(Key, usize),
    JoinAnothers(Key, u8),
    Leave(Key, usize),
    Leaving(Key),
    Open(u8),
}

fn op() -> impl Strategy<Value = Op> {
    let key = (0..SESSIONS, 0..NAMESPACES.len());
    let room = 0..ROOMS.len();
    prop_oneof![
        3 => (0..SESSIONS).prop_map(Op::Open),
        4 => key.clone().prop_map(Op::Connect),
        3 => key.clone().prop_map(Op::Accept),
        6 => (key.clone(), room.clone()).prop_map(|(key, room)| Op::Join(key, room)),
        1 => (key.clone(), 0..SESSIONS).prop_map(|(key, other)| Op::JoinAnothers(key, other)),
        3 => (key.clone(), room.clone()).prop_map(|(key, room)| Op::Leave(key, room)),
        1 => (key.1.clone(), room).prop_map(|(space, room)| Op::CloseRoom(space, room)),
        1 => key.clone().prop_map(Op::Leaving),
        2 => key.prop_map(Op::Forget),
        1 => (0..SESSIONS).prop_map(Op::Close),
    ]
}

#[derive(Debug)]
struct Socket {
    sid: Id,
    session: Id,
    status: SocketStatus,
    rooms: BTreeSet<usize>,
}

/// The registry as plain maps. The ids are consecutive numbers.
#[derive(Debug, Default)]
struct Model {
    made: u64,
    sessions: BTreeMap<u8, Id>,
    /// The sessions whose connection is closed.
    closed: BTreeSet<Id>,
    sockets: BTreeMap<Key, Socket>,
}

impl Model {
    fn id(&mut self) -> Id {
        self.made += 1;
        let mut bytes = [0; 15];
        bytes[..8].copy_from_slice(&self.made.to_le_bytes());
        Id::from_random(bytes)
    }

    fn sid(&self, key: Key) -> Id {
        let socket = self.sockets.get(&key);
        socket.map_or(Id::from_random([0xff; 15]), |socket| socket.sid)
    }

    fn members(&self, space: usize, room: usize) -> impl Iterator<Item = &Socket> {
        let in_space = self.sockets.iter().filter(move |(key, _)| key.1 == space);
        let sockets = in_space.map(|(_, socket)| socket);
        sockets.filter(move |socket| socket.rooms.contains(&room))
    }

    /// The sids and sessions of the connected sockets, sorted.
    fn participants<'m>(sockets: impl Iterator<Item = &'m Socket>) -> Vec<(Id, Id)> {
        let connected = sockets.filter(|socket| socket.status == SocketStatus::Connected);
        let mut pairs: Vec<_> = connected.map(|socket| (socket.sid, socket.session)).collect();
        pairs.sort_unstable();
        pairs
    }
}

fn addr(session: u8) -> Addr {
    Addr { shard: u16::from(session % 2), slot: u32::from(session / 2), generation: 1 }
}

/// Applies one operation to both and compares the results.
fn apply(registry: &mut Registry, model: &mut Model, op: &Op) {
    match *op {
        Op::Open(session) => {
            let id = model.id();
            model.sessions.entry(session).or_insert_with(|| {
                registry.open(id, addr(session), b"GET /", None, false, "polling");
                id
            });
        }
        Op::Close(session) => {
            if let Some(id) = model.sessions.remove(&session) {
                registry.close(&id);
                model.closed.insert(id);
            }
        }
        Op::Connect(key) => connect(registry, model, key),
        Op::Accept(key) => {
            let socket = model.sockets.get_mut(&key);
            let waiting = socket.filter(|socket| socket.status == SocketStatus::Connecting);
            let sid = waiting.as_ref().map(|socket| socket.sid);
            let accepted = registry.accepted(&sid.unwrap_or(unknown_sid()));
            assert_eq!(accepted.map(|(addr, _)| addr), sid.map(|_| addr(key.0)));
            if let Some(socket) = waiting {
                socket.status = SocketStatus::Connected;
            }
        }
        Op::Leaving(key) => {
            let left = registry.leaving(&model.sid(key));
            let socket = model.sockets.get_mut(&key);
            let socket = socket.filter(|socket| socket.status != SocketStatus::Leaving);
            assert_eq!(left.map(|(_, id)| id), socket.as_ref().map(|socket| socket.session));
            if let Some(socket) = socket {
                socket.status = SocketStatus::Leaving;
            }
        }
        Op::Forget(key) => {
            registry.forget(&model.sid(key));
            model.sockets.remove(&key);
        }
        Op::Join(key, room) => join(registry, model, key, room),
        Op::JoinAnothers((session, space), other) => {
            let (sid, other) = (model.sid((session, space)), model.sid((other, space)));
            let joined = registry.join(&sid, NAMESPACES[space], other.as_str());
            let is_known = model.sockets.contains_key(&(session, space));
            match joined {
                Err(RegistryError::UnknownSid) => assert!(!is_known),
                Err(RegistryError::OwnRoom) => assert!(is_known && sid != other),
                // The room is its own, or its name is not the sid of a socket.
                _ => drop(registry.leave(&sid, NAMESPACES[space], other.as_str())),
            }
        }
        Op::Leave(key, room) => {
            let left = registry.leave(&model.sid(key), NAMESPACES[key.1], ROOMS[room]);
            let socket = model.sockets.get_mut(&key);
            let was_in = socket.is_some_and(|socket| socket.rooms.remove(&room));
            assert_eq!(left.map(|(addr, _)| addr), was_in.then(|| addr(key.0)));
        }
        Op::CloseRoom(space, room) => {
            let closed = registry.close_room(NAMESPACES[space], ROOMS[room]);
            assert_eq!(closed.is_some(), model.members(space, room).next().is_some());
            for (key, socket) in &mut model.sockets {
                if key.1 == space {
                    socket.rooms.remove(&room);
                }
            }
        }
    }
}

/// A sid that no socket has.
fn unknown_sid() -> Id {
    Id::from_random([0xee; 15])
}

fn connect(registry: &mut Registry, model: &mut Model, key: Key) {
    let sid = model.id();
    if model.sockets.contains_key(&key) {
        return;
    }
    let session = model.sessions.get(&key.0).copied();
    let namespace: Arc<str> = Arc::from(NAMESPACES[key.1]);
    let connected = registry.connect(sid, addr(key.0), &namespace);
    // A closed session may still have an entry. A shard sends no CONNECT for it, so the result is not
    // checked.
    let Some(session) = session else {
        registry.forget(&sid);
        return;
    };
    assert_eq!(connected, Some(session));
    let (status, rooms) = (SocketStatus::Connecting, BTreeSet::new());
    model.sockets.insert(key, Socket { sid, session, status, rooms });
}

fn join(registry: &mut Registry, model: &mut Model, key: Key, room: usize) {
    let sid = model.sid(key);
    let joined = registry.join(&sid, NAMESPACES[key.1], ROOMS[room]);
    let Some(socket) = model.sockets.get_mut(&key) else {
        return assert_eq!(joined, Err(RegistryError::UnknownSid));
    };
    let is_new = socket.rooms.insert(room);
    assert_eq!(joined.map(|joined| joined.is_some()), Ok(is_new));
    let other = NAMESPACES[1 - key.1];
    assert_eq!(registry.join(&sid, other, ROOMS[room]), Err(RegistryError::WrongNamespace));
}

/// Compares the results of all queries.
fn compare(registry: &Registry, model: &Model) {
    assert_eq!(registry.len(), model.sockets.len());
    for (key, socket) in &model.sockets {
        assert_eq!(registry.status(&socket.sid), Some(socket.status));
        assert_eq!(registry.session_of(&socket.sid), Some(socket.session));
        assert_eq!(registry.sid_of(&socket.session, NAMESPACES[key.1]), Some(socket.sid));
        let names = registry.rooms_of(&socket.sid, NAMESPACES[key.1]);
        assert_eq!(names.first(), Some(&socket.sid.as_str()));
        let mut names = names[1..].to_vec();
        names.sort_unstable();
        let wanted: Vec<_> = socket.rooms.iter().map(|room| ROOMS[*room]).collect();
        assert_eq!(names, wanted);
    }
    for (space, namespace) in NAMESPACES.iter().enumerate() {
        let in_space = model.sockets.iter().filter(|(key, _)| key.1 == space);
        let in_space: Vec<_> = in_space.map(|(_, socket)| socket).collect();
        assert_eq!(registry.all_room(namespace).is_some(), !in_space.is_empty());
        let mut found = registry.participants(namespace, None);
        found.sort_unstable();
        assert_eq!(found, Model::participants(in_space.into_iter()));
        for (room, name) in ROOMS.iter().enumerate() {
            let is_there = model.members(space, room).next().is_some();
            assert_eq!(registry.room(namespace, name).is_some(), is_there);
            let mut found = registry.participants(namespace, Some(name));
            found.sort_unstable();
            assert_eq!(found, Model::participants(model.members(space, room)));
        }
    }
    for id in &model.closed {
        let is_used = model.sockets.values().any(|socket| socket.session == *id);
        assert_eq!(registry.request(id).is_some(), is_used);
    }
    for (session, id) in &model.sessions {
        assert_eq!(registry.session_addr(id), Some(addr(*session)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn every_query_has_the_result_of_the_model(ops in prop::collection::vec(op(), 1..120)) {
        let (mut registry, mut model) = <(Registry, Model)>::default();
        for op in ops {
            apply(&mut registry, &mut model, &op);
            compare(&registry, &model);
        }
    }
}

#[test]
fn room_ids_are_never_reused() {
    let (mut registry, mut model) = <(Registry, Model)>::default();
    let mut given = BTreeSet::<RoomId>::new();
    apply(&mut registry, &mut model, &Op::Open(0));
    for _ in 0..3 {
        apply(&mut registry, &mut model, &Op::Connect((0, 0)));
        let sid = model.sid((0, 0));
        let (_, room, all) = registry.join(&sid, "/", "a").unwrap().unwrap();
        assert!(given.insert(room) && given.insert(all));
        registry.close_room("/", "a").unwrap();
        assert!(given.insert(registry.join(&sid, "/", "a").unwrap().unwrap().1));
        apply(&mut registry, &mut model, &Op::Forget((0, 0)));
    }
}
