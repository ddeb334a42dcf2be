"""The same applications on python-socketio and on fanio, compared by what a raw client sees."""
