"""`batch_axes=`: mistakes are told at the declaration, and types are those of one example."""

from pathlib import Path

import pytest

from tests.dsl.conftest import Loads
from tests.dsl.user_files import HEADER
from tests.models.batched_elsewhere import voice

pytestmark = pytest.mark.ort

ABOVE = HEADER.count("\n")

GRAPH = """class Heard(NamedTuple):
    output: Annotated[NDArray[np.float32], f32(1)]
    stateN: Annotated[NDArray[np.float32], f32(2, 4)]


vad = dagc.onnx("models/voice.onnx", returns=Heard{})


@dagc.graph
def listen(
    sound: Annotated[NDArray[np.float32], f32(8)], state: Annotated[NDArray[np.float32], f32(2, 4)], rate: int
) -> Annotated[NDArray[np.float32], f32(2, 4)]:
    return vad(sound, state, rate).stateN
"""
DECLARED = 6
"""The line of the model in the graph."""

AXES = '{"state": 1, "stateN": 1, "sr": None}'


@pytest.fixture
def folder(folder: Path) -> Path:
    (folder / "models" / "voice.onnx").write_bytes(voice().SerializeToString())
    return folder


@pytest.mark.parametrize("sizes", ["", ', inputs={"input": f32(8), "state": f32(2, 4)}'])
def test_examples_have_the_axes_of_the_file_without_the_batchs(load_text: Loads, sizes: str) -> None:
    (traced,), report = load_text(GRAPH.format(f", batch_axes={AXES}{sizes}"))
    assert not report.diagnostics
    (key,) = traced.models.values()
    assert traced.store.shared_inputs(key) == {"sr"}


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (
            "",
            "E0405",
            "input `state` has no batch axis: axis 0 of `f32[2, N, 4]` is fixed to 2, and the batch seems",
        ),
        ('batch_axes={"stat": 1}', "E0460", "model `voice.onnx` has no input or output `stat`"),
        ('batch_axes={"state": 3}', "E0461", "input `state` has no axis 3: it has 3, counted from 0"),
        ('batch_axes={"state": -2}', "E0132", "`batch_axes=` says of `state` `-2`, and an axis is 0"),
        (
            'batch_axes={"state": True}',
            "E0132",
            "`batch_axes=` says of `state` `True`, and an axis is 0",
        ),
        ('batch_axes={"state": "1"}', "E0132", "`batch_axes=` says of `state` `'1'`, and an axis is 0"),
        ("batch_axes=[1]", "E0132", "`batch_axes=` maps names of inputs and outputs to axes"),
        ("batch_axes={1: 1}", "E0132", "`batch_axes=` names inputs and outputs, and `1` is no name"),
        (f"batch_axes={AXES}, reload=True", "E0132", "`batch_axes=` and `reload=True` do not go together"),
        (f'batch_axes={AXES}, inputs={{"state": f32(2, 1, 4)}}', "E0132", "input `state` of `vad` is not what"),
    ],
)
def test_a_mistake_is_told_at_the_declaration(load_text: Loads, options: str, code: str, message: str) -> None:
    _, report = load_text(GRAPH.format(f", {options}" if options else ""))
    (error,) = report.errors
    assert error.code == code
    assert error.message.startswith(message)
    assert error.span is not None
    assert error.span.line - ABOVE == DECLARED
