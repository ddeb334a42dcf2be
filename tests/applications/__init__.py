"""Applications and frameworks written for python-socketio, run unchanged and driven by real clients."""
