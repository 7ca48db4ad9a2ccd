"""What is not proven, and the sentence that says which operator and node are why."""

import onnx
import pytest
from onnx import helper

from dagc.models.rowwise import mixing
from tests.models.rows.texts import floats, model, one, whole

pytestmark = pytest.mark.ort

_STEPS = "float[N,4,2] x"
_BRANCHES = (
    "y = If(c) <then_branch = t () => (float r) { r = Neg(x) }, else_branch = e () => (float q) { q = Abs(x) }>"
)
_NUMBERS = one("z", 0) + one("d", 1) + "n = Shape<start = 0, end = 1>(x) l = Squeeze(n) r = Range(z, l, d) "

REFUSED = {
    "softmax": (model("y = Softmax<axis = 0>(x)"), "operator `Softmax` giving `y` over axis 0 mixes rows"),
    "softmax of a vector": (model("y = Softmax(x)", "float[N] x"), "over axis 0"),
    "softmax counted from the end": (model("y = Softmax<axis = -2>(x)"), "over axis 0"),
    "softmax of all behind": (
        model("t = Transpose<perm = [1, 0, 2]>(x) y = Softmax<axis = 0>(t)", _STEPS, opset=11),
        "over axis 1",
    ),
    "dynamic scale": (
        model("q, s, z = DynamicQuantizeLinear(x) y = DequantizeLinear(q, s, z)"),
        "`DynamicQuantizeLinear` giving `q` takes its scale from the largest elements of the whole batch",
    ),
    "running sum": (model(one("a", 0) + "y = CumSum(x, a)"), "`CumSum` giving `y` over axis 0"),
    "running along an axis that is rows": (
        model("a = ReduceMax<keepdims = 0>(i) y = CumSum(x, a)", "float[N,4] x, int64[N,4] i"),
        "over all axes",
    ),
    "mean": (model("y = ReduceMean<axes = [0]>(x)"), "`ReduceMean` giving `y` over axis 0"),
    "mean of all": (model("y = ReduceMean<keepdims = 1>(x)"), "over all axes"),
    "max of all": (model("y = ReduceMax(x)", opset=18), "over all axes"),
    "argmax": (model("y = ArgMax(x)", outputs="int64 y"), "`ArgMax` giving `y` over axis 0"),
    "flag that is no flag": (model("y = ReduceMean<axes = [1], keepdims = 2>(x)"), "`keepdims` neither 0 nor 1"),
    "transpose": (model("y = Transpose(x)"), "output `y` holds the batch along axis 1, not along axis 0"),
    "transpose and softmax": (
        model("t = Transpose(x) s = Softmax<axis = 1>(t) y = Transpose(s)"),
        "`Softmax` giving `s` over axis 1",
    ),
    "folds": (model(whole("s", -1, 8) + "y = Reshape(x, s)"), "gives a shape that does not hold the batch"),
    "folds behind": (model(whole("s", 4, -1) + "y = Reshape(x, s)"), "folds the batch axis"),
    "unfolds": (model(whole("s", -1, 2) + "y = Reshape(x, s)"), "holds other elements than the rows along axis 0"),
    "flat": (model(whole("s", 1, -1) + "y = Reshape(x, s)"), "along axis 1"),
    "fixed shape": (model(whole("s", 2, 6) + "y = Reshape(x, s)"), "does not hold the batch"),
    "shape of half": (
        model(
            whole("t", 2)
            + whole("m", -1)
            + "n = Shape<start = 0, end = 1>(x) h = Div(n, t) s = Concat<axis = 0>(h, m) y = Reshape(x, s)"
        ),
        "in a way that is not followed",
    ),
    "flatten": (model("y = Flatten<axis = 0>(x)"), "along axis 1"),
    "concat": (model("y = Concat<axis = 0>(x, x)"), "holds other elements than the rows along axis 0"),
    "concat with a constant": (model(floats("c", 1, 4) + "y = Concat<axis = 0>(x, c)"), "one behind the other"),
    "concat beside a constant": (
        model(floats("c", 3, 1) + "y = Concat<axis = 1>(x, c)"),
        "joins rows with a constant",
    ),
    "gather rows": (model(whole("i", 0) + "y = Gather(x, i)"), "`Gather` giving `y` over axis 0"),
    "gather by rows": (model("y = Gather<axis = 1>(x, i)", "float[N,4] x, int64[N] i"), "differ between rows"),
    "table by its columns": (
        model(floats("t", 3, 2) + "y = Gather<axis = 1>(t, i)", "int64[N,4] i"),
        "along axis 1",
    ),
    "gather by number": (
        model("i = Constant<value = int64[1,1] {0}>() y = GatherND(x, i)"),
        "picks rows by their number",
    ),
    "scatter by number": (
        model("i = Constant<value = int64[1,1] {0}>()" + floats("u", 1, 4) + "y = ScatterND(x, i, u)"),
        "writes to rows by their number",
    ),
    "elements of a constant": (
        model(floats("t", 5, 4) + "y = GatherElements<axis = 1>(t, i)", "int64[N,3] i"),
        "by other indices than those of the same row",
    ),
    "cut rows": (model(whole("s", 0) + whole("e", 1) + "y = Slice(x, s, e)"), "`Slice` giving `y` over axis 0"),
    "reversed rows": (
        model(whole("s", -1) + whole("e", -9999) + whole("a", 0) + whole("t", -1) + "y = Slice(x, s, e, a, t)"),
        "over axis 0",
    ),
    "split": (model("y, z = Split<axis = 0>(x)", outputs="y, z"), "over axis 0"),
    "pad": (model(whole("p", 1, 0, 0, 0) + "y = Pad(x, p)"), "pads the batch axis"),
    "compress": (model("c = Constant<value = bool[1] {1}>() y = Compress<axis = 0>(x, c)"), "over axis 0"),
    "compress all": (model("c = Constant<value = bool[1] {1}>() y = Compress(x, c)"), "over all axes"),
    "matmul of rows": (model("t = Transpose(x) y = MatMul(x, t)"), "do not lie in the same place"),
    "gram": (model("t = Transpose(x) y = MatMul(t, x)"), "sums over the batch axis"),
    "constant times rows": (model(floats("w", 3, 4) + "y = MatMul(w, x)"), "sums over the batch axis"),
    "gemm turned": (model(floats("w", 4, 3) + "y = Gemm<transA = 1>(x, w)"), "sums over the batch axis"),
    "einsum": (model('y = Einsum<equation = "nd, md -> nm">(x, x)'), "do not lie in the same place"),
    "einsum over rows": (model('y = Einsum<equation = "nd, nd -> d">(x, x)'), "sums over the batch axis"),
    "mask of other rows": (
        model("y = Attention(q, q, q, m)", "float[N,2,T,4] q, float[N,T] m", opset=23),
        "lie along different axes",
    ),
    "constant for every row": (
        model(floats("c", 2, 1) + "y = Add(x, c)"),
        "combines the batch axis with a constant",
    ),
    "against its transpose": (model("t = Transpose(x) y = Add(x, t)"), "whose batches lie along different axes"),
    "ranks": (model("y = Add(x, v)", "float[N,4] x, float[N] v"), "whose batches lie along different axes"),
    "squeeze": (model(whole("a", 0) + "y = Squeeze(x, a)"), "drops the batch axis"),
    "squeeze what is one": (model("y = Squeeze(x)"), "drops the batch axis of a batch of one"),
    "stretch": (model(whole("s", 3, 4) + "y = Expand(x, s)"), "stretches the batch axis"),
    "norm that trains": (
        model(floats("c", 4) + "y, m, v = BatchNormalization<training_mode = 1>(x, c, c, c, c)"),
        "when it trains",
    ),
    "dropout that trains": (model("t = Constant<value = bool {1}>() y = Dropout(x, , t)"), "when it trains"),
    "noise": (model("r = RandomNormalLike(x) y = Add(x, r)"), "`RandomNormalLike` giving `r` draws at random"),
    "norm of channels": (
        model(
            "t = Transpose(x)"
            + floats("c", 4)
            + whole("a", 0)
            + " u = Unsqueeze(t, a) y = InstanceNormalization(u, c, c)"
        ),
        "over axis 2",
    ),
    "mean variance": (model("y = MeanVarianceNormalization(x)", "float[N,3,2,2] x"), "over axis 0"),
    "batch size": (model("s = Size(x) f = Cast<to = 1>(s) y = Div(x, f)"), "computes with the batch size"),
    "number of rows": (
        model("n = Shape<start = 0, end = 1>(x) f = Cast<to = 1>(n) y = Div(x, f)"),
        "with the batch size",
    ),
    "numbers of rows": (
        model(_NUMBERS + whole("a", 1) + "u = Unsqueeze(r, a) f = Cast<to = 1>(u) y = Add(x, f)"),
        "operator `Range` giving `r` numbers the rows",
    ),
    "next row": (model(_NUMBERS + "m = Add(r, d) y = Gather(x, m)"), "numbers the rows"),
    "row before": (model(_NUMBERS + one("m", -1) + "b = Add(r, m) y = Gather(x, b)"), "numbers the rows"),
    "pool positions": (
        model("y, i = MaxPool<kernel_shape = [2, 2]>(x)", "float[N,3,4,4] x", "y, int64 i"),
        "gives an output that may depend on other rows",
    ),
    "pool over rows": (
        model(whole("a", 0) + "t = Transpose(x) u = Unsqueeze(t, a) y = MaxPool<kernel_shape = [2]>(u)"),
        "over axis 2",
    ),
    "scaled rows": (model(floats("s", 4) + "y = Resize(x, , s)", "float[N,3,4,4] x"), "may scale the batch axis"),
    "interpolated rows": (
        model(floats("s", 2).replace("0.1, 0.2", "1.0, 2.0") + 'y = Resize<mode = "linear">(x, , s)'),
        "interpolates along the batch axis",
    ),
    "time first": (
        model(floats("w", 1, 3, 2) + floats("r", 1, 3, 3) + "y, h = RNN<hidden_size = 3>(x, w, r)", _STEPS),
        "`RNN` giving `y` over axis 0",
    ),
    "first state of others": (
        model(
            floats("w", 1, 3, 2)
            + floats("r", 1, 3, 3)
            + floats("i", 1, 2, 3)
            + "t = Transpose<perm = [1, 0, 2]>(x) y, h = RNN<hidden_size = 3>(t, w, r, , , i)",
            _STEPS,
        ),
        "the states or lengths of others",
    ),
    "strings sorted": (
        model("y, i, j, k = Unique(x)", "string[N] x", "string y, int64 j"),
        "is not known to keep rows apart",
    ),
    "what is not zero": (model("y = NonZero(x)", outputs="int64 y"), "`NonZero` giving `y` is not known"),
    "branch by rows": (
        model("a = ReduceMax<keepdims = 0>(x) z = Constant<value = float {0.0}>() c = Greater(a, z) " + _BRANCHES),
        "over all axes",
    ),
    "branch by the batch": (
        model(one("k", 3) + one("i", 0) + "s = Shape(x) n = Gather(s, i) c = Greater(n, k) " + _BRANCHES),
        "`If` giving `y` chooses a branch by rows or by the batch size",
    ),
    "branches that differ": (
        model(
            one("i", 1)
            + one("k", 3)
            + "s = Shape(x) t = Gather(s, i) c = Greater(t, k) y = If(c) <then_branch = t ()"
            " => (float[A,B] r) { r = Neg(x) }, else_branch = e () => (float[A,B] q) { q = Transpose(x) }>",
            "float[N,T] x",
        ),
        "the batch in different places",
    ),
    "mixer in a branch": (
        model(
            "c = Constant<value = bool {1}>() y = If(c) <then_branch = t () => (float[A,B] r)"
            " { r = Softmax<axis = 0>(x) }, else_branch = e () => (float[A,B] q) { q = Abs(x) }>"
        ),
        "`Softmax` giving `r` over axis 0",
    ),
    "loop over rows": (
        model(
            "g = Constant<value = bool {1}>() n = Shape<start = 0, end = 1>(x) l = Squeeze(n)"
            " y = Loop(l, g, x) <body = b (int64 i, bool c, float[A,B] v) => (bool d, float[A,B] u)"
            " { d = Identity(c) u = Neg(v) }>"
        ),
        "repeats by rows or by the batch size",
    ),
    "loop until rows say so": (
        model(
            one("n", 3)
            + "g = Constant<value = bool {1}>() y = Loop(n, g, x) <body = b (int64 i, bool c, float[A,B] v)"
            " => (bool d, float[A,B] u) { u = Neg(v) m = ReduceMax<keepdims = 0>(u) d = Less(m, m) }>"
        ),
        "over all axes",
    ),
    "loop that turns": (
        model(
            one("n", 2)
            + "g = Constant<value = bool {1}>() y = Loop(n, g, x) <body = b (int64 i, bool c, float[A,B] v)"
            " => (bool d, float[B,A] u) { d = Identity(c) u = Transpose(v) }>"
        ),
        "the batch in different places",
    ),
    "scan over rows": (
        model(
            floats("z", 4)
            + "s, y = Scan<num_scan_inputs = 1, body = b (float[4] v, float[4] p) => (float[4] w, float[4] o)"
            " { w = Add(v, p) o = Identity(w) }>(z, x)",
            outputs="y",
        ),
        "`Scan` giving `s` over axis 0",
    ),
    "scaler of a vector": (
        model("y = ai.onnx.ml.Scaler<offset = [1.0], scale = [2.0]>(x)", "float[N] x"),
        "not rows of columns",
    ),
    "labels left lying": (
        model(
            "t = Constant<value = float[4] {7.0, 8.0, 9.0, 10.0}>()"
            " l = ai.onnx.ml.ArrayFeatureExtractor(t, i) y = Softmax<axis = 1>(l)",
            "int64[N] i",
        ),
        "over axis 1",
    ),
    "maps": (model("y = ai.onnx.ml.ZipMap<classlabels_int64s = [0, 1, 2, 3]>(x)"), "gives or takes maps"),
    "fixed batch": (model("y = Relu(x)", "float[1,4] x"), "axis 0 of input `x` is fixed to 1"),
    "no batch": (model("y = Relu(x)", "float x"), "input `x` has no batch axis"),
    "constant output": (
        model(floats("y", 2) + "z = Relu(x)", outputs="y, z"),
        "does not depend on the inputs row by row",
    ),
    "rows without elements": (
        model(whole("k", 0) + whole("s", -1, 4) + "v, i = TopK(x, k) y = Reshape(v, s)"),
        "leaves rows without elements",
    ),
    "shape that cannot be": (
        model(whole("m", 3) + "n = Shape<start = 0, end = 1>(x) s = Concat<axis = 0>(n, m) y = Reshape(x, s)"),
        "gives a shape that does not fit",
    ),
    "old opset": (model("y = Relu(x)", opset=6), "it uses an opset before 7"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_may_mix_is_refused_and_named(name: str) -> None:
    content, expected = REFUSED[name]
    reason = mixing(content)
    assert reason is not None
    assert expected in reason


def changed(content: bytes, change: object) -> bytes:
    proto = onnx.load_model_from_string(content)
    assert callable(change)
    change(proto)
    written: bytes = proto.SerializeToString()
    return written


def test_the_sentence_names_the_node_where_it_has_a_name() -> None:
    def name(proto: onnx.ModelProto) -> None:
        proto.graph.node[0].name = "scores"

    reason = mixing(changed(model("y = Softmax<axis = 0>(x)"), name))
    assert reason == "operator `Softmax` of node `scores` over axis 0 mixes rows"


def test_a_name_out_of_the_file_stays_on_one_short_line() -> None:
    def name(proto: onnx.ModelProto) -> None:
        proto.graph.node[0].name = "a`\n\x1b[31m" + "b" * 500

    reason = mixing(changed(model("y = Softmax<axis = 0>(x)"), name)) or ""
    assert "\n" not in reason and "\x1b" not in reason and len(reason) < 140


def test_operators_of_onnxruntime_and_of_others_are_not_proven() -> None:
    for domain in ("com.microsoft", "mine"):

        def own(proto: onnx.ModelProto, domain: str = domain) -> None:
            proto.graph.node[0].domain = domain
            proto.opset_import.append(helper.make_opsetid(domain, 1))

        reason = mixing(changed(model("y = Relu(x)"), own))
        assert reason == f"operator `{domain}.Relu` giving `y` is not known to keep rows apart"


def test_a_false_shape_in_the_file_does_not_hide_a_fold() -> None:
    def lie(proto: onnx.ModelProto) -> None:
        proto.graph.value_info.append(helper.make_tensor_value_info("c", 1, ["N", 4]))

    content = model("c = Concat<axis = 1>(x, x) " + whole("s", -1, 4) + "y = Reshape(c, s)")
    assert mixing(changed(content, lie)) is not None


def test_equal_names_of_dims_promise_nothing() -> None:
    body = whole("m", -1) + "t = Shape<start = 1, end = 2>(z) s = Concat<axis = 0>(m, t) y = Reshape(x, s)"
    assert mixing(model(body, "float[N,T] x, float[N,T] z")) is not None


def test_two_versions_of_one_operator_set_are_not_guessed_between() -> None:
    def import_again(proto: onnx.ModelProto) -> None:
        proto.opset_import.append(helper.make_opsetid("ai.onnx", 11))

    reason = mixing(changed(model("y = Softmax(x)"), import_again))
    assert reason == "it names two versions of one operator set"


def test_an_input_that_is_no_tensor_is_named() -> None:
    def sequence(proto: onnx.ModelProto) -> None:
        kind = helper.make_tensor_sequence_value_info("x", 1, ["N", 4])
        proto.graph.input[0].CopyFrom(kind)

    assert mixing(changed(model("y = SequenceLength(x)"), sequence)) == "input `x` is not a tensor"


def function_model(axis: int, domain: str = "mine") -> bytes:
    """`y = f(x)`, f being a softmax along an axis."""
    body = [helper.make_node("Softmax", ["a"], ["b"], axis=axis, name="inner")]
    imports = [helper.make_opsetid("", 17), helper.make_opsetid(domain, 1)]
    function = helper.make_function(domain, "f" if domain == "mine" else "Relu", ["a"], ["b"], body, imports[:1])
    node = helper.make_node(function.name, ["x"], ["y"], domain=domain)
    ports = [helper.make_tensor_value_info(name, 1, ["N", 4]) for name in ("x", "y")]
    graph = helper.make_graph([node], "g", ports[:1], ports[1:])
    proto = helper.make_model(graph, functions=[function], opset_imports=imports, ir_version=9)
    written: bytes = proto.SerializeToString()
    return written


def test_functions_are_looked_into() -> None:
    assert mixing(function_model(axis=1)) is None
    assert "`Softmax`" in (mixing(function_model(axis=0)) or "")


def test_a_function_that_takes_the_name_of_an_operator_is_not_trusted() -> None:
    assert mixing(function_model(axis=1, domain="ai.onnx.ml")) == "it gives an operator of ONNX another meaning"


def nested(depth: int, wide: int) -> bytes:
    """Loops in loops, whose states grow, so that each is walked several times."""
    inside = "u = Concat<axis = 1>(v, x)"
    for level in range(depth):
        loops = " ".join(
            f"w{level}_{i} = Loop(n, g, v) <body = b{level}_{i} (int64 i{level}_{i}, bool c{level}_{i},"
            f" float[A,B] v) =>"
            f" (bool d{level}_{i}, float[A,C] u) {{ d{level}_{i} = Identity(c{level}_{i}) {inside} }}>"
            for i in range(wide)
        )
        inside = loops + f" u = Neg(w{level}_0)"
    return model(one("n", 2) + "g = Constant<value = bool {1}>() v = Neg(x) " + inside.replace("u = ", "y = ", 0)
                 + " y = Identity(u)")  # fmt: skip


def test_loops_in_loops_end() -> None:
    assert "too many to follow" in (mixing(nested(depth=12, wide=1)) or "")
    assert mixing(nested(depth=2, wide=2)) is None


def test_bytes_that_are_no_model_are_not_proven() -> None:
    assert mixing(b"\x00\x01garbage") == "it cannot be read: the bytes are not an ONNX model"
