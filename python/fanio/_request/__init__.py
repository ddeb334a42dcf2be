"""HTTP requests as the application sees them: head, environ, trusted proxies, and the decision about handshakes."""
