"""Models whose batch lies elsewhere: brought into normal form they give what they gave, and rows stay apart."""

from collections.abc import Mapping

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import parser

from dagc.models.merge import Part, merge
from dagc.models.model_error import ModelError
from dagc.models.optimise import optimise
from dagc.models.prune import prune
from dagc.models.read import contract, examined
from dagc.models.runner import Runner
from dagc.models.shared_inputs import READS
from dagc.models.store import ModelStore
from tests.models.batched_elsewhere import LSTM_AXES, VOICE_AXES, sequence_first, voice

pytestmark = pytest.mark.ort

Array = NDArray[np.generic]


def normal(proto: onnx.ModelProto, axes: Mapping[str, int | None]) -> bytes:
    return examined(proto.SerializeToString(), "model.onnx", batch_axes=axes)


def known(model: bytes) -> tuple[ModelStore, str]:
    store = ModelStore()
    return store, store.add(model)


def ports(model: bytes) -> list[str]:
    store, key = known(model)
    found = store.signature(key)
    return [f"{port.name}: {port.type}" for port in (*found.inputs, *found.outputs)]


def refusal(proto: onnx.ModelProto, axes: Mapping[str, int | None]) -> ModelError:
    with pytest.raises(ModelError) as error:
        normal(proto, axes)
    return error.value


def small(ports: str, body: str) -> onnx.ModelProto:
    return parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]> g {ports} {{ {body} }}')


def same(left: Array, right: Array) -> bool:
    """Equal but for the order of sums, which is another for many rows: f32 with some ten terms each."""
    return left.shape == right.shape and bool(np.allclose(left, right, rtol=1e-5, atol=1e-6))


def test_a_recurrent_model_with_its_sequence_first_serves_batches() -> None:
    model = normal(sequence_first(), LSTM_AXES)
    state = "f32[N, 1, 4]"
    assert ports(model) == [
        "x: f32[N, T, 3]", f"h0: {state}", f"c0: {state}", "y: f32[N, T, 4]", f"hn: {state}", f"cn: {state}",
    ]  # fmt: skip
    store, key = known(model)
    assert store.mixing(key) is None
    assert store.shared_inputs(key) == frozenset()
    random = np.random.default_rng(1)
    given = {name: random.normal(size=shape).astype(np.float32) for name, shape in SHAPES.items()}
    as_exported = Runner(sequence_first().SerializeToString()).run(
        {name: np.moveaxis(array, 0, 1) for name, array in given.items()}, ("y", "hn", "cn")
    )
    together = Runner(model).run(given, ("y", "hn", "cn"))
    for exported, found in zip(as_exported, together, strict=True):
        np.testing.assert_array_equal(np.moveaxis(exported, 1, 0), found)
    for row in range(5):
        alone = Runner(model).run({name: array[row : row + 1] for name, array in given.items()}, ("y", "hn", "cn"))
        assert all(same(one[0], many[row]) for one, many in zip(alone, together, strict=True))


SHAPES = {"x": (5, 7, 3), "h0": (5, 1, 4), "c0": (5, 1, 4)}


def test_requests_that_agree_on_what_has_no_batch_share_a_run() -> None:
    model = normal(voice(), VOICE_AXES)
    assert ports(model) == [
        "input: f32[N, S]", "state: f32[N, 2, 4]", "sr: i64[N]", "output: f32[N, 1]", "stateN: f32[N, 2, 4]",
    ]  # fmt: skip
    store, key = known(model)
    assert store.mixing(key) is None
    assert store.shared_inputs(key) == {"sr"}
    random = np.random.default_rng(2)
    given = {
        "input": random.normal(size=(6, 8)).astype(np.float32),
        "state": random.normal(size=(6, 2, 4)).astype(np.float32),
    }
    exported = Runner(voice().SerializeToString())
    for rate in (8_000, 16_000):
        together = Runner(model).run({**given, "sr": np.full(6, rate)}, ("output", "stateN"))
        for row in range(6):
            lone = {"input": given["input"][row : row + 1], "state": given["state"][row][:, np.newaxis]}
            output, state = exported.run({**lone, "sr": np.array(rate)}, ("output", "stateN"))
            assert same(output[0], together[0][row])
            assert same(state[:, 0], together[1][row])


def test_what_requests_agree_on_survives_pruning_merging_and_optimising() -> None:
    model = normal(voice(), VOICE_AXES)
    store = ModelStore()
    pruned = store.add(prune(model, ["output"]))
    assert (store.mixing(pruned), store.shared_inputs(pruned)) == (None, {"sr"})
    feeds = (("input", "audio"), ("state", "state"), ("sr", "rate"))
    parts = [Part(name, model, feeds, (("output", name),)) for name in ("first", "second")]
    merged = store.add(merge(parts, ("audio", "state", "rate"), ("first", "second"), "twice"))
    assert (store.mixing(merged), store.shared_inputs(merged)) == (None, {"rate"})
    better = store.add_rewritten(optimise(store.get(merged)), merged)
    assert (store.mixing(better), store.shared_inputs(better)) == (None, {"rate"})


def test_a_rate_that_another_part_computes_is_not_agreed_on_and_mixes_rows() -> None:
    model = normal(voice(), VOICE_AXES)
    doubled = small("(int64[N] x) => (int64[N] y)", "y = Add(x, x)").SerializeToString()
    feeds = (("input", "audio"), ("state", "state"), ("sr", "double"))
    parts = [
        Part("double", doubled, (("x", "rate"),), (("y", "double"),)),
        Part("vad", model, feeds, (("output", "o"),)),
    ]
    store = ModelStore()
    merged = store.add(merge(parts, ("rate", "audio", "state"), ("o",), "behind"))
    assert store.shared_inputs(merged) == frozenset()
    assert f"vad/{READS}sr` over axis 0 mixes rows" in (store.mixing(merged) or "")


@pytest.mark.parametrize(
    "body",
    [
        "<int64 i = {1}> { row = Gather<axis = 0>(x, i) y = Add(x, row) }",
        "<int64[1] i = {0}> { row = Gather<axis = 0>(x, i) y = Add(x, row) }",
        "<int64 i = {0}> { row = Gather<axis = 1>(x, i) y = Add(x, row) }",
        "<int64 i = {0}> { row = Gather(x) y = Add(x, row) }",
        "<float i = {0}> { row = Gather(x, i) y = Add(x, row) }",
        "<int64 i = {0}> { row = ReduceSum<keepdims = 0>(x, i) y = Add(x, row) }",
    ],
)
def test_a_node_that_only_has_the_name_is_looked_at_as_any_other(body: str) -> None:
    forged = parser.parse_model(
        f'<ir_version: 8, opset_import: ["" : 17]> g (float[N,3] x) => (float[N,3] y) {body}'
    )
    forged.graph.node[0].name = f"{READS}x"
    store, key = known(forged.SerializeToString())
    assert store.shared_inputs(key) == frozenset()
    assert f"{READS}x`" in (store.mixing(key) or "") or "giving `y`" in (store.mixing(key) or "")


def test_sizes_that_are_declared_are_run_in_the_normal_form() -> None:
    model = normal(sequence_first(), LSTM_AXES)
    found = contract(model, {"x": (9, 3)}, "lstm")
    assert [str(found.example(port)) for port in found.outputs] == ["f32[9, 4]", "f32[1, 4]", "f32[1, 4]"]


def test_axes_that_are_all_first_leave_the_file_as_it_is() -> None:
    proto = small("(float[N,3] x) => (float[N,3] y)", "y = Neg(x)")
    assert normal(proto, {"x": 0, "y": 0}) == proto.SerializeToString()


def test_a_file_from_before_version_4_and_an_input_that_is_given_back_are_moved() -> None:
    body = "<float k = {2.0}> { y = Mul(x, k) z = Add(r, k) out = Add(y, z) }"
    text = f"g (float[3,N] x, float k, float r) => (float[3,N] out, float[3,N] x) {body}"
    proto = parser.parse_model(f'<ir_version: 3, opset_import: ["" : 13]> {text}')
    model = normal(proto, {"x": 1, "out": 1, "r": None})
    assert ports(model) == ["x: f32[N, 3]", "r: f32[N]", "out: f32[N, 3]", "x: f32[N, 3]"]
    rows = np.array([[1, 2, 3], [4, 5, 6]], np.float32)
    out, back = Runner(model).run({"x": rows, "r": np.ones(2, np.float32)}, ("out", "x"))
    np.testing.assert_array_equal(out, rows * 2 + 3)
    np.testing.assert_array_equal(back, rows)


@pytest.mark.parametrize(
    ("axes", "code", "message", "help"),
    [
        ({"stat": 1}, "E0460", "model `model.onnx` has no input or output `stat`", "did you mean `state`?"),
        ({"state": 3}, "E0461", "input `state` has no axis 3: it has 3, counted from 0", "`None` declares"),
        ({"sr": 1}, "E0461", "input `sr` has no axis 1: it is a single number", "`None` declares"),
        ({"output": None}, "E0461", "output `output` is declared without a batch axis", "declare its axis"),
        ({"state": 2}, "E0405", "input `state` has no batch axis: its axis 2 is fixed to 4", "free axis 2"),
        ({}, "E0405", "input `state` has no batch axis", '`batch_axes={"state": 1, "sr": None, "stateN": 1}`'),
    ],
)
def test_axes_that_are_not_there_are_refused(
    axes: Mapping[str, int | None], code: str, message: str, help: str
) -> None:
    error = refusal(voice(), axes)
    assert (error.code, help in (error.help or "")) == (code, True), error.help
    assert error.message.startswith(message)


@pytest.mark.parametrize(
    "axes", [{}, {"x": 1}, {"h0": 1, "c0": 1}, {"x": 2, "h0": 1, "c0": 1, "y": 1, "hn": 1, "cn": 1}]
)
def test_a_wrong_axis_is_refused(axes: Mapping[str, int | None]) -> None:
    assert refusal(sequence_first(), axes).code == "E0405"


def test_a_wrong_axis_of_a_model_that_takes_any_is_served_one_by_one() -> None:
    proto = small("(float[T,N] x) => (float[T,N] y)", "t = Softmax<axis = 0>(x) y = Neg(t)")
    wrong, right = (known(normal(proto, dict.fromkeys("xy", axis))) for axis in (0, 1))
    assert "over axis 0 mixes rows" in (wrong[0].mixing(wrong[1]) or "")
    assert right[0].mixing(right[1]) is None


def test_what_is_agreed_on_but_has_rows_of_its_own_gives_each_row_what_it_gets_alone() -> None:
    proto = small("(float[N,3] x, float[3] k) => (float[N,3] y)", "y = Mul(x, k)")
    model = normal(proto, {"k": None})
    assert ports(model) == ["x: f32[N, 3]", "k: f32[N, 3]", "y: f32[N, 3]"]
    store, key = known(model)
    assert (store.mixing(key), store.shared_inputs(key)) == (None, {"k"})
