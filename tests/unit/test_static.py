"""URL paths become files as python-socketio's mapping says, and never leave their directory."""

from __future__ import annotations

import pytest
from engineio.static_files import get_static_file

from fanio._doors.static import find_file

FILES = {
    "/": "index.html",
    "/one.html": "/srv/one.html",
    "/typed": {"filename": "/srv/typed.bin", "content_type": "x/y"},
    "/static": "/srv/static",
    "/slash/": "/srv/slash/",
    "/dir": {"filename": "/srv/dir"},
}
PATHS = [
    "/",
    "/one.html",
    "/typed",
    "/static/a.css",
    "/static/b/c.js",
    "/static/a.unknown",
    "/static/x.json",
    "/slash/a.png",
    "/dir/t.txt",
    "/one.html/x",
]


@pytest.mark.parametrize("files", [FILES, {**FILES, "": "default.html"}])
@pytest.mark.parametrize("path", PATHS)
def test_same_file_as_python_socketio(path, files):
    theirs = get_static_file(path, files)
    ours = find_file(path, files)
    assert (ours and ours[0]) == (theirs and theirs["filename"])
    if theirs and theirs["content_type"] != "application/octet-stream":
        assert ours[1] == theirs["content_type"]


def test_nothing_mapped_is_nothing_found():
    assert find_file("/nothing", {"/static": "/srv"}) is None


@pytest.mark.parametrize("default", ["main.html", {"filename": "main.html", "content_type": "x/z"}, None])
def test_directory_means_its_default_file(default):
    files = {"/static/": "/srv/static/", **({"": default} if default else {})}
    theirs = get_static_file("/static/", files)
    assert find_file("/static/", files) == (theirs["filename"], theirs["content_type"])


@pytest.mark.parametrize(
    "path", ["/static/../secret", "/static/a/../../secret", "/static/..", "/static/a\x00b", "/static/..\\secret"]
)
def test_nothing_outside_is_named(path):
    assert find_file(path, FILES) is None


def test_other_types_are_guessed():
    assert find_file("/static/a.svg", FILES) == ("/srv/static/a.svg", "image/svg+xml")
    assert find_file("/static/a.nothing", FILES) == ("/srv/static/a.nothing", "application/octet-stream")
