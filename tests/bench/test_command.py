"""The command line `fanio bench`."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import sys

import pytest
import uvicorn
from click.testing import CliRunner

import fanio
from fanio.bench import command
from fanio.bench.driver import BenchError
from fanio.bench.figures import MEANINGS, table
from fanio.cli import main


def bench(*arguments):
    return CliRunner().invoke(main, ["bench", *arguments])


def test_without_url_it_measures_fanio_itself():
    result = bench("-n", "10", "--count", "20", "--option", "shards=2", "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.output)
    assert (report["command"], report["deliveries"]) == ("broadcast", 200)
    assert report["cpu_us_per_delivery"] > 0


def test_figures_have_units(fanio_server):
    url, pid = fanio_server
    result = bench(url, "--mode", "echo", "-n", "2", "--count", "3", "--pid", str(pid))
    assert result.exit_code == 0, result.output
    lines = {line.split()[0]: line for line in result.output.splitlines()}
    assert re.fullmatch(r"round_trips +6 +events that the server acknowledged", lines["round_trips"])
    assert re.fullmatch(r"p50_ms +[\d.]+ ms +time for one: median", lines["p50_ms"])
    assert re.fullmatch(r"cpu_us_per_round_trip +[\d.]+ µs +CPU time .*", lines["cpu_us_per_round_trip"])


@pytest.mark.parametrize(
    ("mode", "more"),
    [
        ("broadcast", ["--count", "2", "--stalled", "1"]),
        ("mixed", ["--count", "20", "--burst", "20"]),
        ("echo", ["--count", "2"]),
        ("connect", []),
        ("idle", ["--seconds", "0", "--settle", "0"]),
    ],
)
def test_every_figure_has_a_meaning(fanio_server, mode, more):
    url, pid = fanio_server
    result = bench(url, "--mode", mode, "-n", "4", "--pid", str(pid), "--json", *more)
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert set(report) <= set(MEANINGS)
    assert all(meaning in table(report) for meaning in (MEANINGS[name] for name in report))


def test_threads_that_did_nothing_are_left_out():
    report = {"command": "echo", "cores_by_thread": "python 0.5000, libuv-worker 0.0000, fanio-shard-0 0.0100"}
    assert table(report).splitlines()[1].startswith("cores_by_thread  python 0.5000, fanio-shard-0 0.0100  ")


def test_counts_are_those_that_were_asked_for(fanio_server):
    result = bench(fanio_server[0], "--mode", "connect", "-n", "50", "--warmup", "7", "--json")
    report = json.loads(result.output)
    assert (report["clients"], report["connects"], report["warmup"]) == (50, 50, 7)
    report = json.loads(bench(fanio_server[0], "-n", "5", "--count", "3", "--stalled", "2", "--json").output)
    assert (report["clients"], report["stalled"], report["broadcasts"], report["deliveries"]) == (5, 2, 3, 9)


@pytest.mark.parametrize("mode", ["broadcast", "mixed", "echo"])
def test_fanios_own_server_is_measured_in_any_namespace(mode):
    result = bench("--namespace", "/chat", "--mode", mode, "-n", "3", "--count", "3", "--json")
    assert result.exit_code == 0, result.output
    binary = bench("--namespace", "/chat", "-n", "3", "--count", "3", "--binary", "--json")
    assert json.loads(binary.output)["deliveries"] == 9


async def test_a_server_that_asks_for_credentials_gets_them():
    sio = fanio.AsyncServer()
    seen = []

    @sio.event(namespace="/in")
    async def connect(sid, environ, auth):
        seen.append((environ["HTTP_AUTHORIZATION"], environ["HTTP_COOKIE"], environ["QUERY_STRING"], auth))
        return auth == {"token": "ä"}

    @sio.on("bench:echo", namespace="/in")
    async def echo(sid, value):
        return value

    server = uvicorn.Server(uvicorn.Config(fanio.ASGIApp(sio), port=0, log_level="error"))
    serving = asyncio.ensure_future(server._serve())
    while not server.started:
        await asyncio.sleep(0.01)
    url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/?key=1"
    arguments = ["--mode", "echo", "-n", "2", "--count", "2", "--namespace", "/in", "--json"]
    arguments += ["--header", "Authorization: Bearer x", "--header", "Cookie: a=b"]
    good = await asyncio.to_thread(bench, url, *arguments, "--auth", '{"token": "ä"}')
    bad = await asyncio.to_thread(bench, url, *arguments, "--auth", '{"token": "no"}')
    server.should_exit = True
    await serving
    assert good.exit_code == 0, good.output
    assert seen[0] == ("Bearer x", "a=b", "EIO=4&transport=websocket&key=1", {"token": "ä"})
    assert bad.exit_code == 1
    assert "refused" in bad.output


def test_faults_are_status_1(monkeypatch, faulty_server):
    result = bench(faulty_server("double"), "-n", "3")
    assert (result.exit_code, "lost, doubled" in result.output) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--mode", "echo", "--burst", "5", "http://127.0.0.1:9"], "--burst has no meaning in mode echo"),
        (["--burst", "5", "--pace", "5", "http://127.0.0.1:9"], "exclude each other"),
        (["--option", "shards", "--mode", "echo"], "expected NAME=JSON"),
        (["--option", "shards=2", "http://127.0.0.1:9"], "leave the URL out"),
        (["--mode", "shout"], "broadcast"),
        (["--auth", "{token}", "http://127.0.0.1:9"], "--auth {token}: expected JSON"),
        (["--header", "token", "http://127.0.0.1:9"], "expected 'Name: value'"),
        (["--namespace", "chat", "http://127.0.0.1:9"], "begins with a slash"),
        (["--namespace", "chat"], "begins with a slash"),
    ],
)
def test_wrong_options_are_status_2(arguments, text):
    result = bench(*arguments)
    assert result.exit_code == 2
    assert text in result.output


def test_options_without_a_length_get_one():
    assert command._taken("broadcast", {})["seconds"] == 10
    assert "seconds" not in command._taken("broadcast", {"count": 5})
    assert command._taken("idle", {"seconds": 1})["seconds"] == 1


def test_bar_shows_phase_part_and_rate(capsys):
    with command._Bar(visible=True) as bar:
        bar.show("connecting", 0.5, 100, ["a line"])
        bar.show("connecting", 1.0, 300, [])
    drawn = capsys.readouterr().err
    assert "a line\n" in drawn
    assert f"{'█' * 15}{'░' * 15}  50%  100" in drawn
    assert "100%  300  " in drawn
    assert "/s" in drawn


def test_interrupt_ends_a_run(fanio_server):
    arguments = [sys.executable, "-m", "fanio", "bench", "--mode", "idle", "-n", "2", "--seconds", "60"]
    process = subprocess.Popen([*arguments, "--settle", "0", fanio_server[0]], stderr=subprocess.PIPE, text=True)
    assert "clients 2" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0
    process.stderr.close()

    process = subprocess.Popen([*arguments[:5], "broadcast", fanio_server[0]], stderr=subprocess.DEVNULL)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(2)
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 1


def test_own_server_that_does_not_start_says_why():
    result = bench("--option", "shards=-5")
    assert result.exit_code == 1
    assert "does not start" in result.output
    assert issubclass(BenchError, RuntimeError)
