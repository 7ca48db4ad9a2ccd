"""Where other services are, and which of their instances is asked."""

import asyncio

import pytest

from dagc.runtime.settings import StartError
from dagc.runtime.wire.connection import Broken
from dagc.runtime.wire.peers import Peers, addresses


def test_a_service_is_found_by_its_name_or_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    assert addresses("compute-nodes") == (("compute-nodes", 8000),)
    monkeypatch.setenv("DAGC_SERVICE_COMPUTE_NODES", "http://one:81, http://[::1]:82")
    assert addresses("compute-nodes") == (("one", 81), ("::1", 82))


@pytest.mark.parametrize("text", ["one:81", "https://one", "http://", "http://one/path", "http://one:port", ","])
def test_what_is_no_address_is_told_at_the_start(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGC_SERVICE_COMPUTE", text)
    with pytest.raises(StartError, match="DAGC_SERVICE_COMPUTE"):
        addresses("compute")


def test_an_instance_that_is_down_is_passed_over() -> None:
    async def found() -> int:
        server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
        port: int = server.sockets[0].getsockname()[1]
        peers = Peers((("127.0.0.1", 1), ("127.0.0.1", port)))
        connections = [await peers.connection() for _ in range(4)]
        peers.close()
        server.close()
        return len(set(connections))

    assert asyncio.run(found()) == 1


def test_where_no_instance_can_be_reached_it_is_said_at_once() -> None:
    async def asked() -> None:
        peers = Peers((("127.0.0.1", 1),))
        for _ in range(3):
            with pytest.raises(Broken):
                await peers.connection()

    asyncio.run(asked())
