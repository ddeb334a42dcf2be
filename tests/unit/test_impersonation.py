"""`install_as_socketio`, in separate processes, because it changes what `import` returns."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

from fixtures.server import path_with

USE = """
import engineio, socketio
import engineio.payload, socketio.exceptions
from engineio.async_drivers.asgi import ASGIApp as EngineApp
from engineio.payload import Payload
from socketio import AsyncNamespace, AsyncServer, ASGIApp
from socketio.asgi import ASGIApp as Same
import fanio
assert socketio is fanio and engineio is fanio.engineio
assert ASGIApp is Same is fanio.ASGIApp and EngineApp is fanio.engineio.ASGIApp
assert socketio.exceptions is fanio.exceptions
assert socketio.__file__.endswith("__init__.py") and socketio.__spec__.name == "fanio"
Payload.max_decode_packets = 500
app = ASGIApp(AsyncServer())
import os
# In one piece, as several workers may write at once.
os.write(1, f"used {fanio.__name__}\\n".encode())
"""


def run(*arguments, script=None, cwd=None):
    """Runs Python; returns its output, and what it complained about."""
    command = [sys.executable, *arguments] if script is None else [sys.executable, "-c", textwrap.dedent(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=cwd)
    return done.stdout, done.stderr


def test_both_names_give_fanio():
    out, err = run(script="import fanio; fanio.install_as_socketio(); fanio.install_as_socketio()\n" + USE)
    assert out == "used fanio\n", err


def test_modules_that_are_nowhere_are_not_found():
    out, err = run(
        script="""
        import fanio
        fanio.install_as_socketio()
        try:
            import socketio.nothing
        except ModuleNotFoundError as error:
            print(error)
        """
    )
    assert out == "fanio stands for socketio and has no module 'socketio.nothing'\n", err


def test_it_refuses_when_the_real_one_is_loaded(tmp_path):
    pytest.importorskip("socketio")
    (tmp_path / "culprit.py").write_text("from socketio import AsyncServer\n")
    out, err = run(
        script=f"""
        import sys
        sys.path.insert(0, {str(tmp_path)!r})
        import culprit, fanio
        try:
            fanio.install_as_socketio()
        except RuntimeError as error:
            print(error)
        """
    )
    assert "socketio is loaded already, imported by culprit" in out, err


def test_exec_runs_a_script_with_its_arguments(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(USE + "import sys, neighbour; print(__name__, sys.argv[1:])\n")
    (tmp_path / "neighbour.py").write_text("import socketio\n")
    out, err = run("-m", "fanio", "exec", "--as-socketio", str(script), "--port", "1", "-m")
    assert out == "used fanio\n__main__ ['--port', '1', '-m']\n", err


def test_exec_runs_a_module(tmp_path):
    (tmp_path / "program.py").write_text("import sys, socketio; print(socketio.__name__, sys.argv[1:])\n")
    out, err = run("-m", "fanio", "exec", "--as-socketio", "-m", "program", "x", cwd=tmp_path)
    assert out == "fanio ['x']\n", err


def test_without_the_option_the_real_one_is_used(tmp_path):
    pytest.importorskip("socketio")
    script = tmp_path / "script.py"
    script.write_text("import socketio; print(socketio.__name__)\n")
    assert run("-m", "fanio", "exec", str(script))[0] == "socketio\n"


def test_run_loads_an_application_that_imports_socketio(tmp_path):
    (tmp_path / "application.py").write_text(USE + "raise SystemExit(7)\n")
    out, err = run("-m", "fanio", "run", "--as-socketio", "application:app", cwd=tmp_path)
    assert out == "used fanio\n", err


#: Starts Python in every way there is; each child says what it got, and how its environment was set up.
CHILDREN = """
import multiprocessing, subprocess, sys
TEXT = "import socketio.exceptions, sys; print(socketio.__name__, getattr(sys, 'is_set_up', False), flush=True)"

def child():
    exec(TEXT)

if __name__ == "__main__":
    for method in multiprocessing.get_all_start_methods():
        process = multiprocessing.get_context(method).Process(target=child)
        process.start()
        process.join()
    subprocess.run([sys.executable, "-c", TEXT], check=True)
    subprocess.run([sys.executable, "-c", "import sys; assert 'fanio' not in sys.modules"], check=True)
"""


def test_processes_that_the_application_starts_have_it_too(tmp_path, monkeypatch):
    (tmp_path / "program.py").write_text(CHILDREN)
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.is_set_up = True\n")
    monkeypatch.setenv("PYTHONPATH", path_with(tmp_path))
    out, err = run("-m", "fanio", "exec", "--as-socketio", "-m", "program")
    assert out.splitlines() == ["fanio True"] * 4, err


def test_a_process_without_fanio_keeps_the_real_one(tmp_path):
    (tmp_path / "socketio.py").write_text("")
    script = f"""
        import os, subprocess, sys
        from fanio._compat import impersonation
        impersonation.tell_children()
        impersonation.tell_children()
        folder, *others = os.environ["PYTHONPATH"].split(os.pathsep)
        assert folder not in others
        # The interpreter alone, with no package of the environment's.
        text = "import sys; sys.path.append({str(tmp_path)!r}); import sitecustomize, socketio as s; print(s.__file__)"
        environ = os.environ | {{"PYTHONPATH": folder}}
        subprocess.run([sys.executable, "-S", "-c", text], env=environ, check=True)
    """
    out, err = run(script=script)
    assert str(tmp_path / "socketio.py") in out, err


def test_workers_have_it_too(tmp_path):
    (tmp_path / "application.py").write_text(USE)
    command = [sys.executable, "-u", "-m", "fanio", "run", "--as-socketio", "--workers", "2", "--port", "0"]
    with subprocess.Popen([*command, "application:app"], stdout=subprocess.PIPE, text=True, cwd=tmp_path) as running:
        try:
            assert running.stdout.readline() == "used fanio\n"
        finally:
            running.terminate()
            running.wait(60)
