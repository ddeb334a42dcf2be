"""The client's side: connections out of this process, and what keeps them up."""
