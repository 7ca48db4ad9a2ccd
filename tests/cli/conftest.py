"""A small folder of the user's: one right graph, one with a mistake, and one model."""

from pathlib import Path

import pytest

from tests.dsl.user_files import score

RIGHT = '''"""Rate a row."""

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

import dagc
from dagc import f32

score = dagc.onnx("models/score.onnx")


@dagc.graph(deadline_s=5)
def rate(row: Annotated[NDArray[np.float32], f32(30)]) -> Annotated[NDArray[np.float32], f32()]:
    """The mean of a row."""
    return score(row)
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Its `graph.py` is right, its `wrong.py` gives E0203."""
    home = tmp_path / "home"
    (home / "models").mkdir(parents=True)
    (home / "models" / "score.onnx").write_bytes(score())
    (home / "graph.py").write_text(RIGHT, encoding="utf-8")
    (home / "wrong.py").write_text(RIGHT.replace("f32(30)", "f32(28)"), encoding="utf-8")
    return home
