//! `load connect`: opens many clients and measures the time from the TCP connect to the CONNECT reply.

use std::time::{Duration, Instant};

use crate::{
    Error, Watch,
    client::{Outbox, Workload},
    meter::Meter,
    options::Options,
    ramp::Ramp,
    report::Report,
    swarm::Swarm,
};

/// The time that each client took to join, in microseconds.
#[derive(Default)]
struct ConnectTimes {
    micros: Vec<u32>,
}

impl Workload for ConnectTimes {
    fn handle_packet(
        &mut self,
        _: usize,
        _: Instant,
        _: &[u8],
        _: &mut Outbox,
    ) -> Result<(), String> {
        Ok(())
    }

    fn handle_joined(&mut self, _: usize, took: Duration, _: &[u8], _: &mut Outbox) {
        self.micros.push(took.as_micros() as u32);
    }
}

/// Runs the command.
///
/// # Errors
/// Wrong options, or a client that could not join.
pub(crate) fn run(options: &mut Options, watch: &dyn Watch) -> Result<Report, Error> {
    let clients = options.take("clients", 2_000_usize)?.max(1);
    let warmup = options.take("warmup", clients / 10)?;
    let processes = options.take_processes()?;
    let mut swarm = Swarm::new(Ramp::take(options)?, watch)?;
    let mut times = ConnectTimes::default();

    swarm.open(warmup, &mut times)?;
    times.micros.clear();
    let mut meter = Meter::start(processes, &mut swarm, &mut times)?;
    swarm.open(warmup + clients, &mut times)?;
    meter.stop(&mut swarm, &mut times)?;

    let mut report = Report::new("connect");
    report.add("clients", clients);
    report.add("warmup", warmup);
    meter.add(&mut report, "connects", clients as u64, "cpu_us_per_connect");
    report.add_percentiles(["p50_ms", "p99_ms", "max_ms"], &mut times.micros);
    Ok(report)
}
