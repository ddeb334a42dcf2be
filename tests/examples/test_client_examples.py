"""Each client example runs against the examples' server, and prints what it should."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest
from test_examples import EXAMPLES, free_port, running

from fixtures.authority import Authority
from fixtures.relay import Relay

SID = "[0-9A-Za-z_-]{20}"
EXPECTED = {
    "asyncio_client.py": [
        "connected as",
        "answer: ('greet', 'hello', {'bytes': b'\\x01\\x02'})",
        "tock 2",
        "gone: client disconnect",
    ],
    "sync_client.py": ["answer: ('greet', 'hello')", "acknowledged", "tock 2 ('back', 2)"],
    "simple_client.py": ["threads: ['tock', 0] ['tock', 1]", "asyncio: ('greet', 'hello')"],
    "namespace_client.py": ["member: True", "guest: ('greet', 'hello')", "not a member any more: client disconnect"],
    "auth_client.py": [
        "refused: wrong token {'hint': 'open ...'}",
        "One or more namespaces failed to connect: /members",
        "let in",
    ],
    "retries_client.py": ["('order', 0)", "('order', 1)", "('order', 2)"],
}


@pytest.fixture(scope="module")
def url():
    with running("clients/counterpart.py") as found:
        yield found


def command(name, *args):
    return [sys.executable, str(EXAMPLES / "clients" / name), *map(str, args)]


@pytest.mark.parametrize("name", EXPECTED)
def test_the_example_says_what_it_should(url, name):
    done = subprocess.run(command(name, url), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    for line in EXPECTED[name]:
        assert line in done.stdout


def test_the_offline_example_loses_nothing():
    port = free_port()
    server = subprocess.Popen(command("counterpart.py", port))
    client = None
    try:
        for _ in range(200):
            client = subprocess.Popen(
                command("offline_client.py", f"http://127.0.0.1:{port}"),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            line = client.stdout.readline()
            if line:
                break
            client.communicate()  # the server does not listen yet
        assert line == "stop the server\n"
        server.terminate()
        server.wait(20)
        assert client.stdout.readline().startswith("away: transport ")
        assert client.stdout.readline() == "start the server\n"
        server = subprocess.Popen(command("counterpart.py", port))
        rest, errors = client.communicate(timeout=60)
        assert rest.splitlines()[0].startswith("back after")
        assert rest.splitlines()[1:4] == [f"arrived: ('kept', {number})" for number in range(3)]
        assert not errors
    finally:
        if client is not None:
            client.kill()
        server.terminate()
        server.wait(20)


async def test_the_tls_example(url, tmp_path):
    authority = Authority(tmp_path)
    async with Relay(int(url.rpartition(":")[2]), authority.server_context("127.0.0.1")) as relay:
        process = await asyncio.create_subprocess_exec(
            *command("tls_client.py", relay.url, authority.bundle), stdout=subprocess.PIPE
        )
        output, _ = await asyncio.wait_for(process.communicate(), 60)
    assert b"('greet', 'securely') over" in output
    assert process.returncode == 0
