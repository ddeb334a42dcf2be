//! Where the fan-out meets the streams: one run of packets for one session.

use engine::{Reason, Transport};
use protocol::websocket::Deflate;
use rooms::{ConnId, Outlet, Run};

use crate::counters::Counter;
use crate::stream::Stream;
use crate::table::Table;

impl Outlet for Table {
    fn deliver(&mut self, conn: ConnId, run: &Run<'_>) {
        let Some(session) = self.sessions.get_mut(conn.0 as usize) else {
            return;
        };
        if session.ended {
            return;
        }
        self.counters.add(Counter::Deliveries);
        if session.engine.transport() == Transport::WebSocket {
            let stream = session.stream;
            let deflate = self.streams.get(stream as usize).and_then(Stream::deflate);
            return match deflate {
                None => self.write(conn.0, stream, run.buffers()),
                Some(agreed) => self.write_deflated(conn.0, stream, run, agreed),
            };
        }
        let mut waiting = 0;
        for frame in run.frames() {
            waiting = session.push(frame.clone());
        }
        if waiting > self.options.max_queue_bytes {
            self.doomed.push((conn.0, Reason::SlowClient));
        }
        self.want_poll(conn.0);
    }
}

impl Table {
    fn write_deflated(&mut self, session: u32, stream: u32, run: &Run<'_>, agreed: Deflate) {
        let buffers = run.deflated(agreed, self.deflate_from(), &mut self.deflater);
        self.counters.add_many(Counter::Deflates, self.deflater.take_count());
        self.write(session, stream, buffers.iter());
    }
}
