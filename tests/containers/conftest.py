"""What container tests share: a user's folder, its builds, and the first of them deployed."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from onnx import numpy_helper, parser

from dagc.deploy.engine import Engine
from tests import running
from tests.containers.service import Service, run

GRAPH = '''"""Rate a row; a graph whose appetite can be asked for."""

from typing import Annotated

import dagc
import numpy as np
from dagc import f32
from numpy.typing import NDArray
from pydantic import BaseModel, Field

RELEASE = {release}

score = dagc.onnx("models/score.onnx")


class Row(BaseModel):
    values: Annotated[NDArray[np.float32], f32(30)]
    eats_mib: int = Field(default=0, ge=0, le=2048)


class Rating(BaseModel):
    score: float
    release: int


@dagc.step
def features(row: Row) -> Annotated[NDArray[np.float32], f32(30)]:
    eaten = bytes(row.eats_mib << 20)
    return row.values + np.float32(sum(eaten[:1]))


@dagc.step
def rating(score: float) -> Rating:
    return Rating(score=score, release=RELEASE)


@dagc.graph
def rate(row: Row) -> Rating:
    """Rate a row."""
    return rating(score(features(row)))
'''
SCORE = '<ir_version: 8, opset_import: ["" : 17]> g (float[N,30] x) => (float[N] y) { y = MatMul(x, w) }'


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder with a lock; the packages it pins exist."""
    home = tmp_path_factory.mktemp("rate")
    (home / "models").mkdir()
    score = parser.parse_model(SCORE)
    score.graph.initializer.append(numpy_helper.from_array(np.full(30, 0.5, np.float32), "w"))
    (home / "models" / "score.onnx").write_bytes(score.SerializeToString())
    (home / "graph.py").write_text(GRAPH.format(release=1), encoding="utf-8")
    run("lock", home / "graph.py")
    return home


@pytest.fixture(scope="session")
def build(folder: Path) -> Callable[[int], Path]:
    """The built tree of a release."""

    def built(release: int) -> Path:
        out = folder.parent / f"build-{folder.name}-{release}"
        if not out.is_dir():
            (folder / "graph.py").write_text(GRAPH.format(release=release), encoding="utf-8")
            run("build", folder / "graph.py", "-o", out)
        return out

    return built


@pytest.fixture(scope="session")
def engine() -> Engine:
    """The engine of the test run."""
    return Engine.connect()


@pytest.fixture
def port() -> int:
    """A port nobody listens on."""
    return running.free_port()


@pytest.fixture(scope="module")
def free_port() -> int:
    """A port nobody listens on, for all tests of a file."""
    return running.free_port()


@pytest.fixture
def deployed(engine: Engine, build: Callable[[int], Path], port: int) -> Iterator[Service]:
    """Release 1, which serves, and is gone afterwards."""
    run("deploy", build(1), "--port", port)
    yield Service(engine, port)
    run("down", "rate")
