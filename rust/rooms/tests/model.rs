//! Property test: random sequences of emits, joins, leaves and closes are compared with a simple model.
//!
//! Each connection must receive the same packets in the same order as in the model, except for packets
//! that a later one with the same key replaces.

mod recorder;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use recorder::Recorder;
use rooms::{ConnId, Fanout, Flags, Frame, Key, RoomId, Target};

const CONNS: u32 = 7;
const ROOMS: u64 = 6;

#[derive(Clone, Debug)]
enum Op {
    CatchUp(u32),
    Close { conn: u32, catch_up: bool },
    CloseRoom(u64),
    Direct(u32),
    Emit { rooms: Vec<u64>, except: Vec<u32>, except_rooms: Vec<u64>, size: usize, how: How },
    Join(u32, u64),
    Leave(u32, u64),
    LeaveGroup(u32, u64),
    Open(u32),
    Work(usize),
}

/// The delivery options of an emit.
#[derive(Clone, Copy, Debug, Default)]
struct How {
    key: Option<u8>,
    volatile: bool,
}

impl How {
    fn flags(self) -> Flags {
        let conflate = self.key.map(|key| Key::new("/", &key.to_string()));
        Flags { volatile: self.volatile, conflate, ..Flags::default() }
    }
}

fn how() -> impl Strategy<Value = How> {
    let key = prop_oneof![2 => Just(None), 1 => (0..3u8).prop_map(Some)];
    (key, prop::bool::weighted(0.2)).prop_map(|(key, volatile)| How { key, volatile })
}

/// Even and odd rooms belong to two namespaces. The rooms 0 and 1 are the rooms of all connections.
fn group(room: u64) -> u64 {
    room % 2
}

fn emit() -> impl Strategy<Value = Op> {
    let rooms = prop::collection::vec(0..ROOMS, 1..4);
    let except = prop::collection::vec(0..CONNS, 0..3);
    let except_rooms = prop::collection::vec(0..ROOMS, 0..3);
    let size = prop_oneof![19 => 0..20usize, 1 => 30_000..70_000usize];
    (rooms, except, except_rooms, size, how()).prop_map(
        |(rooms, except, except_rooms, size, how)| Op::Emit {
            rooms,
            except,
            except_rooms,
            size,
            how,
        },
    )
}

/// Broadcasts as most applications send them: to a room, or to a room except one member.
fn plain_emit() -> impl Strategy<Value = Op> {
    let except = prop_oneof![
        2 => Just(vec![]),
        1 => (0..CONNS).prop_map(|conn| vec![conn])
    ];
    (0..3 * ROOMS, except, how()).prop_map(|(room, except, how)| Op::Emit {
        rooms: vec![if room < ROOMS { room } else { 0 }],
        except,
        except_rooms: vec![],
        size: 3,
        how,
    })
}

fn op() -> impl Strategy<Value = Op> {
    let (conn, room) = (0..CONNS, 0..ROOMS);
    let pair = (conn.clone(), room.clone());
    prop_oneof![
        4 => emit(),
        6 => plain_emit(),
        2 => conn.clone().prop_map(Op::Direct),
        1 => conn.clone().prop_map(Op::CatchUp),
        3 => pair.clone().prop_map(|(conn, room)| Op::Join(conn, room)),
        2 => pair.clone().prop_map(|(conn, room)| Op::Leave(conn, room)),
        1 => pair.prop_map(|(conn, room)| Op::LeaveGroup(conn, group(room))),
        1 => room.prop_map(Op::CloseRoom),
        1 => (conn.clone(), any::<bool>()).prop_map(|(conn, catch_up)| Op::Close { conn, catch_up }),
        2 => conn.prop_map(Op::Open),
        5 => (1..4usize).prop_map(Op::Work),
    ]
}

/// The packets that a connection must receive.
#[derive(Debug, Default)]
struct Wanted {
    texts: Vec<(String, Option<u8>)>,
    /// The connection was closed without catching up, so the last packets may be missing.
    is_cut: bool,
}

/// The model applies every operation immediately.
#[derive(Debug, Default)]
struct Model {
    rooms: BTreeMap<u64, BTreeSet<u32>>,
    /// The open connections. The value counts how often the number was used.
    open: BTreeMap<u32, usize>,
    wanted: BTreeMap<(u32, usize), Wanted>,
}

impl Model {
    /// Whether an operation is possible: a closed connection must be opened first.
    fn allows(&self, op: &Op) -> bool {
        match op {
            Op::CatchUp(conn)
            | Op::Close { conn, .. }
            | Op::Direct(conn)
            | Op::Join(conn, _)
            | Op::Leave(conn, _)
            | Op::LeaveGroup(conn, _) => self.open.contains_key(conn),
            Op::Open(conn) => !self.open.contains_key(conn),
            Op::CloseRoom(_) | Op::Emit { .. } | Op::Work(_) => true,
        }
    }

    fn apply(&mut self, op: &Op, text: &str) {
        match op {
            Op::CatchUp(_) | Op::Open(_) | Op::Work(_) => {}
            Op::Close { conn, catch_up } => {
                self.leave(*conn, |_| true);
                if let Some(opened) = self.open.remove(conn) {
                    self.wanted.entry((*conn, opened)).or_default().is_cut = !catch_up;
                }
            }
            Op::CloseRoom(room) => drop(self.rooms.remove(room)),
            Op::Direct(conn) => self.give(*conn, text, None),
            Op::Emit { rooms, except, except_rooms, how, .. } => {
                let mut out = self.members(except_rooms);
                out.extend(except);
                for conn in self.members(rooms).difference(&out) {
                    self.give(*conn, text, how.key);
                }
            }
            Op::Join(conn, room) => drop(self.rooms.entry(*room).or_default().insert(*conn)),
            Op::Leave(conn, room) => self.leave(*conn, |other| other == *room),
            Op::LeaveGroup(conn, left) => self.leave(*conn, |room| group(room) == *left),
        }
    }

    fn members(&self, rooms: &[u64]) -> BTreeSet<u32> {
        let rooms = rooms.iter().filter_map(|room| self.rooms.get(room));
        rooms.flatten().copied().collect()
    }

    fn leave(&mut self, conn: u32, is_left: impl Fn(u64) -> bool) {
        for (room, members) in &mut self.rooms {
            if is_left(*room) {
                members.remove(&conn);
            }
        }
    }

    fn give(&mut self, conn: u32, text: &str, key: Option<u8>) {
        let wanted = self.wanted.entry((conn, self.open[&conn])).or_default();
        wanted.texts.push((text.to_owned(), key));
    }
}

impl Wanted {
    /// The number of packets that were replaced. An error when a packet is missing without a replacement,
    /// or when the order is wrong.
    fn left_out(&self, got: &[String]) -> Result<u32, String> {
        let mut came = got.iter().peekable();
        let mut open: BTreeMap<u8, &str> = BTreeMap::new();
        let mut left_out = 0;
        for (text, key) in &self.texts {
            if came.peek() == Some(&text) {
                came.next();
                key.map(|key| open.remove(&key));
            } else if self.is_cut && came.peek().is_none() {
                break;
            } else if let Some(key) = key {
                left_out += 1;
                open.insert(*key, text);
            } else {
                return Err(format!("{text} is missing"));
            }
        }
        match (came.next(), open.first_key_value()) {
            (Some(text), _) => Err(format!("{text} is not in its place")),
            (None, Some((_, text))) => Err(format!("nothing replaces {text}")),
            (None, None) => Ok(left_out),
        }
    }
}

fn ids(rooms: &[u64]) -> smallvec::SmallVec<[RoomId; 1]> {
    rooms.iter().map(|room| RoomId(*room)).collect()
}

/// Applies an operation. Returns the number of packets that a closed connection did not receive.
fn run(fanout: &mut Fanout, op: &Op, text: &str, got: &mut Recorder) -> u32 {
    let frame = Frame::new(text.as_bytes(), &[]);
    match op {
        Op::CatchUp(conn) => fanout.catch_up(ConnId(*conn), got),
        Op::Close { conn, catch_up } => {
            if *catch_up {
                fanout.catch_up(ConnId(*conn), got);
            }
            let lost = fanout.close(ConnId(*conn));
            return lost.packets + lost.conflated;
        }
        Op::CloseRoom(room) => fanout.close_room(RoomId(*room), got),
        Op::Direct(conn) => fanout.direct(ConnId(*conn), &frame, got),
        Op::Emit { rooms, except, except_rooms, how, .. } => {
            let frame = Frame::with_flags(text.as_bytes(), &[], how.flags());
            let (rooms, except_rooms) = (ids(rooms), ids(except_rooms));
            let except = except.iter().map(|conn| ConnId(*conn)).collect();
            let target = Target { rooms, except, except_rooms };
            fanout.emit(target, frame);
        }
        Op::Join(conn, room) => {
            fanout.join(ConnId(*conn), RoomId(*room), RoomId(group(*room)), got);
        }
        Op::Leave(conn, room) => fanout.leave(ConnId(*conn), RoomId(*room), got),
        Op::LeaveGroup(conn, group) => fanout.leave_group(ConnId(*conn), RoomId(*group), got),
        Op::Open(conn) => fanout.open(ConnId(*conn)),
        Op::Work(n) => drop(fanout.work(got, *n)),
    }
    0
}

/// The first operations: all connections are opened, and join the room of all and another room.
fn start() -> impl Iterator<Item = Op> {
    let opens = (0..CONNS).map(Op::Open);
    let joins = (0..CONNS).flat_map(|conn| {
        let conn_room = 1 + u64::from(conn) % (ROOMS - 1);
        [Op::Join(conn, 0), Op::Join(conn, conn_room)]
    });
    opens.chain(joins)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    #[test]
    fn each_connection_receives_the_packets_of_the_model(ops in prop::collection::vec(op(), 1..100)) {
        let (mut fanout, mut got, mut model) = <(Fanout, Recorder, Model)>::default();
        let mut lost = BTreeMap::new();
        for (n, op) in start().chain(ops).enumerate().collect::<Vec<_>>() {
            if !model.allows(&op) {
                continue;
            }
            if let Op::Open(conn) = op {
                model.open.insert(conn, got.open(conn));
            }
            let size = if let Op::Emit { size, .. } = op { size } else { 0 };
            let text = format!("4{n}{}", "x".repeat(size));
            model.apply(&op, &text);
            let missed = run(&mut fanout, &op, &text, &mut got);
            if let Op::Close { conn, .. } = op {
                lost.insert(got.key(conn), missed);
            }
        }
        while fanout.work(&mut got, 2) {}
        prop_assert!(fanout.is_idle());
        prop_assert_eq!(fanout.pending_bytes(), 0);
        for room in 0..ROOMS {
            let members = model.members(&[room]);
            prop_assert_eq!(fanout.room_len(RoomId(room)), members.len());
            prop_assert!(members.iter().all(|conn| fanout.is_member(ConnId(*conn), RoomId(room))));
        }
        prop_assert!(got.got.keys().all(|key| model.wanted.contains_key(key)));
        for (key, wanted) in &model.wanted {
            let got = got.got.remove(key).unwrap_or_default();
            let left_out = wanted.left_out(&got.texts);
            prop_assert!(left_out.is_ok(), "{:?}: {:?}", key, left_out);
            let lost = lost.remove(key).unwrap_or_default();
            let known = got.texts.len() as u32 + got.conflated + lost;
            prop_assert_eq!(known, wanted.texts.len() as u32, "{:?}", key);
            let wires = got.texts.iter().map(|text| Frame::new(text.as_bytes(), &[]).wire().to_vec());
            prop_assert_eq!(got.wire, wires.collect::<Vec<_>>().concat());
        }
    }
}
