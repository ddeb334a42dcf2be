"""The same programs on python-socketio and on fanio, and what a raw client sees of each."""
