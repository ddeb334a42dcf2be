"""Converts Python values to packets and back: JSON, msgpack, packet classes, room names."""
