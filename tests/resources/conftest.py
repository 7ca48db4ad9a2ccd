"""Servers for the tests of resources: each is started when it is first asked for, and stopped by its process."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.resources.misbehaving import Misbehaving, misbehaving
from tests.resources.servers import Server, postgres, redis


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """A folder that another user may enter, whose path is short enough for anything."""
    with tempfile.TemporaryDirectory(prefix="dagc-servers-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


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
