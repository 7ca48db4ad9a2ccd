"""A real service: built and served once for all tests of the client."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import dagc, serving

GRAPH = '''"""Double a row, or refuse it."""

import asyncio
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

import dagc
from dagc import f32

Row = Annotated[NDArray[np.float32], f32(3)]


@dagc.step
async def checked(row: Row) -> Row:
    await asyncio.sleep(0.001)
    if row[0] < 0:
        raise dagc.Refuse("the first number is below 0")
    return row


@dagc.graph(deadline_s=5)
def double(row: Row) -> Row:
    """Twice the row."""
    return checked(row) * 2.0
'''


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("double")
    (folder / "graph.py").write_text(GRAPH, encoding="utf-8")
    done = dagc("build", "graph.py", "-o", "build", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "build"


@pytest.fixture(scope="session")
def address(build: Path) -> Iterator[str]:
    with serving(build / "services" / "double", "-W", "ignore") as found:
        yield found
