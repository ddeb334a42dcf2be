//! The measured phase: the server's CPU time, memory and elapsed time.
//!
//! The clients are idle before and after the phase, and answer pings. CPU time that the server spends after the phase
//! is therefore counted, and an extra message is detected.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use crate::{client::Workload, process::Processes, report::Report, swarm::Swarm};

const REST: Duration = Duration::from_millis(100);

/// One measured phase.
pub(crate) struct Meter {
    processes: Processes,
    cpu: Option<Duration>,
    started: Instant,
    elapsed: Duration,
    used: Option<Duration>,
    memory: Option<u64>,
    threads: BTreeMap<(i32, i32), (String, Duration)>,
}

impl Meter {
    /// Rests and then starts the phase.
    ///
    /// # Errors
    /// A client failed, or the CPU time of a process cannot be read.
    pub(crate) fn start<W: Workload>(
        processes: Processes,
        swarm: &mut Swarm<'_>,
        work: &mut W,
    ) -> Result<Self, String> {
        swarm.rest(REST, work)?;
        let cpu = processes.cpu();
        if cpu.is_none() && !processes.0.is_empty() {
            return Err(format!(
                "the CPU time of process {:?} cannot be read: is the pid right?",
                processes.0
            ));
        }
        let threads = processes.threads();
        Ok(Self {
            processes,
            cpu,
            started: Instant::now(),
            elapsed: Duration::ZERO,
            used: None,
            memory: None,
            threads,
        })
    }

    /// Stops the clock, rests, and then reads the CPU time.
    ///
    /// # Errors
    /// A client failed.
    pub(crate) fn stop<W: Workload>(
        &mut self,
        swarm: &mut Swarm<'_>,
        work: &mut W,
    ) -> Result<(), String> {
        self.elapsed = self.started.elapsed();
        self.memory = self.processes.memory();
        swarm.rest(REST, work)?;
        self.used =
            self.processes.cpu().zip(self.cpu).map(|(after, before)| after.saturating_sub(before));
        for (id, (name, after)) in self.processes.threads() {
            let used = self.threads.entry(id).or_insert((name, Duration::ZERO));
            used.1 = after.saturating_sub(used.1);
        }
        Ok(())
    }

    /// Adds the number of operations to the report, with their rate and the server's CPU time per operation.
    pub(crate) fn add(
        &self,
        report: &mut Report,
        what: &'static str,
        number: u64,
        cost: &'static str,
    ) {
        let seconds = self.elapsed.as_secs_f64().max(1e-9);
        report.add(what, number);
        report.add("seconds", seconds);
        report.add("per_second", number as f64 / seconds);
        if let Some(used) = self.used {
            report.add(cost, used.as_secs_f64() * 1e6 / number.max(1) as f64);
            report.add("server_cores", used.as_secs_f64() / seconds);
        }
        if !self.threads.is_empty() {
            let share = |(name, used): &(String, Duration)| {
                format!("{name} {:.4}", used.as_secs_f64() / seconds)
            };
            report.add(
                "cores_by_thread",
                &*self.threads.values().map(share).collect::<Vec<_>>().join(", "),
            );
        }
        for (name, bytes) in
            [("server_mib", self.memory), ("server_peak_mib", self.processes.peak())]
        {
            report.add_some(name, bytes.map(|bytes| bytes as f64 / 1024.0 / 1024.0));
        }
    }
}
