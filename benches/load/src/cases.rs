//! What is measured.

use std::io::Read;
use std::time::{Duration, Instant};

use crate::args::Args;
use crate::client::{Client, Received};
use crate::process;
use crate::swarm::Swarm;

/// Numbers of one run.
struct Report<'a> {
    args: &'a Args,
    values: Vec<(&'static str, f64)>,
}

impl Report<'_> {
    fn print(&self) {
        let pairs: Vec<_> = self.values.iter().map(|(name, value)| format!("\"{name}\":{value:.4}")).collect();
        if self.args.json {
            println!("{{\"case\":\"{}\",\"clients\":{},{}}}", self.args.command, self.args.clients, pairs.join(","));
            return;
        }
        println!("{} with {} clients", self.args.command, self.args.clients);
        for (name, value) in &self.values {
            println!("  {name:24} {value:>14.3}");
        }
    }
}

/// Broadcasts, one request at a time; every client must get every message once, in order.
pub fn broadcast(args: &Args) -> Result<(), String> {
    let mut swarm = Swarm::connect(args)?;
    let requests = args.count.div_ceil(args.burst);
    let warm_up = (requests / 10).max(1);
    let (mut cpu, mut started, mut latencies) = (0.0, Instant::now(), Vec::new());
    for request in 0..warm_up + requests {
        if request == warm_up {
            (cpu, started) = (process::cpu(args.pid), Instant::now());
        }
        let asked = Instant::now();
        broadcast_once(args, &mut swarm)?;
        if request >= warm_up {
            latencies.push(asked.elapsed().as_secs_f64() * 1000.0);
        }
    }
    let (cpu, elapsed) = (process::cpu(args.pid) - cpu, started.elapsed().as_secs_f64());
    let deliveries = (requests * args.burst * args.clients) as f64;
    latencies.sort_by(f64::total_cmp);
    let values = vec![
        ("cpu_us_per_delivery", cpu / deliveries),
        ("deliveries_per_s", deliveries / elapsed),
        ("last_recipient_p50_ms", percentile(&latencies, 0.5)),
        ("last_recipient_p99_ms", percentile(&latencies, 0.99)),
    ];
    Report { args, values }.print();
    Ok(())
}

fn broadcast_once(args: &Args, swarm: &mut Swarm) -> Result<(), String> {
    let pad = args.size.saturating_sub(16);
    let request = format!("421[\"bench:broadcast\",{},{pad}]", args.burst);
    swarm.clients[0].send(&request).map_err(|error| error.to_string())?;
    let mut missing = args.burst * args.clients;
    while missing > 0 {
        swarm.turn(|client, received| {
            if let Received::Broadcast(number) = received {
                check_order(client, *number)?;
                missing = missing.checked_sub(1).ok_or("a message came twice")?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

fn check_order(client: &mut Client, number: u64) -> Result<(), String> {
    let expected = client.expected.replace(number + 1).unwrap_or(number);
    if expected == number { Ok(()) } else { Err(format!("expected message {expected}, got {number}")) }
}

/// Events with acknowledgement: every client always has one under way.
pub fn echo(args: &Args) -> Result<(), String> {
    let mut swarm = Swarm::connect(args)?;
    echo_phase(args, &mut swarm, args.count.div_ceil(10))?;
    let (cpu, started) = (process::cpu(args.pid), Instant::now());
    echo_phase(args, &mut swarm, args.count)?;
    let (cpu, elapsed) = (process::cpu(args.pid) - cpu, started.elapsed().as_secs_f64());
    let events = (args.count * args.clients) as f64;
    let values = vec![("cpu_us_per_event", cpu / events), ("events_per_s", events / elapsed)];
    Report { args, values }.print();
    Ok(())
}

fn echo_phase(args: &Args, swarm: &mut Swarm, count: usize) -> Result<(), String> {
    let total = count * args.clients;
    let (mut sent, mut done) = (0, 0);
    for client in &mut swarm.clients {
        client.send("421[\"bench:echo\",\"x\"]").map_err(|error| error.to_string())?;
        sent += 1;
    }
    while done < total {
        swarm.turn(|client, received| {
            if let Received::Ack(1) = received {
                done += 1;
                if sent < total {
                    sent += 1;
                    client.send("421[\"bench:echo\",\"x\"]").map_err(|error| error.to_string())?;
                }
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// Connects all clients, from the TCP handshake to the namespace.
pub fn connect(args: &Args) -> Result<(), String> {
    let (cpu, started) = (process::cpu(args.pid), Instant::now());
    let swarm = Swarm::connect(args)?;
    let (cpu, elapsed) = (process::cpu(args.pid) - cpu, started.elapsed().as_secs_f64());
    let clients = swarm.clients.len() as f64;
    let values = vec![("cpu_us_per_connect", cpu / clients), ("connects_per_s", clients / elapsed)];
    Report { args, values }.print();
    Ok(())
}

/// Connects all clients; reports the server's memory for each, or holds them until stdin closes.
pub fn idle(args: &Args) -> Result<(), String> {
    let before = process::memory(args.pid);
    let mut swarm = Swarm::connect(args)?;
    if args.pid.is_some() {
        settle(&mut swarm)?;
        let memory = process::memory(args.pid) - before;
        let values = vec![("kib_per_client", memory / args.clients as f64)];
        Report { args, values }.print();
        return Ok(());
    }
    println!("connected {}", swarm.clients.len());
    let (closed, eof) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        let _ = closed.send(());
    });
    while eof.try_recv().is_err() {
        swarm.turn_within(Duration::from_millis(200), |_, _| Ok(()))?;
    }
    Ok(())
}

fn settle(swarm: &mut Swarm) -> Result<(), String> {
    let until = Instant::now() + Duration::from_secs(3);
    while Instant::now() < until {
        swarm.turn_within(Duration::from_millis(100), |_, _| Ok(()))?;
    }
    Ok(())
}

fn percentile(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get((last as f64 * share).round() as usize).copied().unwrap_or(0.0)
}
