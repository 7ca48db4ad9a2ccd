"""Servers for the tests of resources: each is started when it is first asked for, and stopped by its process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.resources.misbehaving import Misbehaving, misbehaving
from tests.resources.servers import Server, postgres, redis, server_folder


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    with server_folder() as found:
        yield found


@pytest.fixture(scope="session")
def postgres_server(folder: Path) -> Iterator[Server]:
    server = postgres(folder / "postgres")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def redis_server(folder: Path) -> Iterator[Server]:
    server = redis(folder / "redis")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def service() -> Iterator[Misbehaving]:
    with misbehaving() as found:
        yield found
