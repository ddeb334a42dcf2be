//! Random programs of emits, joins, leaves and closes against a plain model that runs them one by
//! one: each connection must get the same packets in the same order.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use rooms::{ConnId, Fanout, Frame, Outlet, RoomId, Run, Target};

const CONNS: u32 = 6;
const GROUP: RoomId = RoomId(0);

#[derive(Clone, Debug)]
enum Op {
    Close(u32),
    CloseRoom(u64),
    Direct(u32),
    Emit { rooms: Vec<u64>, except: Vec<u32>, except_rooms: Vec<u64>, size: usize },
    Join(u32, u64),
    Leave(u32, u64),
    LeaveGroup(u32),
    Open(u32),
    Work(usize),
}

fn op() -> impl Strategy<Value = Op> {
    let conn = 0..CONNS;
    let room = 0..5u64;
    let rooms = prop::collection::vec(room.clone(), 1..3);
    let except = prop::collection::vec(conn.clone(), 0..2);
    let except_rooms = prop::collection::vec(1..5u64, 0..2);
    let size = prop_oneof![9 => 0..20usize, 1 => 30_000..70_000usize];
    prop_oneof![
        6 => (rooms, except, except_rooms, size).prop_map(|(rooms, except, except_rooms, size)| {
            Op::Emit { rooms, except, except_rooms, size }
        }),
        3 => room.clone().prop_map(|room| {
            Op::Emit { rooms: vec![room], except: vec![], except_rooms: vec![], size: 3 }
        }),
        2 => conn.clone().prop_map(Op::Direct),
        3 => (conn.clone(), room.clone()).prop_map(|(conn, room)| Op::Join(conn, room)),
        2 => (conn.clone(), room.clone()).prop_map(|(conn, room)| Op::Leave(conn, room)),
        1 => conn.clone().prop_map(Op::LeaveGroup),
        1 => room.prop_map(Op::CloseRoom),
        1 => conn.clone().prop_map(Op::Close),
        1 => conn.prop_map(Op::Open),
        5 => (1..4usize).prop_map(Op::Work),
    ]
}

/// What each connection has got, as text and as the bytes of a WebSocket.
#[derive(Default)]
struct Got {
    texts: BTreeMap<u32, Vec<String>>,
    wires: BTreeMap<u32, Vec<u8>>,
}

impl Outlet for Got {
    fn deliver(&mut self, conn: ConnId, run: &Run<'_>) {
        let texts = self.texts.entry(conn.0).or_default();
        texts.extend(run.frames().map(|f| String::from_utf8_lossy(f.payload()).into_owned()));
        let wire = self.wires.entry(conn.0).or_default();
        run.buffers().for_each(|buffer| wire.extend_from_slice(buffer));
    }
}

/// Runs every command at once, in the plainest way.
#[derive(Default)]
struct Model {
    rooms: BTreeMap<u64, BTreeSet<u32>>,
    open: BTreeSet<u32>,
    got: BTreeMap<u32, Vec<String>>,
}

impl Model {
    fn apply(&mut self, op: &Op, text: &str) {
        match op {
            Op::Close(conn) => {
                self.open.remove(conn);
                self.rooms.values_mut().for_each(|room| {
                    room.remove(conn);
                });
            }
            Op::CloseRoom(room) => drop(self.rooms.remove(room)),
            Op::Direct(conn) => self.give(*conn, text),
            Op::Emit { rooms, except, except_rooms, .. } => {
                let members = |rooms: &[u64]| -> BTreeSet<u32> {
                    rooms
                        .iter()
                        .filter_map(|room| self.rooms.get(room))
                        .flatten()
                        .copied()
                        .collect()
                };
                let out: BTreeSet<_> =
                    members(except_rooms).into_iter().chain(except.clone()).collect();
                for conn in members(rooms).difference(&out).copied().collect::<Vec<_>>() {
                    self.give(conn, text);
                }
            }
            Op::Join(conn, room) => drop(self.rooms.entry(*room).or_default().insert(*conn)),
            Op::Leave(conn, room) => {
                self.rooms.entry(*room).or_default().remove(conn);
            }
            Op::LeaveGroup(conn) => self.rooms.values_mut().for_each(|room| {
                room.remove(conn);
            }),
            Op::Open(conn) => drop(self.open.insert(*conn)),
            Op::Work(_) => {}
        }
    }

    fn give(&mut self, conn: u32, text: &str) {
        self.got.entry(conn).or_default().push(text.to_owned());
    }
}

fn ids(rooms: &[u64]) -> smallvec::SmallVec<[RoomId; 1]> {
    rooms.iter().map(|room| RoomId(*room)).collect()
}

fn run(fanout: &mut Fanout, op: &Op, text: &str, got: &mut Got) {
    let frame = Frame::new(text.as_bytes(), &[]);
    match op {
        Op::Close(conn) => {
            fanout.catch_up(ConnId(*conn), got);
            fanout.close(ConnId(*conn));
        }
        Op::CloseRoom(room) => fanout.close_room(RoomId(*room), got),
        Op::Direct(conn) => fanout.direct(ConnId(*conn), &frame, got),
        Op::Emit { rooms, except, except_rooms, .. } => {
            let except = except.iter().map(|conn| ConnId(*conn)).collect();
            fanout
                .emit(Target { rooms: ids(rooms), except, except_rooms: ids(except_rooms) }, frame);
        }
        Op::Join(conn, room) => fanout.join(ConnId(*conn), RoomId(*room), GROUP, got),
        Op::Leave(conn, room) => fanout.leave(ConnId(*conn), RoomId(*room), got),
        Op::LeaveGroup(conn) => fanout.leave_group(ConnId(*conn), GROUP, got),
        Op::Open(conn) => fanout.open(ConnId(*conn)),
        Op::Work(n) => drop(fanout.work(got, *n)),
    }
}

/// Only what makes sense: a closed connection does nothing until it is opened again.
fn is_possible(model: &Model, op: &Op) -> bool {
    match op {
        Op::Close(conn)
        | Op::Direct(conn)
        | Op::Join(conn, _)
        | Op::Leave(conn, _)
        | Op::LeaveGroup(conn) => model.open.contains(conn),
        Op::Open(conn) => !model.open.contains(conn),
        _ => true,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    #[test]
    fn each_connection_gets_what_the_model_gives_it(ops in prop::collection::vec(op(), 1..80)) {
        let (mut fanout, mut got, mut model) = (Fanout::new(), Got::default(), Model::default());
        let opens = (0..CONNS).map(Op::Open);
        let joins = (0..CONNS).flat_map(|conn| [Op::Join(conn, 0), Op::Join(conn, 1 + u64::from(conn % 3))]);
        for (n, op) in opens.chain(joins).chain(ops).enumerate() {
            if !is_possible(&model, &op) {
                continue;
            }
            let size = if let Op::Emit { size, .. } = op { size } else { 0 };
            let text = format!("4{n}{}", "x".repeat(size));
            model.apply(&op, &text);
            run(&mut fanout, &op, &text, &mut got);
        }
        while fanout.work(&mut got, 2) {}
        prop_assert!(fanout.is_idle());
        prop_assert_eq!(fanout.pending_bytes(), 0);
        prop_assert_eq!(&got.texts, &model.got);
        for (conn, texts) in &model.got {
            let wires = texts.iter().map(|text| Frame::new(text.as_bytes(), &[]).wire().to_vec());
            prop_assert_eq!(&got.wires[conn], &wires.collect::<Vec<_>>().concat());
        }
    }
}
