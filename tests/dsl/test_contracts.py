"""Sizes that a declaration or a call promises are run: what the model refuses is told at that very line."""

from pathlib import Path

import pytest
from onnx import parser

from tests.dsl.conftest import Loads
from tests.dsl.user_files import HEADER
from tests.models.test_real_models import FILES, installed

pytestmark = pytest.mark.ort

SIXTEEN = f"""<ir_version: 9, opset_import: ["" : 17]>
g (float[N,T] x) => (float[N,M] y) <float[16,16] w = {{{",".join(["0.5"] * 256)}}}> {{ y = MatMul(x, w) }}"""
"""It says that it takes any number of columns, and takes 16."""

ABOVE = HEADER.count("\n")

GRAPH = """wide = dagc.onnx("models/sixteen.onnx"{})


@dagc.graph
def turn(x: Annotated[NDArray[np.float32], f32({})]) -> Annotated[NDArray[np.float32], f32(16)]:
    return wide(x)
"""


@pytest.fixture
def folder(folder: Path) -> Path:
    (folder / "models" / "sixteen.onnx").write_bytes(parser.parse_model(SIXTEEN).SerializeToString())
    (folder / "models" / "recognition.onnx").write_bytes(installed(*FILES["recognition"]).read_bytes())
    return folder


@pytest.mark.parametrize(
    ("declared", "called", "told"),
    [
        ("", 16, []),
        (', inputs={"x": f32(16)}', 16, []),
        (', inputs={"x": f32(20)}', 20, [("E0410", 1)]),
        ("", 20, [("E0410", 6)]),
        (', inputs={"x": f32(16)}', 20, [("E0445", 6)]),
    ],
)
def test_a_size_the_model_refuses_is_told_where_it_is_promised(
    load_text: Loads, declared: str, called: int, told: list[tuple[str, int]]
) -> None:
    _, report = load_text(GRAPH.format(declared, called))
    assert [(d.code, d.span.line - ABOVE) for d in report.errors if d.span] == told


def test_what_a_model_gives_follows_from_the_sizes_of_the_call(load_text: Loads) -> None:
    (traced,), report = load_text("""recognise = dagc.onnx("models/recognition.onnx")


@dagc.graph
def read(x: Annotated[NDArray[np.float32], f32(3, 48, 320)]) -> Annotated[NDArray[np.float32], f32(40, 6625)]:
    return recognise(x)
""")
    assert not report.diagnostics
    assert [str(value.type) for node in traced.graph.nodes for value in node.outputs] == ["f32[40, 6625]"]


def test_models_are_found_for_the_lock_wherever_they_are_kept(load_text: Loads) -> None:
    (traced,), report = load_text("""CHOICES = {"mean": [dagc.onnx("models/score.onnx")]}


@dagc.graph
def rate(payment: Payment) -> Score:
    return CHOICES["mean"][0](encode(payment))
""")
    assert not report.diagnostics
    assert list(traced.models) == ["models/score.onnx"]
