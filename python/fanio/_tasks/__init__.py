"""Runs the core and the handlers on an asyncio event loop: tasks, limits, order per session, failures."""
