"""The doors: ways in which connections reach the shards, directly or through an ASGI server (docs/doors.md)."""
