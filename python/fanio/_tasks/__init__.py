"""How handlers run on the event loop: tasks, their limits, order per session, and failures."""
