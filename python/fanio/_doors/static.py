"""Finds the file for a URL path in the mapping ``static_files`` of an ASGIApp.

The mapping is python-socketio's. It maps a URL path to a file or a directory, given as text or as a dictionary with
``filename`` and ``content_type``. The URL path of a directory itself serves the file of the key "", or ``index.html``.
Files outside a mapped directory are never found.
"""

from __future__ import annotations

import mimetypes
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fanio.types import StaticFiles

__all__ = ["CONTENT_TYPES", "find_file"]

#: Content types by extension, as in python-socketio. An application may add some, with the name
#: ``engineio.static_files.content_types``. The standard library guesses all others.
CONTENT_TYPES = {
    "css": "text/css",
    "gif": "image/gif",
    "html": "text/html",
    "jpg": "image/jpeg",
    "js": "application/javascript",
    "json": "application/json",
    "png": "image/png",
    "txt": "text/plain",
}


def find_file(path: str, files: StaticFiles) -> tuple[str, str] | None:
    """Return the file name and content type for a URL path; None when nothing is mapped."""
    found = _entry(path, files)
    if found is None:
        return None
    entry, rest = found
    name = _name(entry) if entry else ""
    # Without a name, the rest of the path would be searched from the root of the file system.
    if not name or "\x00" in rest or "\\" in rest or ".." in rest.split("/"):
        return None
    if name.endswith("/"):
        name += rest.lstrip("/")
    elif rest:
        name += "/" + rest.lstrip("/")
    kind = None if isinstance(entry, str) else entry.get("content_type")
    if name.endswith("/"):
        default = files.get("", "index.html")
        name += _name(default)
        kind = kind if isinstance(default, str) else default.get("content_type", kind)
    return name, kind or _guess(name)


def _entry(path: str, files: StaticFiles) -> tuple[str | dict[str, str], str] | None:
    """Return the entry of the longest mapped prefix, and the rest of the path."""
    if path in files:
        return files[path], ""
    head = path
    while "/" in head:
        head = head.rpartition("/")[0]
        for key in (head, head + "/"):
            if key in files:
                return files[key], path[len(head) :]
    return None


def _name(entry: str | dict[str, str]) -> str:
    return entry if isinstance(entry, str) else entry["filename"]


def _guess(name: str) -> str:
    extension = name.rpartition(".")[2]
    known = CONTENT_TYPES.get(extension) or mimetypes.guess_type(name)[0]
    return known or "application/octet-stream"
