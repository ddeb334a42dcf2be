"""The number of worker processes, from the ASGI server's configuration."""

from __future__ import annotations

import multiprocessing

import pytest
import uvicorn

import fanio
from fanio._doors import workers


class Gunicorn:
    """A gunicorn worker's configuration, as uvicorn's worker hands it on."""

    def __init__(self, count):
        self.cfg = type("Config", (), {"workers": count})()

    async def notify(self):
        raise NotImplementedError


async def plain(scope, receive, send):
    raise NotImplementedError


def count(is_worker=True, **options):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(multiprocessing, "parent_process", lambda: object() if is_worker else None)
        return workers._count_of_config(uvicorn.Config(plain, **options))


def test_uvicorns_number_counts_in_its_workers_alone():
    assert count(workers=3) == 3
    assert count(workers=3, is_worker=False) == 1
    assert count() == 1


def test_a_reloader_has_one_worker(tmp_path):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        patch.setattr(multiprocessing, "parent_process", object)
        assert workers._count_of_config(uvicorn.Config("module:app", workers=3, reload=True)) == 1


def test_gunicorns_number_counts():
    assert count(callback_notify=Gunicorn(4).notify, is_worker=False) == 4
    assert count(callback_notify=Gunicorn(1).notify, is_worker=False) == 1


@pytest.mark.parametrize("config", [None, object(), type("Config", (), {"workers": "two"})()])
def test_what_is_no_configuration_is_one_process(config, monkeypatch):
    monkeypatch.setattr(multiprocessing, "parent_process", object)
    assert workers._count_of_config(config) == 1


@pytest.mark.parametrize("name", ["uvicorn.server", "gunicorn.workers.base", "hypercorn.run", "granian.server", None])
def test_the_server_on_the_stack_is_found_while_the_application_is_imported(name, monkeypatch, caplog):
    monkeypatch.setattr(multiprocessing, "parent_process", object)
    config = type("Config", (), {"workers": 2})()
    source = "def load(self, config):\n    return make()\n"
    place = {"__name__": name, "make": fanio.AsyncServer}
    exec(source, place)
    place["load"](type("Server", (), {"config": config, "cfg": config})(), config)
    assert caplog.text.count("runs in 2 worker processes") == (name is not None)


def test_a_manager_of_ones_own_may_join_them(monkeypatch, caplog):
    class Manager(fanio.AsyncManager):
        async def emit(self, *args, **kwargs):
            raise NotImplementedError

    monkeypatch.setattr(workers, "_count_on_stack", lambda: 2)
    sio = fanio.AsyncServer(client_manager=Manager())
    assert "worker processes" not in caplog.text
    fanio.AsyncServer()
    fanio.engineio.AsyncServer()
    assert caplog.text.count("runs in 2 worker processes") == 2
    assert sio.eio._admission.log.workers == 2
