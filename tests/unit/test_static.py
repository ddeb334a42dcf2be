"""URL paths are mapped to files as in python-socketio, and never leave their directory."""

from __future__ import annotations

import itertools

import pytest
import socketio
from asgi_client import scope
from engineio.static_files import get_static_file

import fanio
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


def test_an_entry_without_a_name_is_not_the_root_of_the_file_system(tmp_path):
    (tmp_path / "a.txt").write_text("a")
    for entry in ("", None, {}, {"filename": ""}):
        assert find_file(f"{tmp_path}/a.txt", {"": entry}) is None
        assert find_file(f"/x{tmp_path}/a.txt", {"/x": entry}) is None


TREE = {
    "index.html": "<i>",
    "main.html": "<m>",
    "pub/index.html": "<p>",
    "pub/main.html": "<pm>",
    "pub/a.js": "a=1",
    "pub/sub/b.css": "b{}",
    "pub/sub/index.html": "<s>",
    "pub/c d.txt": "c",
    "pub/noext": "n",
}
MAPPINGS = {
    "empty key": {"": "pub"},
    "empty key, slash": {"": "pub/"},
    "empty key, file": {"": "main.html"},
    "root": {"/": "pub"},
    "root, slash": {"/": "pub/"},
    "root, file": {"/": "index.html"},
    "root, typed file": {"/": {"filename": "index.html", "content_type": "text/plain"}},
    "root and empty key": {"/": "pub/", "": "main.html"},
    "root and typed empty key": {"/": "pub/", "": {"filename": "main.html", "content_type": "x/y"}},
    "root and untyped empty key": {"/": {"filename": "pub/", "content_type": "x/z"}, "": {"filename": "main.html"}},
    "prefix": {"/static": "pub"},
    "prefix, slash": {"/static": "pub/"},
    "prefix with slash": {"/static/": "pub"},
    "prefix with slash, slash": {"/static/": "pub/"},
    "prefix, typed": {"/static": {"filename": "pub", "content_type": "x/y"}},
    "prefix and file in it": {"/static": "pub", "/static/a.js": "main.html"},
    "prefix and prefix in it": {"/static": "pub", "/static/sub": "pub"},
    "prefix and root": {"/static": "pub", "/": "index.html"},
    "without the first slash": {"static": "pub"},
    "absent": {"/static": "nothing"},
    "nothing": {},
}
URLS = [
    "/",
    "",
    "/a.js",
    "/sub/b.css",
    "/sub/",
    "/sub",
    "/c d.txt",
    "/noext",
    "/pub/a.js",
    "/index.html",
    "/static",
    "/static/",
    "/static/a.js",
    "/static//a.js",
    "/static/sub",
    "/static/sub/",
    "/static/sub/b.css",
    "/static/missing.js",
    "/statics/a.js",
    "/static/sub/../a.js",
    "/missing",
]


async def answer(app, url):
    """Status, type and body; None where the app raises."""
    said = []

    async def receive():
        return {"type": "http.request", "body": b""}

    async def send(message):
        said.append(message)

    try:
        await app(scope("http", url), receive, send)
    except IsADirectoryError:
        return None
    types = [value for name, value in said[0]["headers"] if name.lower() == b"content-type"]
    return said[0]["status"], *types, said[1]["body"]


@pytest.mark.parametrize("name", MAPPINGS)
async def test_every_url_means_the_same_as_in_python_socketio(tmp_path, monkeypatch, name):
    """But for a directory without a slash, over which python-socketio raises: here it is not found."""
    for file, text in TREE.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(text)
    monkeypatch.chdir(tmp_path)
    files = MAPPINGS[name]
    absolute = {
        key: {**value, "filename": f"{tmp_path}/{value['filename']}"}
        if isinstance(value, dict)
        else f"{tmp_path}/{value}"
        for key, value in files.items()
        if key
    }
    for mapping, url in itertools.product((files, absolute), URLS):
        theirs = await answer(socketio.ASGIApp(socketio.AsyncServer(async_mode="asgi"), static_files=mapping), url)
        ours = await answer(fanio.ASGIApp(fanio.AsyncServer(), static_files=mapping), url)
        assert ours == (theirs or (404, b"text/plain", b"Not Found")), (mapping, url)
