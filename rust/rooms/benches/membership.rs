//! Measures the cost of joins, leaves, counts and disconnects for different numbers of clients and rooms.
//!
//! The values in each column must not grow. Run it with `cargo bench -p rooms --bench membership`.
#![allow(clippy::disallowed_methods, reason = "a bench reads the clock")]
#![allow(clippy::print_stdout, reason = "a bench prints")]

use std::hint::black_box;
use std::time::Instant;

use rooms::{ConnId, Fanout, Frame, Outlet, RoomId, Run, Target};
use smallvec::smallvec;

const ALL: RoomId = RoomId(0);
/// The number of steps in one measurement.
const STEPS: u64 = 2000;
const ROUNDS: usize = 20;

struct Nowhere;

impl Outlet for Nowhere {
    fn deliver(&mut self, conn: ConnId, run: &Run<'_>) {
        black_box((conn, run));
    }
}

/// A shard with `clients` clients. Each is in the room of all and in `each` neighbouring rooms of `rooms`.
fn shard(clients: u64, rooms: u64, each: u64) -> Fanout {
    let mut fanout = Fanout::new();
    for conn in 0..clients {
        open(&mut fanout, conn, rooms, each);
    }
    fanout
}

fn open(fanout: &mut Fanout, conn: u64, rooms: u64, each: u64) {
    let id = ConnId(conn as u32);
    fanout.open(id);
    fanout.join(id, ALL, ALL, &mut Nowhere);
    for n in 0..each {
        fanout.join(id, RoomId(1 + (conn + n) % rooms), ALL, &mut Nowhere);
    }
}

/// The median time of one step, in nanoseconds.
fn nanos(steps: u64, mut step: impl FnMut(u64)) -> f64 {
    let mut times: Vec<_> = (0..ROUNDS)
        .map(|_| {
            let started = Instant::now();
            (0..steps).for_each(&mut step);
            started.elapsed().as_nanos() as f64 / steps as f64
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[ROUNDS / 2]
}

fn main() {
    println!(
        "{:>9}{:>9}{:>6}{:>10}{:>10}{:>12}",
        "clients", "rooms", "each", "join+leave", "count", "disconnect"
    );
    for (clients, rooms, each) in [
        (1_000, 100, 1),
        (10_000, 100, 1),
        (100_000, 100, 1),
        (10_000, 1_000, 1),
        (10_000, 100_000, 1),
        (10_000, 1_000, 10),
    ] {
        let mut fanout = shard(clients, rooms, each);
        let room = RoomId(1 << 40);
        let conn = |n: u64| ConnId((n * 7919 % clients) as u32);
        let join = nanos(STEPS, |n| {
            fanout.join(conn(n), room, ALL, &mut Nowhere);
            fanout.leave(conn(n), room, &mut Nowhere);
        });
        let count = nanos(STEPS, |n| {
            black_box(fanout.room_len(RoomId(n % rooms)));
        });
        // This includes opening a new client and its joins.
        let disconnect = nanos(STEPS.min(clients), |n| {
            fanout.close(conn(n));
            open(&mut fanout, u64::from(conn(n).0), rooms, each);
        });
        println!("{clients:>9}{rooms:>9}{each:>6}{join:>10.0}{count:>10.1}{disconnect:>12.0}");
    }
    let emit = |fanout: &mut Fanout, room: u64| {
        let target = Target {
            rooms: smallvec![RoomId(room)],
            except: smallvec![],
            except_rooms: smallvec![],
        };
        fanout.emit(target, Frame::new(&[b'4'; 64], &[]));
        while fanout.work(&mut Nowhere, 8) {}
    };
    let mut small = shard(10_000, 1_000, 1);
    println!("1,000 rooms of 10: {:.0} ns/emit", nanos(1_000, |n| emit(&mut small, 1 + n)));
    let mut wide = shard(1_000, 1_000, 1_000);
    println!(
        "1,000 clients, each in 1,000 rooms: {:.0} ns/emit to one room of 1,000",
        nanos(20, |n| emit(&mut wide, 1 + n))
    );
    let mut one = Fanout::new();
    open(&mut one, 0, 1_000, 1_000);
    println!("one client in 1,000 rooms: {:.0} ns/emit", nanos(1_000, |n| emit(&mut one, 1 + n)));
}
