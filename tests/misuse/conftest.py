"""The folder that wrong graphs lie in, with the small models they name."""

from pathlib import Path

import pytest
from onnx import parser

from tests.dsl.user_files import MODELS

FREE = '<ir_version: 9, opset_import: ["" : 17]> g (float[N,T,8] x) => (float[N,T,8] y) { y = Neg(x) }'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with models; each test writes its `graph.py` there."""
    models = tmp_path / "models"
    models.mkdir()
    for make in MODELS:
        (models / f"{make.__name__}.onnx").write_bytes(make())
    (models / "free.onnx").write_bytes(parser.parse_model(FREE).SerializeToString())
    (models / "corrupt.onnx").write_bytes(b"not a model")
    return tmp_path
