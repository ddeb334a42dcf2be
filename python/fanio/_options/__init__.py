"""The options of a server, checked."""
