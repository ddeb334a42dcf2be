//! The CPU time and memory of the server's processes.
//!
//! CPU time comes from the CPU clock of the process, which includes threads that have ended, in nanoseconds. If that
//! clock cannot be read, it comes from `/proc/<pid>/stat`, in ticks of 10 ms. Memory is the proportional set size. It
//! does not include the kernel's socket buffers.

use std::{collections::BTreeMap, fs, time::Duration};

use nix::{time::ClockId, unistd::Pid};

/// The processes of one server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Processes(pub(crate) Vec<i32>);

impl Processes {
    /// The CPU time so far, user and system. Returns `None` when there is no process or one cannot be read.
    pub(crate) fn cpu(&self) -> Option<Duration> {
        if self.0.is_empty() {
            return None;
        }
        self.0.iter().map(|pid| clock(*pid).or_else(|| stat(*pid))).sum()
    }

    /// The name and CPU time of each running thread, by process id and thread id. The map is empty if the kernel does
    /// not provide these times.
    pub(crate) fn threads(&self) -> BTreeMap<(i32, i32), (String, Duration)> {
        self.0.iter().flat_map(|pid| threads(*pid)).collect()
    }

    /// The proportional set size in bytes. Returns `None` when there is no process or one cannot be read.
    pub(crate) fn memory(&self) -> Option<u64> {
        if self.0.is_empty() {
            return None;
        }
        self.0.iter().map(|pid| pss(*pid)).sum()
    }

    /// The maximum of the resident memory since the processes started, in bytes.
    pub(crate) fn peak(&self) -> Option<u64> {
        if self.0.is_empty() {
            return None;
        }
        self.0.iter().map(|pid| kib_line(&format!("/proc/{pid}/status"), "VmHWM:")).sum()
    }
}

/// Reads `/proc/<pid>/task/<tid>/schedstat`, which begins with the run time of the thread in nanoseconds.
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

/// Reads the fields 14 and 15 of `stat`. They are counted from the end of the name, which may contain any character.
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

/// Reads the line `name  12345 kB` of a file in /proc, and returns the value in bytes.
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
    fn both_sources_of_cpu_time_agree() {
        let pid = own().0[0];
        let begun = own().cpu().expect("readable");
        while own().cpu().expect("readable") < begun + Duration::from_millis(50) {}
        let (fine, coarse) = (clock(pid).expect("readable"), stat(pid).expect("readable"));
        assert!(fine.abs_diff(coarse) < Duration::from_millis(200), "{fine:?} {coarse:?}");
    }

    #[test]
    fn threads_are_listed_by_name() {
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
    fn allocated_memory_is_measured() {
        let before = own().memory().expect("readable");
        let kept = vec![1_u8; 32 << 20];
        assert!(own().memory().expect("readable") >= before + (30 << 20));
        assert!(own().peak().expect("readable") >= before + (30 << 20));
        assert_eq!(kept[kept.len() / 2], 1);
    }

    #[test]
    fn without_a_process_there_are_no_values() {
        assert!(Processes::default().cpu().is_none());
        assert!(Processes(vec![i32::MAX]).memory().is_none());
    }
}
