"""From the core's events to the program's handlers, and back to acknowledgements."""
