//! `load connect`: a storm of clients, each from the TCP connect to the reply to its CONNECT.

use std::time::{Duration, Instant};

use crate::{
    Error, Watch,
    client::{Outbox, Work},
    meter::Meter,
    options::Options,
    ramp::Ramp,
    report::Report,
    swarm::Swarm,
};

/// How long each client took.
#[derive(Default)]
struct Storm {
    micros: Vec<u32>,
}

impl Work for Storm {
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
/// Wrong options, or a client that did not get in.
pub(crate) fn run(options: &mut Options, watch: &dyn Watch) -> Result<Report, Error> {
    let clients = options.take("clients", 2_000_usize)?.max(1);
    let warmup = options.take("warmup", clients / 10)?;
    let processes = options.take_processes()?;
    let mut swarm = Swarm::new(Ramp::take(options)?, watch)?;
    let mut storm = Storm::default();

    swarm.open(warmup, &mut storm)?;
    storm.micros.clear();
    let mut meter = Meter::start(processes, &mut swarm, &mut storm)?;
    swarm.open(warmup + clients, &mut storm)?;
    meter.stop(&mut swarm, &mut storm)?;

    let mut report = Report::new("connect");
    report.add("clients", clients);
    report.add("warmup", warmup);
    meter.add(&mut report, "connects", clients as u64, "cpu_us_per_connect");
    report.add_percentiles(["p50_ms", "p99_ms", "max_ms"], &mut storm.micros);
    Ok(report)
}
