//! Tests of single cases of the fan-out.

mod recorder;

use std::collections::BTreeMap;

use bytes::Bytes;
use protocol::websocket::{Deflater, Inflater};
use recorder::Recorder;
use rooms::{ConnId, Fanout, Flags, Frame, Key, Outlet, RoomId, Run, Target};
use smallvec::{SmallVec, smallvec};

/// The room of all connections.
const ALL: u64 = 0;

#[derive(Default)]
struct Shard {
    fanout: Fanout,
    out: Recorder,
}

impl Shard {
    /// A shard with `conns` connections, all in the room [`ALL`].
    fn new(conns: u32) -> Self {
        let mut shard = Self::default();
        (0..conns).for_each(|conn| shard.open(conn));
        shard
    }

    fn open(&mut self, conn: u32) {
        self.out.open(conn);
        self.fanout.open(ConnId(conn));
        self.join(conn, ALL);
    }

    fn join(&mut self, conn: u32, room: u64) {
        self.fanout.join(ConnId(conn), RoomId(room), RoomId(ALL), &mut self.out);
    }

    fn leave(&mut self, conn: u32, room: u64) {
        self.fanout.leave(ConnId(conn), RoomId(room), &mut self.out);
    }

    fn direct(&mut self, conn: u32, text: &str) {
        let frame = Frame::new(text.as_bytes(), &[]);
        self.fanout.direct(ConnId(conn), &frame, &mut self.out);
    }

    fn emit(&mut self, room: u64, text: &str) {
        self.emit_except(&[room], &[], &[], text);
    }

    /// Emits with a key: the first letter of the text.
    fn conflate(&mut self, room: u64, except: &[u32], text: &str) {
        let conflate = Some(Key::new("/", &text[1..2]));
        let frame = Frame::with_flags(text.as_bytes(), &[], Flags { conflate, ..Flags::default() });
        let except = except.iter().map(|conn| ConnId(*conn)).collect();
        let target = Target { rooms: smallvec![RoomId(room)], except, except_rooms: smallvec![] };
        self.fanout.emit(target, frame);
    }

    fn conflated(&self, conn: u32) -> u32 {
        self.out.got.get(&self.out.key(conn)).map_or(0, |got| got.conflated)
    }

    fn emit_except(&mut self, rooms: &[u64], except: &[u32], except_rooms: &[u64], text: &str) {
        let ids = |rooms: &[u64]| -> SmallVec<[RoomId; 1]> {
            rooms.iter().map(|room| RoomId(*room)).collect()
        };
        let target = Target {
            rooms: ids(rooms),
            except: except.iter().map(|conn| ConnId(*conn)).collect(),
            except_rooms: ids(except_rooms),
        };
        self.fanout.emit(target, Frame::new(text.as_bytes(), &[]));
    }

    /// Delivers to about `recipients` connections.
    fn work(&mut self, recipients: usize) {
        self.fanout.work(&mut self.out, recipients);
    }

    fn finish(&mut self) {
        while self.fanout.work(&mut self.out, 3) {}
    }

    /// The packets that the current connection with this number has received, joined by spaces.
    fn got(&self, conn: u32) -> String {
        let got = self.out.got.get(&self.out.key(conn));
        got.map(|got| got.texts.join(" ")).unwrap_or_default()
    }

    /// The number of buffers in each run of a connection.
    fn runs(&self, conn: u32) -> Vec<usize> {
        let got = self.out.got.get(&self.out.key(conn));
        got.map_or(vec![], |got| got.runs.iter().map(Vec::len).collect())
    }

    /// The packets that each of the connections has received.
    fn got_by(&self, conns: std::ops::Range<u32>) -> Vec<String> {
        conns.map(|conn| self.got(conn)).collect()
    }
}

#[test]
fn a_single_frame_is_not_copied() {
    let mut shard = Shard::new(2);
    let frame = Frame::new(b"4a", &[]);
    let target =
        Target { rooms: smallvec![RoomId(ALL)], except: smallvec![], except_rooms: smallvec![] };
    shard.fanout.emit(target, frame.clone());
    shard.finish();
    for got in shard.out.got.values() {
        assert_eq!(got.runs[0][0].as_ptr(), frame.wire().as_ptr());
    }
}

#[test]
fn a_direct_packet_follows_the_pending_broadcasts_in_one_run() {
    let mut shard = Shard::new(2);
    shard.emit(ALL, "4a");
    shard.emit(ALL, "4b");
    shard.direct(1, "4c");
    assert_eq!((shard.got(1), shard.runs(1).len()), ("4a 4b 4c".into(), 1));
    assert_eq!(shard.got(0), "");
    shard.emit(ALL, "4d");
    shard.finish();
    assert_eq!(shard.got(0), "4a 4b 4d");
    assert_eq!(shard.got(1), "4a 4b 4c 4d");
}

#[test]
fn an_emit_reaches_the_members_at_the_time_of_the_emit() {
    let mut shard = Shard::new(3);
    shard.join(0, 7);
    shard.join(1, 7);
    shard.emit(7, "4a");
    shard.join(2, 7);
    shard.leave(0, 7);
    shard.emit(7, "4b");
    shard.finish();
    assert_eq!(shard.got_by(0..3), ["4a", "4a 4b", "4b"]);
}

#[test]
fn an_emit_to_an_empty_room_does_not_reach_later_members() {
    let mut shard = Shard::new(2);
    shard.emit(7, "4a");
    assert!(shard.fanout.is_idle());
    shard.emit_except(&[ALL, 7], &[], &[8], "4b");
    shard.join(0, 8);
    shard.join(1, 7);
    shard.finish();
    assert_eq!(shard.got_by(0..2), ["4b", "4b"]);
}

#[test]
fn a_union_of_rooms_reaches_each_member_once() {
    let mut shard = Shard::new(4);
    for (conn, room) in [(0, 5), (1, 5), (1, 6), (2, 6)] {
        shard.join(conn, room);
    }
    shard.emit_except(&[5, 6], &[], &[], "4a");
    shard.emit_except(&[6, 5, 6], &[2], &[], "4b");
    shard.finish();
    assert_eq!(shard.got_by(0..4), ["4a 4b", "4a 4b", "4a", ""]);
    assert_eq!(shard.runs(1), [1]);
    shard.emit_except(&[5, 6], &[], &[], "4c");
    shard.direct(1, "4d");
    assert_eq!(shard.got(1), "4a 4b 4c 4d");
}

#[test]
fn an_excepted_room_has_its_members_at_the_time_of_the_emit() {
    let mut shard = Shard::new(4);
    shard.join(0, 9);
    shard.join(1, 9);
    shard.emit_except(&[ALL], &[], &[9], "4a");
    shard.leave(0, 9);
    shard.join(2, 9);
    shard.emit_except(&[ALL], &[], &[9], "4b");
    shard.finish();
    assert_eq!(shard.got_by(0..4), ["4b", "", "4a", "4a 4b"]);
}

#[test]
fn an_excepted_room_may_be_emptied_and_filled_before_the_delivery() {
    let mut shard = Shard::new(3);
    shard.join(0, 9);
    shard.emit_except(&[ALL], &[], &[9], "4a");
    shard.leave(0, 9);
    shard.join(1, 10);
    shard.join(1, 9);
    shard.finish();
    assert_eq!(shard.got_by(0..3), ["", "4a", "4a"]);
}

#[test]
fn overlapping_targets_keep_their_order_for_each_member() {
    let mut shard = Shard::new(4);
    shard.join(1, 5);
    shard.join(2, 6);
    shard.join(3, 5);
    shard.join(3, 6);
    for (room, text) in [(ALL, "41"), (5, "42"), (ALL, "43"), (6, "44"), (ALL, "45")] {
        shard.emit(room, text);
    }
    shard.finish();
    let wanted = ["41 43 45", "41 42 43 45", "41 43 44 45", "41 42 43 44 45"];
    assert_eq!(shard.got_by(0..4), wanted);
    assert_eq!(shard.runs(0), [1]);
}

#[test]
fn members_of_several_targets_share_one_merge() {
    let mut shard = Shard::new(6);
    (0..4).for_each(|conn| shard.join(conn, 5));
    for text in ["41", "42", "43"] {
        shard.emit(ALL, text);
        shard.emit(5, text);
    }
    shard.finish();
    for conn in 0..4 {
        assert_eq!(shard.got(conn), "41 41 42 42 43 43");
    }
    // The first member receives single buffers. They are joined for the members after it.
    let buffers: Vec<_> = (0..4).map(|conn| shard.runs(conn)[0]).collect();
    assert_eq!(buffers, [6, 1, 1, 1]);
    assert_eq!(shard.got_by(4..6), ["41 42 43", "41 42 43"]);
}

#[test]
fn a_direct_packet_is_not_in_the_merge_of_the_next_connection() {
    let mut shard = Shard::new(4);
    (0..3).for_each(|conn| shard.join(conn, 5));
    shard.emit(ALL, "41");
    shard.emit(5, "42");
    for conn in 0..3 {
        shard.direct(conn, &format!("4own{conn}"));
    }
    let wanted = ["41 42 4own0", "41 42 4own1", "41 42 4own2"];
    assert_eq!(shard.got_by(0..3), wanted);
    for got in shard.out.got.values() {
        assert!(String::from_utf8_lossy(&got.wire).matches("own").count() == 1);
    }
}

#[test]
fn broadcasts_that_except_their_sender_share_joined_buffers() {
    let mut shard = Shard::new(4);
    for sender in 0..3 {
        shard.emit_except(&[ALL], &[sender], &[], &format!("4{sender}"));
    }
    shard.finish();
    assert_eq!(shard.got_by(0..4), ["41 42", "40 42", "40 41", "40 41 42"]);
    assert_eq!(shard.runs(3), [1]);
    assert_eq!(shard.runs(1), [2]);
}

#[test]
fn an_excepted_connection_does_not_share_a_merge() {
    for order in [[0, 1, 2], [1, 0, 2], [2, 1, 0]] {
        let mut shard = Shard::new(3);
        shard.emit(ALL, "41");
        shard.emit_except(&[ALL], &[0], &[], "42");
        shard.emit(ALL, "43");
        for conn in order {
            shard.direct(conn, "4x");
        }
        assert_eq!(shard.got_by(0..3), ["41 43 4x", "41 42 43 4x", "41 42 43 4x"]);
    }
}

#[test]
fn a_merge_is_not_used_after_its_lists_are_gone() {
    let mut shard = Shard::new(2);
    for text in ["41", "42"] {
        shard.emit(ALL, text);
        shard.direct(0, "4x");
        shard.finish();
    }
    shard.emit(ALL, "43");
    shard.direct(1, "4y");
    assert_eq!(shard.got_by(0..2), ["41 4x 42 4x", "41 42 43 4y"]);
}

#[test]
fn an_excepted_room_of_one_target_does_not_affect_other_targets() {
    let mut shard = Shard::new(4);
    (0..3).for_each(|conn| shard.join(conn, 5));
    shard.join(1, 9);
    shard.join(3, 9);
    shard.emit_except(&[5], &[], &[9], "41");
    shard.emit(ALL, "42");
    shard.emit_except(&[5], &[], &[9], "43");
    shard.finish();
    assert_eq!(shard.got_by(0..4), ["41 42 43", "42", "41 42 43", "42"]);
}

#[test]
fn an_emit_during_a_walk_is_delivered_in_the_next_generation() {
    let mut shard = Shard::new(6);
    shard.emit(ALL, "41");
    shard.work(3);
    assert_eq!(shard.out.got.len(), 3);
    shard.emit(ALL, "42");
    shard.direct(5, "4x");
    shard.direct(0, "4x");
    shard.finish();
    for conn in 1..5 {
        assert_eq!(shard.got(conn), "41 42");
    }
    assert_eq!(shard.got(5), "41 42 4x");
    assert_eq!(shard.got(0), "41 42 4x");
    assert_eq!(shard.runs(5), [3]);
}

#[test]
fn no_member_is_skipped_when_others_leave_during_the_delivery() {
    for visited in 0..6 {
        for gone in 0..6 {
            let mut shard = Shard::new(6);
            shard.emit(ALL, "41");
            shard.work(visited);
            shard.leave(gone, ALL);
            shard.emit(ALL, "42");
            shard.finish();
            for conn in 0..6 {
                let wanted = if conn == gone { "41" } else { "41 42" };
                assert_eq!(shard.got(conn), wanted, "{conn} after {visited}, {gone} left");
            }
        }
    }
}

#[test]
fn no_member_is_skipped_when_others_leave_during_the_first_pass() {
    for gone in 0..40 {
        let mut shard = Shard::new(40);
        (0..40).step_by(2).for_each(|conn| shard.join(conn, 5));
        shard.emit(ALL, "41");
        shard.emit(5, "42");
        shard.emit(ALL, "43");
        shard.work(2);
        assert!(shard.out.got.is_empty(), "still counting");
        shard.leave(gone, ALL);
        shard.leave(39 - gone, 5);
        shard.finish();
        for conn in 0..40 {
            let wanted = if conn % 2 == 0 { "41 42 43" } else { "41 43" };
            assert_eq!(shard.got(conn), wanted, "{conn}, {gone} left");
        }
    }
}

#[test]
fn no_member_is_skipped_when_others_leave_an_excepted_room() {
    for gone in 0..30 {
        let mut shard = Shard::new(60);
        (0..30).for_each(|conn| shard.join(conn, 9));
        shard.emit_except(&[ALL], &[], &[9], "41");
        shard.work(1);
        assert!(shard.out.got.is_empty(), "still marking the excepted members");
        shard.leave(gone, 9);
        shard.finish();
        for conn in 0..60 {
            assert_eq!(shard.got(conn), if conn < 30 { "" } else { "41" });
        }
    }
}

#[test]
fn a_new_connection_does_not_receive_the_broadcasts_of_the_old_one() {
    for visited in 0..5 {
        for reused in 0..4 {
            let mut shard = Shard::new(4);
            shard.join(reused, 5);
            shard.emit(ALL, "41");
            shard.emit_except(&[5], &[reused], &[], "42");
            shard.work(visited);
            shard.fanout.close(ConnId(reused));
            shard.open(reused);
            shard.join(reused, 5);
            assert_eq!(shard.got(reused), "");
            shard.emit(ALL, "43");
            shard.finish();
            assert_eq!(shard.got(reused), "43");
            for conn in (0..4).filter(|conn| *conn != reused) {
                assert_eq!(shard.got(conn), "41 43");
            }
        }
    }
}

#[test]
fn opening_a_connection_again_resets_it() {
    let mut shard = Shard::new(2);
    shard.join(1, 5);
    shard.emit(5, "41");
    shard.out.open(1);
    shard.fanout.open(ConnId(1));
    shard.emit(5, "42");
    shard.finish();
    assert_eq!(shard.got(1), "");
}

#[test]
fn a_closed_connection_receives_nothing() {
    let mut shard = Shard::new(2);
    shard.emit(ALL, "41");
    shard.fanout.close(ConnId(0));
    shard.finish();
    assert_eq!(shard.got_by(0..2), ["", "41"]);
    assert_eq!(shard.fanout.room_len(RoomId(ALL)), 1);
}

#[test]
fn members_of_a_closed_room_receive_earlier_emits() {
    let mut shard = Shard::new(3);
    shard.join(0, 5);
    shard.join(1, 5);
    shard.emit(5, "41");
    shard.work(1);
    shard.fanout.close_room(RoomId(5), &mut shard.out);
    shard.emit(5, "42");
    shard.join(2, 5);
    shard.emit(5, "43");
    shard.finish();
    assert_eq!(shard.got_by(0..3), ["41", "41", "43"]);
}

#[test]
fn leaving_a_namespace_leaves_only_its_rooms() {
    let mut shard = Shard::new(1);
    let (conn, other) = (ConnId(0), RoomId(100));
    shard.join(0, 5);
    shard.fanout.join(conn, other, other, &mut shard.out);
    shard.emit(5, "41");
    shard.fanout.leave_group(conn, RoomId(ALL), &mut shard.out);
    assert_eq!(shard.got(0), "41");
    assert!(!shard.fanout.is_member(conn, RoomId(5)));
    assert!(shard.fanout.is_member(conn, other));
}

#[test]
fn a_connection_in_many_rooms_receives_each_packet_once() {
    let mut shard = Shard::new(2);
    (1..200).for_each(|room| shard.join(0, room));
    shard.emit(150, "41");
    shard.emit_except(&[3, 150, 199], &[], &[], "42");
    shard.emit_except(&[4], &[], &[77], "43");
    shard.emit(ALL, "44");
    shard.finish();
    assert_eq!(shard.got_by(0..2), ["41 42 44", "44"]);
}

#[test]
fn buffers_joined_for_one_connection_are_shared_by_others() {
    let mut shard = Shard::new(3);
    (0..40).for_each(|_| shard.emit(ALL, "4a"));
    shard.direct(0, "4b");
    shard.finish();
    assert_eq!(shard.runs(0), [2]);
    assert_eq!(shard.runs(1), [1]);
    let first = |conn| shard.out.got[&shard.out.key(conn)].runs[0][0].as_ptr();
    assert_eq!(first(0), first(2));
}

#[test]
fn pending_bytes_are_the_size_of_the_pending_frames() {
    let mut shard = Shard::new(3);
    shard.emit(ALL, "4aaaa");
    shard.emit(ALL, "4b");
    assert_eq!(shard.fanout.pending_bytes(), 7 + 4);
    shard.finish();
    assert_eq!(shard.fanout.pending_bytes(), 0);
}

#[test]
fn a_packet_replaces_a_waiting_packet_with_the_same_key() {
    let mut shard = Shard::new(2);
    for text in ["4a1", "4b1", "4a2", "4a3"] {
        shard.conflate(ALL, &[], text);
    }
    shard.emit(ALL, "4x");
    assert_eq!(shard.fanout.pending_bytes(), 5 + 5 + 4);
    shard.finish();
    assert_eq!(shard.got_by(0..2), ["4b1 4a3 4x", "4b1 4a3 4x"]);
    assert_eq!((shard.conflated(0), shard.conflated(1)), (2, 2));
    assert_eq!(shard.fanout.pending_bytes(), 0);
}

#[test]
fn a_replaced_packet_that_was_delivered_is_followed_by_the_next() {
    let mut shard = Shard::new(2);
    shard.conflate(ALL, &[], "4a1");
    shard.direct(0, "4x");
    shard.conflate(ALL, &[], "4a2");
    shard.finish();
    assert_eq!(shard.got_by(0..2), ["4a1 4x 4a2", "4a2"]);
    assert_eq!((shard.conflated(0), shard.conflated(1)), (0, 1));
}

#[test]
fn a_packet_replaces_only_a_packet_with_the_same_recipients() {
    let mut shard = Shard::new(3);
    shard.conflate(ALL, &[0], "4a1");
    shard.conflate(ALL, &[1], "4a2");
    shard.conflate(ALL, &[1], "4a3");
    shard.join(2, 5);
    shard.conflate(5, &[], "4a4");
    shard.finish();
    assert_eq!(shard.got_by(0..3), ["4a3", "4a1", "4a1 4a3 4a4"]);
}

#[test]
fn a_packet_whose_delivery_has_begun_is_not_replaced() {
    let mut shard = Shard::new(4);
    shard.conflate(ALL, &[], "4a1");
    shard.work(2);
    shard.conflate(ALL, &[], "4a2");
    shard.finish();
    assert_eq!(shard.got_by(0..4), ["4a1 4a2"; 4]);
}

#[test]
fn closing_a_connection_returns_the_counts_of_its_pending_packets() {
    let mut shard = Shard::new(2);
    shard.emit(ALL, "4x");
    shard.conflate(ALL, &[], "4a1");
    shard.conflate(ALL, &[], "4a2");
    let tally = shard.fanout.close(ConnId(0));
    assert_eq!((tally.packets, tally.conflated), (2, 1));
    assert_eq!(shard.fanout.close(ConnId(0)).packets, 0);
}

/// An outlet that takes the compressed form of each run.
#[derive(Default)]
struct Compressor {
    deflater: Option<Deflater>,
    /// The buffers of each run of each connection.
    runs: BTreeMap<u32, Vec<Vec<Bytes>>>,
}

impl Outlet for Compressor {
    fn deliver(&mut self, conn: ConnId, run: &Run<'_>) {
        let deflater = self.deflater.get_or_insert_with(|| Deflater::new(6));
        let window = if conn.0 == 0 { 8 } else { 15 };
        let buffers = run.deflated(recorder::agreed(window), 100, deflater);
        self.runs.entry(conn.0).or_default().push(buffers.to_vec());
    }
}

#[test]
fn pending_packets_are_compressed_and_joined_once_for_all_recipients() {
    let (mut fanout, mut out) = (Fanout::new(), Compressor::default());
    for conn in 0..50 {
        fanout.open(ConnId(conn));
        fanout.join(ConnId(conn), RoomId(ALL), RoomId(ALL), &mut out);
    }
    for number in 0..10 {
        let text = format!("42[\"{number}{}\"]", "x".repeat(500));
        let target = Target {
            rooms: smallvec![RoomId(ALL)],
            except: smallvec![],
            except_rooms: smallvec![],
        };
        fanout.emit(target, Frame::new(text.as_bytes(), &[]));
    }
    while fanout.work(&mut out, 3) {}
    assert_eq!(out.deflater.unwrap().take_count(), 10);
    let (narrow, wide) = (&out.runs[&0][0], &out.runs[&1][0]);
    assert!(narrow.concat().len() > 5000, "longer than a window of 256 bytes");
    assert!(wide.len() == 1 && wide[0].len() < 500);
    assert!((2..50).all(|conn| out.runs[&conn][0][0].as_ptr() == wide[0].as_ptr()));
    let messages = |wire: &[u8]| recorder::messages(wire, &mut Inflater::new());
    assert_eq!(messages(&narrow.concat()), messages(&wide[0]));
}
