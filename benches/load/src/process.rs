//! What the system says about the server's process.

use std::fs;

/// CPU time of a process so far, all threads, in microseconds.
pub fn cpu(pid: Option<u32>) -> f64 {
    let Some(pid) = pid else { return 0.0 };
    // schedstat counts nanoseconds, stat only ticks of 10 ms.
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return 0.0 };
    let nanoseconds: f64 = tasks
        .flatten()
        .filter_map(|task| fs::read_to_string(task.path().join("schedstat")).ok())
        .filter_map(|text| text.split(' ').next()?.parse::<f64>().ok())
        .sum();
    nanoseconds / 1000.0
}

/// The private memory of a process, in KiB.
pub fn memory(pid: Option<u32>) -> f64 {
    let Some(pid) = pid else { return 0.0 };
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("Pss:"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0.0)
}
