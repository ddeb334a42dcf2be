"""`fanio bench` measures correct servers, and its report is right."""

from __future__ import annotations

import pytest

from fanio.bench import BenchError, run


@pytest.fixture(params=["fanio", "python-socketio"])
def server(request):
    """The URL and the pid of each library's server."""
    return request.getfixturevalue(f"{request.param.replace('-', '_')}_server")


def test_broadcasts_reach_every_client(server):
    url, pid = server
    report = run("broadcast", url, clients=20, count=5, size=100, pid=[pid])
    assert (report["broadcasts"], report["deliveries"]) == (5, 100)
    assert 0 < report["each_p50_ms"] <= report["each_p99_ms"] <= report["last_max_ms"]
    assert report["cpu_us_per_delivery"] > 0
    assert report["server_mib"] > 1


def test_bursts_reach_every_client(server):
    report = run("broadcast", server[0], clients=20, count=40, burst=20)
    assert (report["broadcasts"], report["deliveries"]) == (40, 800)
    assert "cpu_us_per_delivery" not in report


def test_binary_broadcasts_reach_every_client(server):
    report = run("broadcast", server[0], clients=5, count=20, burst=10, binary=True, size=1000)
    assert report["deliveries"] == 100


def test_paced_broadcasts_reach_those_that_read(server):
    report = run("broadcast", server[0], clients=10, stalled=4, count=10, pace=200)
    assert (report["stalled"], report["deliveries"]) == (4, 60)


def test_mixed_targets_get_their_own(server):
    report = run("mixed", server[0], clients=150, count=100, burst=100, warmup=0)
    assert (report["emits"], report["acks"]) == (100, 40)
    # Two to everybody, ten to one, and each of 150 clients is in three of a hundred rooms.
    assert report["deliveries"] > 40 + 2 * 150 + 10


def test_echoes_come_back(server):
    report = run("echo", server[0], clients=8, count=5)
    assert report["round_trips"] == 40
    assert report["p50_ms"] <= report["p99_ms"] <= report["max_ms"]


def test_clients_connect_at_a_rate(server):
    report = run("connect", server[0], clients=20, warmup=1, rate=1000)
    assert (report["clients"], report["connects"]) == (20, 20)


def test_idle_clients_have_a_size(server):
    url, pid = server
    seen = []
    report = run("idle", url, clients=20, settle=0.1, seconds=0.2, pid=[pid], progress=lambda *at: seen.append(at))
    assert report["clients"] == 20
    assert "kib_per_client" in report
    assert any("clients 20" in line for *_, lines in seen for line in lines)


def test_compression_that_is_declined_is_an_error(python_socketio_server):
    with pytest.raises(BenchError, match="compression was not agreed on"):
        run("broadcast", python_socketio_server[0], clients=1, deflate=True)


def test_unreachable_server_is_named():
    with pytest.raises(BenchError, match=r"cannot connect to 127\.0\.0\.1:9: .*does a server listen there"):
        run("echo", "http://127.0.0.1:9", clients=1)


def test_another_path_is_named(fanio_server):
    with pytest.raises(BenchError, match=r"answered by .*403.*path"):
        run("echo", f"{fanio_server[0]}/elsewhere/", clients=1)


@pytest.mark.parametrize(
    ("url", "text"),
    [("https://localhost", "TLS"), ("ftp://localhost", "expected http://host:port"), ("localhost:x", "localhost:x")],
)
def test_wrong_url_says_what_is_expected(url, text):
    with pytest.raises(ValueError, match=text):
        run("echo", url, clients=1)


def test_too_few_descriptors_are_reported_before_the_run():
    with pytest.raises(BenchError, match=r"need \d+ descriptors and this process may have \d+: raise the limit"):
        run("idle", "http://127.0.0.1:9", clients=10**9)


def test_unknown_options_are_refused(fanio_server):
    with pytest.raises(ValueError, match="--cleints: this command does not take it"):
        run("echo", fanio_server[0], cleints=5)
    with pytest.raises(ValueError, match="no command"):
        run("shout", fanio_server[0])


def test_a_failing_progress_ends_the_run(fanio_server):
    def progress(*_):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run("idle", fanio_server[0], clients=1, progress=progress)
