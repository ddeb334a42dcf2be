"""Handler functions: how they are registered, found and called. For servers and clients."""
