//! Where the fan-out meets the streams: one run of packets for one session.

use engine::{Reason, Transport};
use rooms::{ConnId, Outlet, Run};

use crate::counters::Counter;
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
            return self.write(conn.0, stream, run.buffers());
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
