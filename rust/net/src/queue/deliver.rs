//! Where the fan-out meets the streams: one run of packets for one session.

use engine::Transport;
use protocol::websocket::Deflate;
use rooms::{ConnId, Outlet, Run};

use crate::counters::Counter;
use crate::fault::{self, Place};
use crate::queue::send_batch::SendBatch;
use crate::socket::stream::Stream;
use crate::table::Table;
use crate::table::step::Concern;

impl Outlet for Table {
    fn deliver(&mut self, conn: ConnId, run: &Run<'_>) {
        let before = self.step.set_concern(Concern::Session(conn.0));
        fault::point(Place::Deliver);
        self.deliver_run(conn, run);
        self.step.set_concern(before);
    }
}

impl Table {
    fn deliver_run(&mut self, conn: ConnId, run: &Run<'_>) {
        let tally = run.tally();
        if tally.conflated > 0 {
            self.counters.add_many(Counter::DroppedConflated, u64::from(tally.conflated));
        }
        let session = self.sessions.get_mut(conn.0);
        let Some(session) = session.filter(|session| !session.ended) else {
            return self.lose_packets(tally.packets);
        };
        self.counters.add(Counter::Deliveries);
        if session.engine.transport() == Transport::WebSocket {
            let stream = session.stream;
            let deflate = self.streams.get(stream).and_then(Stream::deflate);
            return match deflate {
                None => self.write_batch(conn.0, stream, run.buffers(), SendBatch::Run(run)),
                Some(agreed) => self.write_deflated(conn.0, stream, run, agreed),
            };
        }
        self.queue_run(conn.0, run);
    }

    fn write_deflated(&mut self, session: u32, stream: u32, run: &Run<'_>, agreed: Deflate) {
        let buffers = self.codecs.deflated(run, agreed, &self.counters);
        self.write_batch(session, stream, buffers.iter(), SendBatch::Run(run));
    }
}
