"""Merging: the merged model equals its parts run one after another, whatever their names, shapes and bodies."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import parser

from dagc.models.merge import MergeRefused, Part, merge
from dagc.models.runner import Runner

pytestmark = pytest.mark.ort


def model(text: str, opset: int = 17, ir: int = 8, ml: int | None = None, functions: str = "") -> bytes:
    domains = f'"" : {opset}' + (f', "ai.onnx.ml" : {ml}' if ml else "") + (', "local" : 1' if functions else "")
    proto = parser.parse_model(f"<ir_version: {ir}, opset_import: [{domains}]> {text} {functions}")
    onnx.checker.check_model(proto)
    return proto.SerializeToString()


DOUBLE = model("g (float[N,3] x) => (float[N,3] y) { c = Constant<value = float {2.0}>() y = Mul(x, c) }")
ADD = model("g (float[N,3] a, float[M,3] b) => (float[N,3] y) { t = Add(a, b) y = Relu(t) }")
PAIR = model("g (float[N,3] x) => (float[N,3] up, float[N,3] down) { t = Exp(x) up = Sqrt(t) down = Neg(t) }")
WEIGHTS = model(
    "g (float[N,3] x) => (float[K,3] y) <float[3,3] w = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0},"
    " float[3] b = {0.1, 0.2, 0.3}> { t = MatMul(x, w) s = Softmax(t) y = Add(s, b) }"
)
PASS = model("g (float[N,3] x) => (float[N,3] y, float[N,3] z) { y = Identity(x) t = Identity(y) z = Abs(t) }")
BRANCH = model(
    "g (float[N,3] x) => (float[N,3] y) <float k = {3.0}> { s = ReduceSum<keepdims = 0>(x)"
    " z = Constant<value = float {0.0}>()"
    " c = Greater(s, z) t = Mul(x, k)"
    " y = If(c) <then_branch = t () => (float[N,3] r) { q = Add(t, k) r = Neg(q) },"
    " else_branch = e () => (float[N,3] q) { r = Sub(t, k) q = Abs(r) }> }"
)
LOOP = model(
    "g (float[N,3] x) => (float[N,3] y) { n = Constant<value = int64 {3}>() go = Constant<value = bool {1}>()"
    " k = Constant<value = float {0.5}>()"
    " y = Loop(n, go, x) <body = b (int64 i, bool go, float[N,3] x) => (bool out, float[N,3] y)"
    " { out = Identity(go) t = Mul(x, k) y = Add(t, k) }> }"
)
FUNCTION = model(
    "g (float[N,3] x) => (float[N,3] y) { t = local.f(x) y = local.f(t) }",
    functions='<domain: "local", opset_import: ["" : 17]> f (x) => (y) { t = Neg(x) y = Sigmoid(t) }',
)
OTHER_FUNCTION = model(
    "g (float[N,3] x) => (float[N,3] y) { y = local.f(x) }",
    functions='<domain: "local", opset_import: ["" : 17]> f (x) => (y) { y = Tanh(x) }',
)
SCALER = model(
    "g (float[N,3] x) => (float[N,3] y) { y = ai.onnx.ml.Scaler<offset = [1.0], scale = [0.5]>(x) }", ml=3
)
CONSTANT_OUT = model(
    "g (float[N,3] x) => (float[N,3] y, float[1,3] w) <float[1,3] w = {1.0, 2.0, 3.0}> { y = Mul(x, w) }"
)


@dataclass(frozen=True)
class Kind:
    """A small model with its own names for what it takes and gives."""

    model: bytes
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


KINDS = (
    Kind(DOUBLE, ("x",), ("y",)), Kind(ADD, ("a", "b"), ("y",)), Kind(PAIR, ("x",), ("up", "down")),
    Kind(WEIGHTS, ("x",), ("y",)), Kind(PASS, ("x",), ("y", "z")), Kind(BRANCH, ("x",), ("y",)),
    Kind(LOOP, ("x",), ("y",)), Kind(FUNCTION, ("x",), ("y",)), Kind(OTHER_FUNCTION, ("x",), ("y",)),
    Kind(SCALER, ("x",), ("y",)),
)  # fmt: skip

# Names that clash with each other, with the parts' own names and with those the merger makes.
NAMES = ("x", "y", "g", "part", "x/t", "part/x", "part_2")


@st.composite
def dags(draw: st.DrawFn) -> tuple[list[Part], tuple[str, ...], tuple[str, ...]]:
    feeds = tuple(draw(st.lists(st.sampled_from(["x", "y", "feed", "t"]), min_size=1, max_size=3, unique=True)))
    wires, parts = list(feeds), []
    for number in range(draw(st.integers(1, 7))):
        kind = draw(st.sampled_from(KINDS))
        ends = tuple((own, draw(st.sampled_from(wires))) for own in kind.inputs)
        made = tuple((own, f"w{number}/{own}") for own in kind.outputs)
        if draw(st.booleans()):
            made += ((kind.outputs[0], f"again{number}"),)
        parts.append(Part(draw(st.sampled_from(NAMES)), kind.model, ends, made))
        wires += [wire for _, wire in made]
    used = {wire for part in parts for _, wire in part.feeds}
    feeds = tuple(wire for wire in feeds if wire in used)
    produced = [wire for part in parts for _, wire in part.fetches] + list(feeds)
    return parts, feeds, tuple(draw(st.lists(st.sampled_from(produced), min_size=1, max_size=5)))


def one_after_another(parts: Sequence[Part], values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    found = dict(values)
    for part in parts:
        results = Runner(part.model, optimised=False).run(
            {own: found[wire] for own, wire in part.feeds}, [own for own, _ in part.fetches]
        )
        found.update({wire: array for (_, wire), array in zip(part.fetches, results, strict=True)})
    return found


def assert_equal_to_parts(
    parts: Sequence[Part], feeds: tuple[str, ...], fetches: tuple[str, ...]
) -> onnx.ModelProto:
    merged = merge(parts, feeds, fetches, "merged")
    assert merged == merge(parts, feeds, fetches, "merged")
    proto = onnx.load_model_from_string(merged)
    onnx.checker.check_model(proto, full_check=True)
    assert [value.name for value in proto.graph.input] == list(feeds)
    assert [value.name for value in proto.graph.output] == list(dict.fromkeys(fetches))
    random = np.random.default_rng(0)
    values = {wire: random.normal(size=(5, 3)).astype(np.float32) for wire in feeds}
    apart = one_after_another(parts, values)
    together = Runner(merged, optimised=False).run(values, fetches)
    for wire, array in zip(fetches, together, strict=True):
        np.testing.assert_array_equal(array, apart[wire])
    return proto


@settings(max_examples=150, deadline=None)
@given(dags())
def test_a_merged_model_equals_its_parts_run_one_after_another(
    dag: tuple[list[Part], tuple[str, ...], tuple[str, ...]],
) -> None:
    assert_equal_to_parts(*dag)


def test_the_same_model_twice_on_the_same_wire_runs_once() -> None:
    parts = [Part(name, WEIGHTS, (("x", "in"),), (("y", name),)) for name in ("a", "b")]
    parts.append(Part("sum", ADD, (("a", "a"), ("b", "b")), (("y", "out"),)))
    proto = assert_equal_to_parts(parts, ("in",), ("out",))
    assert [node.op_type for node in proto.graph.node] == ["MatMul", "Softmax", "Add", "Add", "Relu"]
    assert len(proto.graph.initializer) == 2


def test_what_no_fetch_needs_is_gone() -> None:
    proto = assert_equal_to_parts(
        [Part("p", PAIR, (("x", "x"),), (("down", "out"), ("up", "other")))], ("x",), ("out",)
    )
    assert [node.op_type for node in proto.graph.node] == ["Exp", "Neg"]


def test_a_constant_output_and_an_input_passed_through_keep_their_names() -> None:
    parts = [Part("c", CONSTANT_OUT, (("x", "x"),), (("y", "y"), ("w", "w"))),
             Part("p", PASS, (("x", "x"),), (("y", "same"), ("z", "z")))]  # fmt: skip
    assert_equal_to_parts(parts, ("x",), ("w", "same", "x", "y"))


def test_random_draws_and_omitted_outputs_are_not_merged() -> None:
    drawn = model("g (float[N,3] x) => (float[N,3] y) { r = RandomNormalLike(x) y = Add(r, x) }")
    parts = [Part(name, drawn, (("x", "x"),), (("y", name),)) for name in ("a", "b")]
    proto = onnx.load_model_from_string(merge(parts, ("x",), ("a", "b"), "m"))
    assert [node.op_type for node in proto.graph.node].count("RandomNormalLike") == 2
    masked = model("g (float[N,3] x) => (float[N,3] y, bool[N,3] m) { y, m = Dropout(x) }")
    plain = model("g (float[N,3] x) => (float[N,3] y) { y = Dropout(x) }")
    both = [Part("p", plain, (("x", "x"),), (("y", "a"),)), Part("m", masked, (("x", "x"),), (("m", "b"),))]
    merge(both, ("x",), ("a", "b"), "m")


def test_attributes_that_differ_by_the_sign_of_zero_are_different() -> None:
    def divided_by(zero: str) -> bytes:
        body = f"c = Constant<value_float = {zero}>() y = Div(x, c)"
        return model(f"g (float[N,3] x) => (float[N,3] y) {{ {body} }}")

    zeros = (("a", "0.0"), ("b", "-0.0"))
    parts = [Part(name, divided_by(zero), (("x", "x"),), (("y", name),)) for name, zero in zeros]
    assert_equal_to_parts(parts, ("x",), ("a", "b"))


def test_equal_names_of_free_sizes_do_not_become_one_size() -> None:
    own = model("g (float[N,T] x) => (float[N,T] y) { y = Neg(x) }")
    parts = [Part(name, own, (("x", name),), (("y", f"{name}_out"),)) for name in ("a", "b")]
    merged = merge(parts, ("a", "b"), ("a_out", "b_out"), "m")
    values = {"a": np.ones((2, 3), np.float32), "b": np.ones((2, 5), np.float32)}
    assert [array.shape for array in Runner(merged).run(values, ("a_out", "b_out"))] == [(2, 3), (2, 5)]


def test_a_size_of_minus_one_is_a_free_size() -> None:
    first = model("g (float[1,3] x) => (float[1,3] y) { y = Neg(x) }")
    second = onnx.load_from_string(model("g (float[N,3] x) => (float[N,3] y) { y = Abs(x) }"))
    for port in (*second.graph.input, *second.graph.output):
        port.type.tensor_type.shape.dim[0].dim_value = -1
    parts = [
        Part("first", first, (("x", "a"),), (("y", "b"),)),
        Part("second", second.SerializeToString(), (("x", "b"),), (("y", "c"),)),
    ]
    merged = onnx.load_from_string(merge(parts, ("a",), ("c",), "both"))
    assert merged.graph.input[0].type.tensor_type.shape.dim[0].dim_value == 1


def test_a_default_that_is_fed_gives_way_and_one_that_is_not_stays() -> None:
    proto = onnx.load_model_from_string(
        model("g (float[N,3] x) => (float[N,3] y) <float[3] b = {1.0, 2.0, 3.0}> { y = Add(x, b) }")
    )
    proto.graph.input.append(onnx.helper.make_tensor_value_info("b", 1, [3]))
    own = proto.SerializeToString()
    assert_equal_to_parts([Part("p", own, (("x", "x"),), (("y", "y"),))], ("x",), ("y",))
    fed = [Part("p", own, (("x", "x"), ("b", "b")), (("y", "y"),))]
    merged = merge(fed, ("x", "b"), ("y",), "m")
    (found,) = Runner(merged).run({"x": np.ones((2, 3), np.float32), "b": np.zeros(3, np.float32)}, ("y",))
    assert found.tolist() == np.ones((2, 3)).tolist()


IN, OUT = (("x", "x"),), (("y", "y"),)
INTEGERS = model("g (int64[N,3] x) => (int64[N,3] y) { y = Neg(x) }")
VECTOR = model("g (float[N] x) => (float[N] y) { y = Neg(x) }")
WIDE = model("g (float[N,4] x) => (float[N,4] y) { y = Neg(x) }")
NEWER = model("g (float[N,3] x) => (float[N,3] y) { y = Neg(x) }", opset=18)
OLDER_ML = model(
    "g (float[N,3] x) => (float[N,3] y) { y = ai.onnx.ml.Scaler<offset = [1.0], scale = [2.0]>(x) }", ml=1
)
OLD_LABELS = model(
    "g (float[N,3] x, string[N] s) => (float[N,3] y, int64[N] l) { y = Neg(x)"
    ' l = ai.onnx.ml.LabelEncoder<classes_strings = ["a", "b"]>(s) }',
    ml=1,
)


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        (INTEGERS, "wire `y` is FLOAT at `first` and INT64 at `second`"),
        (VECTOR, "wire `y` has 2 axes at `first` and 1 at `second`"),
        (WIDE, "axis 1 of wire `y` is 3 at `first` and 4 at `second`"),
        (b"garbage", "`second` is not an ONNX model"),
    ],
)
def test_parts_that_do_not_fit_are_refused_in_words(second: bytes, reason: str) -> None:
    parts = [Part("first", DOUBLE, IN, OUT), Part("second", second, (("x", "y"),), (("y", "z"),))]
    with pytest.raises(MergeRefused) as refused:
        merge(parts, ("x",), ("z",), "m")
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("first", "second"), [(DOUBLE, NEWER), (SCALER, DOUBLE), (SCALER, OLDER_ML), (BRANCH, WEIGHTS)]
)
def test_versions_of_operators_meet_where_the_operators_are_the_same(first: bytes, second: bytes) -> None:
    parts = [Part("a", first, IN, OUT), Part("b", second, (("x", "y"),), (("y", "z"),))]
    assert_equal_to_parts(parts, ("x",), ("z",))


def test_versions_of_operators_that_changed_between_are_refused() -> None:
    labels = Part("labels", OLD_LABELS, (("x", "x"), ("s", "s")), (("y", "y"), ("l", "l")))
    with pytest.raises(MergeRefused, match="`LabelEncoder` of `ai.onnx.ml` changed between versions 1 and 3"):
        merge([labels, Part("scaler", SCALER, (("x", "y"),), (("y", "z"),))], ("x", "s"), ("z", "l"), "m")


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        (Part("p", DOUBLE, (("nope", "x"),), OUT), "has no input `nope`"),
        (Part("p", DOUBLE, IN, (("nope", "y"),)), "has no output `nope`"),
        (Part("p", DOUBLE, (), OUT), "is not fed"),
        (Part("p", DOUBLE, (("x", "later"),), OUT), "before any part produces it"),
        (Part("p", DOUBLE, IN, (("y", "x"),)), "has a source already"),
    ],
)
def test_wires_that_lead_nowhere_are_refused(part: Part, reason: str) -> None:
    with pytest.raises(MergeRefused, match=reason):
        merge([part], ("x",), ("y",), "m")


def test_the_bytes_say_nothing_of_where_the_parts_come_from() -> None:
    proto = onnx.load_model_from_string(DOUBLE)
    proto.producer_name, proto.doc_string, proto.graph.doc_string = "tool", "secret", "/home/me"
    proto.graph.node[0].doc_string = "/home/me/x.py:3"
    onnx.helper.set_model_props(proto, {"path": "/home/me"})
    merged = merge([Part("p", proto.SerializeToString(), IN, OUT)], ("x",), ("y",), "m")
    assert merged == merge([Part("p", DOUBLE, IN, OUT)], ("x",), ("y",), "m")


def test_merging_takes_time_linear_in_the_parts() -> None:
    def seconds(count: int) -> float:
        parts = [
            Part(f"p{i}", ADD, (("a", f"w{i - 1}" if i else "x"), ("b", "x")), (("y", f"w{i}"),))
            for i in range(count)
        ]
        start = time.process_time()
        merge(parts, ("x",), (f"w{count - 1}",), "m")
        return time.process_time() - start

    seconds(10)
    assert seconds(400) < 20 * max(seconds(40), 0.02)
