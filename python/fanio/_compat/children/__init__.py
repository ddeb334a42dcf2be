"""A folder for PYTHONPATH: what is in it concerns the Python processes that a program starts."""
