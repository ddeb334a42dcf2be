//! What a server process has used: CPU time and memory, read from outside.
//!
//! CPU time is the process's own clock (all its threads, also those that ended), in nanoseconds; where another
//! process's clock cannot be read it is `/proc/<pid>/stat`, in ticks of 10 ms. Memory is the proportional set size, so
//! user space only: the kernel's socket buffers are not in it.

use std::{collections::BTreeMap, fs, time::Duration};

use nix::{time::ClockId, unistd::Pid};

/// The processes of one server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Processes(pub(crate) Vec<i32>);

impl Processes {
    /// CPU time used so far, user and system; `None` when no process is named or one cannot be read.
    pub(crate) fn cpu(&self) -> Option<Duration> {
        if self.0.is_empty() {
            return None;
        }
        self.0.iter().map(|pid| clock(*pid).or_else(|| stat(*pid))).sum()
    }

    /// CPU time of each thread that is alive, by process and thread id, with its name; empty where the kernel does not
    /// tell it.
    pub(crate) fn threads(&self) -> BTreeMap<(i32, i32), (String, Duration)> {
        self.0.iter().flat_map(|pid| threads(*pid)).collect()
    }

    /// Proportional set size, bytes; `None` when no process is named or one cannot be read.
    pub(crate) fn memory(&self) -> Option<u64> {
        if self.0.is_empty() {
            return None;
        }
        self.0.iter().map(|pid| pss(*pid)).sum()
    }

    /// The most that was resident at any time since the processes started, bytes.
    pub(crate) fn peak(&self) -> Option<u64> {
        if self.0.is_empty() {
            return None;
        }
        self.0.iter().map(|pid| kib_line(&format!("/proc/{pid}/status"), "VmHWM:")).sum()
    }
}

/// `/proc/<pid>/task/<tid>/schedstat` begins with the nanoseconds that the thread has run.
fn threads(pid: i32) -> Vec<((i32, i32), (String, Duration))> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let thread = |task: fs::DirEntry| {
        let tid = task.file_name().to_str()?.parse().ok()?;
        let name = fs::read_to_string(task.path().join("comm")).ok()?;
        let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
        let nanos = text.split_whitespace().next()?.parse().ok()?;
        Some(((pid, tid), (name.trim().to_owned(), Duration::from_nanos(nanos))))
    };
    tasks.filter_map(|task| thread(task.ok()?)).collect()
}

fn clock(pid: i32) -> Option<Duration> {
    let time = ClockId::pid_cpu_clock_id(Pid::from_raw(pid)).ok()?.now().ok()?;
    Some(Duration::from(time))
}

/// Fields 14 and 15 of `stat`, counted after the name, which may hold anything.
fn stat(pid: i32) -> Option<Duration> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    let ticks: u64 = rest
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|n| n.parse::<u64>().ok())
        .sum::<Option<u64>>()?;
    Some(Duration::from_millis(ticks * 10))
}

fn pss(pid: i32) -> Option<u64> {
    kib_line(&format!("/proc/{pid}/smaps_rollup"), "Pss:")
}

/// The line `name  12345 kB` of a file below /proc, in bytes.
fn kib_line(path: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> Processes {
        Processes(vec![i32::try_from(std::process::id()).expect("a pid")])
    }

    #[test]
    fn both_clocks_agree() {
        let pid = own().0[0];
        let begun = own().cpu().expect("readable");
        while own().cpu().expect("readable") < begun + Duration::from_millis(50) {}
        let (fine, coarse) = (clock(pid).expect("readable"), stat(pid).expect("readable"));
        assert!(fine.abs_diff(coarse) < Duration::from_millis(200), "{fine:?} {coarse:?}");
    }

    #[test]
    fn own_threads_are_seen() {
        let (begun, running) = std::sync::mpsc::channel();
        let (end, ended) = std::sync::mpsc::channel::<()>();
        let work = move || {
            begun.send(()).unwrap();
            ended.recv()
        };
        let worker = std::thread::Builder::new().name("worker".into()).spawn(work).unwrap();
        running.recv().unwrap();
        let names: Vec<String> = own().threads().into_values().map(|(name, _)| name).collect();
        assert!(names.iter().any(|name| name == "worker"), "{names:?}");
        drop(end);
        assert!(worker.join().unwrap().is_err());
    }

    #[test]
    fn own_memory_is_seen() {
        let before = own().memory().expect("readable");
        let kept = vec![1_u8; 32 << 20];
        assert!(own().memory().expect("readable") >= before + (30 << 20));
        assert!(own().peak().expect("readable") >= before + (30 << 20));
        assert_eq!(kept[kept.len() / 2], 1);
    }

    #[test]
    fn no_process_has_no_figures() {
        assert!(Processes::default().cpu().is_none());
        assert!(Processes(vec![i32::MAX]).memory().is_none());
    }
}
