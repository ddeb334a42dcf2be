"""The namespace class of the sync client."""

from __future__ import annotations

import fanio


def test_a_plain_namespace_dispatches():
    class Chat(fanio.ClientNamespace):
        def on_line(self, text):
            return text.upper()

        def on_disconnect(self):
            return "gone"

    chat = Chat("/chat")
    assert chat.trigger_event("line", "x") == "X"
    assert chat.trigger_event("disconnect", "transport close") == "gone"
    assert chat.trigger_event("other") is None
