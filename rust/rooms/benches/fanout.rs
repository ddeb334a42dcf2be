//! Measures the cost of a fan-out without the sends: nanoseconds per delivery and per packet.
//!
//! Run it with `cargo bench -p rooms`. Each result is the median of many rounds. The outlet does nothing.
#![allow(clippy::disallowed_methods, reason = "a bench reads the clock")]
#![allow(clippy::print_stdout, reason = "a bench prints")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use rooms::{ConnId, Fanout, Frame, Outlet, RoomId, Run, Target};
use smallvec::{SmallVec, smallvec};

const CONNS: u32 = 10_000;
const ALL: RoomId = RoomId(0);
const ROOMS: u64 = 100;
/// The number of recipients of one call of `work`, as in a shard.
const SLICE: usize = 32;
const ROUNDS: usize = 200;

#[derive(Default)]
struct Nowhere {
    deliveries: usize,
    buffers: usize,
}

impl Outlet for Nowhere {
    fn deliver(&mut self, conn: ConnId, run: &Run<'_>) {
        self.deliveries += 1;
        self.buffers += run.buffers().count();
        black_box((conn, run));
    }
}

/// Every connection is in the room of all and in one of a hundred others.
fn shard() -> Fanout {
    let mut fanout = Fanout::new();
    for conn in 0..CONNS {
        fanout.open(ConnId(conn));
        for room in [ALL, RoomId(1 + u64::from(conn) % ROOMS)] {
            fanout.join(ConnId(conn), room, ALL, &mut Nowhere::default());
        }
    }
    fanout
}

fn target(room: RoomId, except: &[u32]) -> Target {
    Target {
        rooms: smallvec![room],
        except: except.iter().map(|conn| ConnId(*conn)).collect(),
        except_rooms: SmallVec::new(),
    }
}

/// Prints the cost of `round` per delivery and per packet.
fn measure(name: &str, packets: usize, mut round: impl FnMut(&mut Fanout, &mut Nowhere)) {
    let mut fanout = shard();
    let mut times = Vec::new();
    let mut out = Nowhere::default();
    for _ in 0..ROUNDS {
        let started = Instant::now();
        round(&mut fanout, &mut out);
        while fanout.work(&mut out, SLICE) {}
        times.push(started.elapsed());
    }
    times.sort_unstable();
    let nanos = |time: Duration, n: usize| time.as_nanos() as f64 / n as f64;
    let (median, deliveries) = (times[ROUNDS / 2], out.deliveries / ROUNDS);
    let (each, packet) = (nanos(median, deliveries), nanos(median, packets));
    let buffers = out.buffers as f64 / out.deliveries as f64;
    println!("{name:<44}{each:>9.1} ns/delivery{packet:>9.2} ns/packet{buffers:>7.2} buffers");
}

fn main() {
    let frame = Frame::new(&[b'4'; 64], &[]);
    let conns = CONNS as usize;
    measure("one frame to all", conns, |fanout, _| {
        fanout.emit(target(ALL, &[]), frame.clone());
    });
    measure("one frame to all but one", conns - 1, |fanout, _| {
        fanout.emit(target(ALL, &[7]), frame.clone());
    });
    measure("one frame to all but a room", conns - 100, |fanout, _| {
        let except_rooms = smallvec![RoomId(5)];
        let target = Target { except_rooms, ..target(ALL, &[]) };
        fanout.emit(target, frame.clone());
    });
    measure("one frame to the union of all rooms", conns, |fanout, _| {
        let rooms = (1..=ROOMS).map(RoomId).collect();
        fanout.emit(Target { rooms, ..target(ALL, &[]) }, frame.clone());
    });
    measure("64 frames to all", 64 * conns, |fanout, _| {
        (0..64).for_each(|_| fanout.emit(target(ALL, &[]), frame.clone()));
    });
    measure("64 frames to all, each but its sender", 64 * (conns - 1), |fanout, _| {
        (0..64).for_each(|sender| fanout.emit(target(ALL, &[sender]), frame.clone()));
    });
    measure("one frame to each of 100 rooms", conns, |fanout, _| {
        (1..=ROOMS).for_each(|room| fanout.emit(target(RoomId(room), &[]), frame.clone()));
    });
    measure("4 to each of 100 rooms, 4 to all between", 8 * conns, |fanout, _| {
        for _ in 0..4 {
            (1..=ROOMS).for_each(|room| fanout.emit(target(RoomId(room), &[]), frame.clone()));
            fanout.emit(target(ALL, &[]), frame.clone());
        }
    });
    let packets = 8 * conns + 100;
    measure("the same, 100 direct packets between", packets, |fanout, out| {
        for n in 0..4 {
            (1..=ROOMS).for_each(|room| fanout.emit(target(RoomId(room), &[]), frame.clone()));
            fanout.emit(target(ALL, &[]), frame.clone());
            (0..25).for_each(|m| fanout.direct(ConnId(n * 2500 + m * 100), &frame, out));
        }
    });
    measure("10,000 direct packets, nothing pending", conns, |fanout, out| {
        (0..CONNS).for_each(|conn| fanout.direct(ConnId(conn), &frame, out));
    });
}
