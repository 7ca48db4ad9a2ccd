"""Stores of values by key: the same calls on SQLite and on a real Redis."""

import asyncio
import time
from pathlib import Path

import pytest
from pydantic import BaseModel

from dagc.resources import (
    KeyValue,
    ResourceError,
    ResourceGarbled,
    ResourceRefused,
    ResourceTimeout,
    ResourceUnavailable,
)
from tests.resources.servers import Server, redis
from tests.running import free_port

pytestmark = pytest.mark.port


class Features(BaseModel):
    visits: int
    spent: float = 0.0


@pytest.fixture(params=["sqlite", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KeyValue:
    url = f"sqlite:///{tmp_path}/features.db"
    if request.param == "redis":
        server: Server = request.getfixturevalue("redis_server")
        url = f"redis://:canary-secret@127.0.0.1:{server.port}/0"
    monkeypatch.setenv("FEATURES_URL", url)
    return KeyValue("FEATURES_URL", folder=tmp_path)


def test_values_come_back_as_they_were_or_as_the_type_that_is_wanted(store: KeyValue) -> None:
    async def asked() -> None:
        await store.delete("user:1", "user:2", "raw")
        await store.put("user:1", Features(visits=3, spent=1.5))
        await store.put("user:2", {"visits": 4})
        await store.put("raw", b"\x00\xff")
        assert await store.get("user:1") == {"visits": 3, "spent": 1.5}
        assert await store.get("user:1", Features) == Features(visits=3, spent=1.5)
        assert await store.get("raw", bytes) == b"\x00\xff"
        assert await store.get("nobody") is None and await store.get("nobody", Features) is None
        many = await store.get_many(["user:2", "nobody", "user:1"], Features)
        assert [each and each.visits for each in many] == [4, None, 3]
        assert await store.get_many([]) == []
        assert await store.delete("user:1", "nobody") == 1
        assert await store.get("user:1") is None

    asyncio.run(asked())


def test_a_value_with_an_end_is_gone_after_it(store: KeyValue) -> None:
    async def asked() -> None:
        await store.put("short", 1, ttl_s=0.05)
        await store.put("long", 1, ttl_s=60)
        await asyncio.sleep(0.2)
        assert await store.get_many(["short", "long"]) == [None, 1]

    asyncio.run(asked())


def test_what_is_no_json_or_another_type_is_told_without_the_value(store: KeyValue) -> None:
    async def asked() -> None:
        await store.put("raw", b"canary-value")
        for wanted in (Features, int):
            with pytest.raises(ResourceGarbled) as garbled:
                await store.get("raw", wanted)
            assert "canary" not in str(garbled.value)
        with pytest.raises(ResourceGarbled):
            await store.get("raw")
        with pytest.raises(TypeError):
            await store.put("raw", object())

    asyncio.run(asked())


def test_what_a_key_holds_besides_values_is_refused(
    redis_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import redis as client

    with client.Redis(port=redis_server.port, password="canary-secret") as plain:
        plain.delete("list")
        plain.rpush("list", "a")
    monkeypatch.setenv("F", f"redis://:canary-secret@127.0.0.1:{redis_server.port}")

    async def asked() -> None:
        with pytest.raises(ResourceRefused):
            await KeyValue("F", folder=tmp_path).get("list")

    asyncio.run(asked())


def test_a_server_that_freezes_stops_or_is_not_there_is_told_in_time_and_found_again(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = redis(folder / "frozen-redis")
    server.start()
    monkeypatch.setenv("F", f"redis://:canary-secret@127.0.0.1:{server.port}")
    store = KeyValue("F", folder=tmp_path, timeout_s=20)

    async def asked() -> None:
        await asyncio.gather(*(store.put(f"k{n}", n) for n in range(10)))
        server.freeze()
        store.timeout_s = 0.3
        begun = time.perf_counter()
        with pytest.raises(ResourceTimeout):
            await store.get("k1")
        assert time.perf_counter() - begun < 10
        store.timeout_s = 20
        server.thaw()
        assert await store.get("k1") == 1
        server.stop()
        with pytest.raises(ResourceUnavailable):
            await store.get("k1")
        server.start()
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                assert await store.get("k1") is None
                return
            except ResourceError:
                await asyncio.sleep(0.1)
        pytest.fail("it has not healed within a minute")

    try:
        asyncio.run(asked())
    finally:
        server.stop()


def test_wrong_passwords_and_closed_ports_are_no_answer(
    redis_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def asked() -> None:
        for port, password in ((redis_server.port, "canary-wrong"), (free_port(), "canary-secret")):
            monkeypatch.setenv("F", f"redis://:{password}@127.0.0.1:{port}")
            with pytest.raises(ResourceUnavailable) as failed:
                await KeyValue("F", folder=tmp_path, timeout_s=30).get("k")
            assert "canary" not in str(failed.value)

    asyncio.run(asked())


def test_more_calls_than_connections_wait_for_one(
    redis_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("F", f"redis://:canary-secret@127.0.0.1:{redis_server.port}")
    store = KeyValue("F", folder=tmp_path, connections=2)

    async def asked() -> None:
        await store.put("k", 1)
        assert await asyncio.gather(*(store.get("k") for _ in range(50))) == [1] * 50

    asyncio.run(asked())


def test_the_embedded_default_is_for_reading(tmp_path: Path) -> None:
    import os

    os.environ.pop("NOT_SET", None)

    async def asked() -> None:
        kept = KeyValue("NOT_SET", default=f"sqlite:///{tmp_path}/features.db", folder=tmp_path)
        with pytest.raises(ResourceRefused, match="set `NOT_SET`"):
            await kept.put("k", 1)
        memory = KeyValue("NOT_SET", default="sqlite://", folder=tmp_path)
        await memory.put("k", [1])
        assert await memory.get("k", list[int]) == [1]

    asyncio.run(asked())
