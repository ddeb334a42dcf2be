"""python-socketio's names that fanio lacks, and fanio under the names ``socketio`` and ``engineio``."""
