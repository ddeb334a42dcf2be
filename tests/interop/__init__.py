"""Clients of other libraries against our server, and our clients against other servers."""
