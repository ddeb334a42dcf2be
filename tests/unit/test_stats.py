"""The server's counts: their structure and their sums."""

from __future__ import annotations

from typing import get_type_hints

import fanio
from fanio import stats


def test_the_form_is_as_declared(core):
    found = stats.collect(core)
    assert list(found) == [*get_type_hints(stats.ShardStats), "shards", "cluster"]
    assert found["cluster"] is None
    assert [list(shard) for shard in found["shards"]] == [list(get_type_hints(stats.ShardStats))] * 2
    assert list(found["drops"]) == list(get_type_hints(stats.Drops))
    assert list(found["connections"]) == list(get_type_hints(stats.Connections))


def test_shards_are_added_up(core):
    found = stats.collect(core)
    first, second = found["shards"]
    assert found["packets"] == first["packets"] + second["packets"] > 0
    assert second["bytes_sent"] == 10 * first["bytes_sent"]
    assert found["coalescing"] == found["packets"] / found["deliveries"]


def test_closes_have_the_reasons_of_handlers(core):
    reasons = {value for name, value in vars(fanio.Reason).items() if name.isupper()}
    assert set(stats.collect(core)["closes"]) == reasons


def test_a_server_that_is_not_served_has_no_numbers():
    found = fanio.AsyncServer().stats()
    assert (found["shards"], found["packets"], found["coalescing"], found["closes"]) == ([], 0, 0.0, {})
