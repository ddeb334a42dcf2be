"""The lookup of a namespace object's methods."""

from __future__ import annotations

import pytest

from fanio.async_namespace import AsyncClientNamespace, AsyncNamespace
from fanio.base_namespace import BaseNamespace


class Own(AsyncClientNamespace):
    """Dispatches by itself."""

    async def trigger_event(self, event, *args):
        return (event, *args)


class Methods(AsyncClientNamespace):
    """Has a plain and a coroutine method."""

    def on_plain(self, value):
        return value

    async def on_waits(self, value):
        return [value]

    def on_disconnect(self):
        return "gone"


def test_only_a_trigger_event_of_the_application_counts_as_overridden():
    assert Own().is_overridden()
    assert not Methods().is_overridden()
    assert not AsyncNamespace("/x").is_overridden()


async def test_methods_may_be_plain_or_coroutines():
    namespace = Methods()
    assert await namespace.trigger_event("plain", 1) == 1
    assert await namespace.trigger_event("waits", 1) == [1]
    assert await namespace.trigger_event("nothing") is None


async def test_a_disconnect_method_may_leave_out_the_reason():
    assert await Methods().trigger_event("disconnect", "transport close") == "gone"


def test_unknown_names_are_not_kept():
    namespace = Methods()
    for number in range(100):
        assert namespace.method(f"e{number}") is None
    assert not namespace.__dict__.get("_methods")


def test_the_base_has_no_dispatch_of_its_own():
    with pytest.raises(NotImplementedError):
        BaseNamespace().trigger_event("x")
