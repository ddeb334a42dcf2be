"""Runs the tests about tasks on a second Python, because tasks differ between versions.

From 3.12 on, handlers start eagerly. The core is one file for all versions, so nothing is built. Without a
second Python this script prints a line and ends with status 0. ``SECOND_PYTHON`` names one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
HOME = ROOT / ".venv-second"
OLDEST = (3, 10)
EAGER = (3, 12)
TESTS = [
    "tests/unit",
    "tests/parity/test_parity.py",
    "tests/interop/test_async_client.py",
    "tests/interop/test_client_ends.py",
    "tests/interop/test_libraries.py",
]
#: Prints the version, or nothing on an interpreter that cannot load the core.
ASK = "import sys, sysconfig; sysconfig.get_config_var('Py_GIL_DISABLED') or print(*sys.version_info[:2])"


def candidates() -> list[str]:
    """Programs that may be a Python: the named one, or those on the path and pyenv's."""
    named = os.environ.get("SECOND_PYTHON")
    if named:
        return [named]
    on_path = [shutil.which(f"python3.{minor}") for minor in range(OLDEST[1], 30)]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    return [path for path in on_path if path] + [str(path) for path in pyenv.glob("versions/*/bin/python")]


def version(python: str) -> tuple[int, int] | None:
    """Its version; None when it does not run."""
    try:
        found = subprocess.run([python, "-c", ASK], capture_output=True, text=True, timeout=30, check=True)
        major, minor = map(int, found.stdout.split())
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return major, minor


def second() -> tuple[str, tuple[int, int]] | None:
    """The newest of those that start tasks in the other way, or of all others."""
    own = sys.version_info[:2]
    found = [(path, known) for path in candidates() if (known := version(path)) and OLDEST <= known != own]
    return max(found, key=lambda item: ((item[1] >= EAGER) != (own >= EAGER), item[1]), default=None)


def prepare(python: str, name: str) -> str:
    """The interpreter of an environment with what the tests need."""
    home = HOME / name
    own, stamp, project = str(home / "bin/python"), home / "stamp", ROOT / "pyproject.toml"
    if not stamp.exists() or stamp.stat().st_mtime < project.stat().st_mtime:
        subprocess.run([python, "-m", "venv", "--clear", home], check=True)
        install = [own, "-m", "pip", "install", "--quiet"]
        subprocess.run([*install, "--upgrade", "pip>=25.1"], check=True, cwd=ROOT)
        subprocess.run([*install, "--group", "second", "orjson", "uvicorn>=0.36", "uvloop"], check=True, cwd=ROOT)
        for packages in home.glob("lib/python*/site-packages"):
            (packages / "fanio.pth").write_text(f"{ROOT / 'python'}\n")
        stamp.touch()
    return own


def main() -> int:
    """Runs the tests; their exit status."""
    found = second()
    if found is None:
        print("SKIPPED: there is no second Python; the tests ran on this one only")
        return 0
    name = ".".join(map(str, found[1]))
    print(f"on Python {name}:", flush=True)
    command = [prepare(found[0], name), "-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
