"""`fanio run` is uvicorn's command with our loop as the default."""

from __future__ import annotations

import subprocess
import sys

import pytest
from click.testing import CliRunner
from uvicorn.main import main as uvicorn_command

import fanio
from fanio.cli import main

# `uvicorn.main` as an attribute is the command, which hides the module.
MODULE = sys.modules["uvicorn.main"]


def run(monkeypatch, *arguments):
    seen = {}
    monkeypatch.setattr(MODULE, "run", lambda app, **options: seen.update(options, app=app))
    result = CliRunner().invoke(main, ["run", *arguments])
    assert result.exit_code == 0, result.output
    return seen


def test_default_loop_is_ours(monkeypatch):
    seen = run(monkeypatch, "module:app", "--port", "1234")
    assert (seen["app"], seen["port"], seen["loop"]) == ("module:app", 1234, "fanio.loop:new_event_loop")


def test_loop_can_be_chosen(monkeypatch):
    assert run(monkeypatch, "module:app", "--loop", "asyncio")["loop"] == "asyncio"


def test_uvicorns_own_command_is_left_alone(monkeypatch):
    seen = {}
    monkeypatch.setattr(MODULE, "run", lambda app, **options: seen.update(options))
    CliRunner().invoke(uvicorn_command, ["module:app"])
    assert seen["loop"] == "auto"


def test_help_and_version():
    assert "--workers" in CliRunner().invoke(main, ["run", "--help"]).output
    assert fanio.__version__ in CliRunner().invoke(main, ["--version"]).output


@pytest.mark.parametrize(
    ("arguments", "what"),
    [(["nowhere.py"], "file: nowhere.py"), (["-m", "nowhere"], "module: nowhere"), (["-m", "os.x"], "module: os.x")],
)
def test_what_exec_does_not_find_is_named(arguments, what):
    result = CliRunner().invoke(main, ["exec", *arguments])
    assert (result.exit_code, result.output) == (1, f"Error: no such {what}\n")


def test_module_is_the_command():
    result = subprocess.run([sys.executable, "-m", "fanio", "--version"], capture_output=True, text=True, check=True)
    assert result.stdout.startswith("fanio")


@pytest.mark.parametrize("command", ["fanio run", "fanio run --lifespan off", "uvicorn"])
def test_a_server_in_place_of_an_app_ends_the_start(tmp_path, command):
    (tmp_path / "bare.py").write_text("import fanio\nsio = fanio.AsyncServer()\n")
    arguments = [sys.executable, "-m", *command.split(), "bare:sio", "--port", "0"]
    result = subprocess.run(arguments, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=30)
    assert result.returncode == 3  # so that uvicorn's supervisor starts no other worker
    assert "wrap it, as in `app = ASGIApp(sio)`" in result.stderr
    assert "Traceback" not in result.stderr
