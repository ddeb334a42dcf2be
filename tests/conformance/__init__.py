"""The wire, clause by clause, on real sockets with literal bytes."""
