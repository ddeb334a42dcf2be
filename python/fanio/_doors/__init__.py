"""How connections reach the shards: as the event loop's listener, or through any ASGI server."""
