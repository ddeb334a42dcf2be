"""The uvicorn versions in the tests: the oldest that is allowed, one from the middle, and the newest.

`make test` installs each into a folder of its own, `python tests/doors/versions.py`; a test puts one before the
installed one. uvicorn alone is installed there: what it needs is what the newest needs.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
HOME = ROOT / ".venv-uvicorn"
#: Between them WebSockets by the library `websockets` moved to its newer interface.
MIDDLE = "0.44.0"


def oldest() -> str:
    """The oldest version that pyproject.toml allows."""
    found = re.search(r'"uvicorn>=([\d.]+)"', (ROOT / "pyproject.toml").read_text())
    assert found
    return found[1] if found[1].count(".") == 2 else f"{found[1]}.0"


#: Folders by the version that pip is asked for; the newest has no number.
VERSIONS = {"oldest": f"uvicorn=={oldest()}", "middle": f"uvicorn=={MIDDLE}", "newest": "uvicorn"}


def main() -> int:
    """Installs them."""
    for name, requirement in VERSIONS.items():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*command, "--upgrade", "--target", HOME / name, requirement], check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
