"""The clients: connections to servers, reconnection, namespaces, and events in both directions."""
