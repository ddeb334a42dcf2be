"""A server as one node of a cluster: what it tells the others, asks them, and answers for them."""
