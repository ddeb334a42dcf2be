"""HTTP requests as the application sees them: head, environ, proxies, and who is let in."""
