"""The command line `fanio bench`."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest
from click.testing import CliRunner

from fanio.bench import command
from fanio.bench.driver import BenchError
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
    lines = dict(line.split(maxsplit=1) for line in result.output.splitlines())
    assert lines["round_trips"] == "6"
    assert lines["p50_ms"].endswith(" ms")
    assert lines["cpu_us_per_round_trip"].endswith("µs of the server's CPU per round trip")


def test_faults_are_status_1(monkeypatch, faulty_server):
    result = bench(faulty_server("double"), "-n", "3")
    assert (result.exit_code, "lost, doubled" in result.output) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--mode", "echo", "--burst", "5", "http://127.0.0.1:9"], "--burst says nothing in mode echo"),
        (["--burst", "5", "--pace", "5", "http://127.0.0.1:9"], "exclude each other"),
        (["--option", "shards", "--mode", "echo"], "expected NAME=JSON"),
        (["--option", "shards=2", "http://127.0.0.1:9"], "leave the URL out"),
        (["--mode", "shout"], "broadcast"),
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
