"""Several servers over Redis: fanio's, python-socketio's and Node's."""
