"""The Socket.IO server: calls handlers for the core's events, and sends events and acknowledgements."""
