"""How handler functions are registered, found and called; for servers and clients."""
