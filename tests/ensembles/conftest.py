"""Graph files compiled, built and served, with the small models of the pages beside them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from dagc.compile import Compilation
from tests.built import WARNINGS, compiled, running
from tests.runtime.front.conftest import Process

HEAD = '''"""Rate rows."""

import asyncio
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

import dagc
from dagc import f32

Row = Annotated[NDArray[np.float32], f32(30)]
Score = Annotated[NDArray[np.float32], f32()]

scaler = dagc.onnx("models/scaler.onnx")
score = dagc.onnx("models/score.onnx")
'''

ALLOWED = WARNINGS | {"W0801"}

Compile = Callable[[str], Compilation]
Serve = Callable[[Compilation], Process]


@pytest.fixture(scope="module")
def compile_text(tmp_path_factory: pytest.TempPathFactory) -> Compile:
    return lambda text: compiled(tmp_path_factory.mktemp("graph"), HEAD + text, ALLOWED)


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    with ExitStack() as services:
        yield lambda compilation: services.enter_context(
            running(compilation, tmp_path_factory.mktemp("out") / "build")
        )
