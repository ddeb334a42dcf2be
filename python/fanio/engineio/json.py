"""The default JSON module of packets: ``engineio.json`` of python-engineio."""

from __future__ import annotations

from fanio._codec.standard_json import *  # noqa: F403 (this module is its public name)
