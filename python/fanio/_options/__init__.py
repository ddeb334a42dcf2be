"""The options of a server: their types, defaults and checks."""
