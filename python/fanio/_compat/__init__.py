"""Compatibility: python-socketio's names that fanio lacks, and fanio as ``socketio`` and ``engineio``."""
