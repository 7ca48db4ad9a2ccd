"""Batch safety: what is accepted gives the same rows together and alone; planted mixers are all caught."""

import warnings

import numpy as np
import onnx
import pytest
from onnx import parser

from dagc.models.rowwise import mixing
from dagc.models.runner import Runner

pytestmark = pytest.mark.ort


def model(body: str, inputs: str = "float[N,4] x", outputs: str = "y", opset: int = 17, ml: int = 3) -> bytes:
    """`body` is ONNX text; outputs have no declared shape."""
    ports = ", ".join(name if " " in name else f"float {name}" for name in outputs.split(", "))
    header = f'<ir_version: 8, opset_import: ["" : {opset}, "ai.onnx.ml" : {ml}]>'
    proto = parser.parse_model(f"{header} agraph ({inputs}) => ({ports}) {{ {body} }}")
    return proto.SerializeToString()


def feeds(content: bytes, rows: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(rows)
    found: dict[str, np.ndarray] = {}
    for value in onnx.load_model_from_string(content).graph.input:
        tensor = value.type.tensor_type
        shape = (rows, *(dim.dim_value for dim in tensor.shape.dim[1:]))
        dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)
        if tensor.elem_type == onnx.TensorProto.STRING:
            found[value.name] = random.choice(np.array(["a", "b"], object), shape)
        elif dtype.kind == "f":
            found[value.name] = random.normal(size=shape).astype(dtype)
        else:
            found[value.name] = random.integers(0, 2, shape).astype(dtype)
    return found


def assert_rows_stay_apart(content: bytes) -> None:
    runner = Runner(content)
    given = feeds(content, 6)
    together = runner.run(given, runner.outputs)
    for row in range(6):
        alone = runner.run({name: array[row : row + 1] for name, array in given.items()}, runner.outputs)
        for whole, single in zip(together, alone, strict=True):
            assert whole.shape[0] == 6
            if whole.dtype.kind == "f":
                np.testing.assert_allclose(whole[row], single[0], rtol=1e-5, atol=1e-6)
            else:
                assert whole[row].tolist() == single[0].tolist()


def kernel(*dims: int) -> str:
    size = int(np.prod(dims))
    return f"float[{','.join(map(str, dims))}] {{{', '.join(f'{0.1 * i:.1f}' for i in range(size))}}}"


ROWWISE = {
    "relu": model("y = Relu(x)"),
    "erf": model("y = Erf(x)"),
    "cast": model("y = Cast<to = 7>(x)", outputs="int64 y"),
    "add two": model("y = Add(x, z)", inputs="float[N,4] x, float[M,4] z"),
    "add vector": model("c = Constant<value = float[4] {1.0, 2.0, 3.0, 4.0}>() y = Add(x, c)"),
    "add row": model("c = Constant<value = float[1,4] {1.0, 2.0, 3.0, 4.0}>() y = Add(x, c)"),
    "scalar of a constant": model("c = Constant<value = float {2.0}>() d = Sqrt(c) y = Mul(x, d)"),
    "where": model("z = Constant<value = float {0.0}>() b = Less(x, z) y = Where(b, z, x)"),
    "clip": model("a = Constant<value = float {-1.0}>() b = Constant<value = float {1.0}>() y = Clip(x, a, b)"),
    "matmul": model(f"w = Constant<value = {kernel(4, 3)}>() y = MatMul(x, w)"),
    "matmul vector": model(f"w = Constant<value = {kernel(4)}>() y = MatMul(x, w)"),
    "matmul stacked": model("t = Transpose<perm = [0, 2, 1]>(x) y = MatMul(x, t)", inputs="float[N,4,2] x"),
    "gemm": model(f"w = Constant<value = {kernel(3, 4)}>() b = Constant<value = {kernel(3)}>()"
                  " y = Gemm<transB = 1>(x, w, b)"),
    "softmax": model("y = Softmax<axis = 1>(x)"),
    "softmax last": model("y = Softmax(x)"),
    "log softmax": model("y = LogSoftmax<axis = -1>(x)"),
    "argmax": model("y = ArgMax<axis = 1, keepdims = 0>(x)", outputs="int64 y"),
    "top k": model("k = Constant<value = int64[1] {2}>() y, i = TopK(x, k)", outputs="y, int64 i"),
    "reduce sum": model("a = Constant<value = int64[1] {1}>() y = ReduceSum<keepdims = 0>(x, a)"),
    "reduce mean": model("y = ReduceMean<axes = [-1]>(x)"),
    "reduce max 18": model(
        "a = Constant<value = int64[2] {1, 2}>() y = ReduceMax(x, a)", "float[N,4,2] x", opset=18
    ),
    "norm": model("y = LpNormalization<axis = 1>(x)"),
    "concat": model("y = Concat<axis = 1>(x, x)"),
    "concat last": model("y = Concat<axis = -1>(x, x)"),
    "gather": model("i = Constant<value = int64[2] {3, 0}>() y = Gather<axis = 1>(x, i)"),
    "embedding": model(f"t = Constant<value = {kernel(3, 2)}>() y = Gather<axis = 0>(t, i)", "int64[N,4] i"),
    "gather elements": model("y = GatherElements<axis = 1>(x, i)", inputs="float[N,4] x, int64[N,3] i"),
    "reshape": model("s = Constant<value = int64[3] {-1, 2, 2}>() y = Reshape(x, s)"),
    "reshape zero": model("s = Constant<value = int64[2] {0, -1}>() y = Reshape(x, s)", inputs="float[N,4,2] x"),
    "unsqueeze": model("a = Constant<value = int64[1] {1}>() y = Unsqueeze(x, a)"),
    "squeeze": model("a = Constant<value = int64[1] {1}>() y = Squeeze(x, a)", inputs="float[N,1] x"),
    "transpose": model("y = Transpose<perm = [0, 2, 1]>(x)", inputs="float[N,4,2] x"),
    "slice": model("s = Constant<value = int64[1] {1}>() e = Constant<value = int64[1] {3}>()"
                   " a = Constant<value = int64[1] {1}>() y = Slice(x, s, e, a)"),
    "split": model("s = Constant<value = int64[2] {1, 3}>() y, z = Split<axis = 1>(x, s)", outputs="y, z"),
    "flatten": model("y = Flatten<axis = 1>(x)", inputs="float[N,4,2] x"),
    "one hot": model("d = Constant<value = int64 {3}>() v = Constant<value = float[2] {0.0, 1.0}>()"
                     " y = OneHot(i, d, v)", inputs="int64[N,4] i"),
    "dropout": model("y = Dropout(x)"),
    "conv": model(f"w = Constant<value = {kernel(2, 3, 2, 2)}>() y = Conv(x, w)", inputs="float[N,3,4,4] x"),
    "pool": model("y = MaxPool<kernel_shape = [2, 2]>(x)", inputs="float[N,3,4,4] x"),
    "global pool": model("y = GlobalAveragePool(x)", inputs="float[N,3,4,4] x"),
    "batch norm": model("c = Constant<value = float[3] {1.0, 2.0, 3.0}>() y = BatchNormalization(x, c, c, c, c)",
                        inputs="float[N,3,4] x"),
    "layer norm": model("c = Constant<value = float[4] {1.0, 2.0, 3.0, 4.0}>() y = LayerNormalization(x, c)"),
    "rows of a constant": model(
        "n = Shape<start = 0, end = 1>(x) d = Constant<value = int64[1] {2}>() s = Concat<axis = 0>(n, d)"
        " c = Constant<value = float[2] {1.0, 2.0}>() e = Expand(c, s) y = Concat<axis = 1>(x, e)"
    ),
    "scaler": model("y = ai.onnx.ml.Scaler<offset = [1.0], scale = [2.0]>(x) "),
    "normalizer": model('y = ai.onnx.ml.Normalizer<norm = "L2">(x)'),
    "binarizer": model("y = ai.onnx.ml.Binarizer<threshold = 0.5>(x)"),
    "imputer": model("y = ai.onnx.ml.Imputer<imputed_value_floats = [0.5], replaced_value_float = 0.0>(x)"),
    "columns": model("i = Constant<value = int64[2] {0, 2}>() y = ai.onnx.ml.ArrayFeatureExtractor(x, i)"),
    "labels": model(
        "i = ArgMax<axis = 1>(x) t = Constant<value = int64[4] {7, 8, 9, 10}>()"
        " l = ai.onnx.ml.ArrayFeatureExtractor(t, i) s = Constant<value = int64[1] {-1}>() y = Reshape(l, s)",
        outputs="int64 y",
    ),
    "encode": model('y = ai.onnx.ml.LabelEncoder<keys_strings = ["a", "b"], values_int64s = [3, 4]>(x)',
                    inputs="string[N,2] x", outputs="int64 y"),
    "one hot words": model('y = ai.onnx.ml.OneHotEncoder<cats_strings = ["a", "b"]>(x)', inputs="string[N,1] x"),
    "vectors": model("y = ai.onnx.ml.FeatureVectorizer<inputdimensions = [4, 4]>(x, x)"),
    "linear": model("y = ai.onnx.ml.LinearRegressor<coefficients = [1.0, 2.0, 3.0, 4.0], intercepts = [1.0]>(x)"),
    "no rows involved": model("c = Constant<value = float[3,1] {1.0, 2.0, 3.0}>() d = ReduceMean<axes = [0]>(c)"
                              " y = Add(x, d)"),
}  # fmt: skip


@pytest.mark.parametrize("name", ROWWISE)
def test_what_is_accepted_gives_the_same_rows_together_and_alone(name: str) -> None:
    assert mixing(ROWWISE[name]) is None
    assert_rows_stay_apart(ROWWISE[name])


BRANCHES = (
    "y = If(c) <then_branch = t () => (float r) { r = Neg(x) }, else_branch = e () => (float q) { q = Abs(x) }>"
)

MIXERS = {
    "softmax axis 0": (model("y = Softmax<axis = 0>(x)"), "operator `Softmax` over axis 0 mixes rows"),
    "softmax of a vector": (model("y = Softmax(x)", inputs="float[N] x"), "over axis 0"),
    "negative axis 0": (model("y = Softmax<axis = -2>(x)"), "over axis 0"),
    "quantize": (
        model("q, s, z = DynamicQuantizeLinear(x) y = DequantizeLinear(q, s, z)"),
        "operator `DynamicQuantizeLinear` is not on the list",
    ),
    "cumsum": (model("a = Constant<value = int64 {0}>() y = CumSum(x, a)"), "`CumSum` is not on the list"),
    "mean axis 0": (model("y = ReduceMean<axes = [0]>(x)"), "`ReduceMean` over axis 0"),
    "mean all": (model("y = ReduceMean<keepdims = 1>(x)"), "over all axes"),
    "sum all 18": (model("y = ReduceMax(x)", opset=18), "over all axes"),
    "argmax default": (model("y = ArgMax(x)", outputs="int64 y"), "`ArgMax` over axis 0"),
    "transpose": (model("y = Transpose(x)"), "moves the batch axis"),
    "transpose there and back": (
        model("t = Transpose<perm = [1, 0]>(x) s = Softmax<axis = 1>(t) y = Transpose<perm = [1, 0]>(s)"),
        "moves the batch axis",
    ),
    "reshape folds": (model("s = Constant<value = int64[2] {-1, 8}>() y = Reshape(x, s)"), "folds"),
    "reshape unfolds": (model("s = Constant<value = int64[2] {-1, 2}>() y = Reshape(x, s)"), "folds"),
    "reshape fixed": (model("s = Constant<value = int64[2] {1, -1}>() y = Reshape(x, s)"), "does not keep"),
    "flatten": (model("y = Flatten<axis = 0>(x)"), "folds"),
    "concat": (model("y = Concat<axis = 0>(x, x)"), "over axis 0"),
    "gather rows": (model("i = Constant<value = int64[1] {0}>() y = Gather(x, i)"), "over axis 0"),
    "gather by rows": (model("y = Gather<axis = 1>(x, i)", "float[N,4] x, int64[N] i"), "differ between rows"),
    "table axis 1": (
        model(f"t = Constant<value = {kernel(3, 2)}>() y = Gather<axis = 1>(t, i)", "int64[N,4] i"),
        "puts the rows",
    ),
    "slice": (
        model("s = Constant<value = int64[1] {0}>() e = Constant<value = int64[1] {1}>() y = Slice(x, s, e)"),
        "which axes it cuts",
    ),
    "split": (model("y, z = Split<axis = 0>(x)", outputs="y, z"), "over axis 0"),
    "matmul of rows": (model("t = Constant<value = float {1.0}>() m = Mul(x, t) y = MatMul(x, m)", "float[N,4] x"),
                       "multiplies rows by rows"),
    "constant times rows": (
        model(f"w = Constant<value = {kernel(3, 4)}>() y = MatMul(w, x)"), "a constant by rows"
    ),
    "gemm transposed": (
        model(f"w = Constant<value = {kernel(4, 3)}>() y = Gemm<transA = 1>(x, w)"), "sums over the batch axis"
    ),
    "constant per row": (model("c = Constant<value = float[2,1] {1.0, 2.0}>() y = Add(x, c)"), "with a constant"),
    "rank broadcast": (model("y = Add(x, v)", "float[N,4] x, float[N] v"), "moves the batch axis"),
    "unsqueeze": (model("a = Constant<value = int64[1] {0}>() y = Unsqueeze(x, a)"), "before the batch axis"),
    "squeeze": (model("a = Constant<value = int64[1] {0}>() y = Squeeze(x, a)"), "drops the batch axis"),
    "batch norm trains": (
        model("c = Constant<value = float[4] {1.0, 2.0, 3.0, 4.0}>()"
              " y, m, v = BatchNormalization<training_mode = 1>(x, c, c, c, c)"), "trains"
    ),
    "batch size": (model("s = Size(x) f = Cast<to = 1>(s) y = Div(x, f)"), "`Size`"),
    "batch size by shape": (
        model("n = Shape<start = 0, end = 1>(x) f = Cast<to = 1>(n) y = Div(x, f)"), "computes with the batch size"
    ),
    "pool positions": (
        model("y, i = MaxPool<kernel_shape = [2, 2]>(x)", "float[N,3,4,4] x", "y, int64 i"), "over the whole batch"
    ),
    "strings sorted": (model("y, i, j, k = Unique(x)", "string[N] x", "string y, int64 j"), "`Unique`"),
    "branches": (
        model("a = ReduceMax<keepdims = 0>(x) z = Constant<value = float {0.0}>() c = Greater(a, z) " + BRANCHES),
        "over all axes",
    ),
    "a loop's body": (
        model("c = Constant<value = bool {1}>() " + BRANCHES),
        "nested graphs",
    ),
    "scaler of a vector": (
        model("y = ai.onnx.ml.Scaler<offset = [1.0], scale = [2.0]>(x)", "float[N] x"), "not rows of columns"
    ),
    "labels of several": (
        model("t = Constant<value = float[4] {7.0, 8.0, 9.0, 10.0}>() y = ai.onnx.ml.ArrayFeatureExtractor(t, i)",
              "int64[N,2] i"), "several indices a row"
    ),
    "labels left lying": (
        model("t = Constant<value = float[4] {7.0, 8.0, 9.0, 10.0}>() l = ai.onnx.ml.ArrayFeatureExtractor(t, i)"
              " y = Softmax<axis = 1>(l)", "int64[N] i"), "along axis 1"
    ),
    "fixed batch": (model("y = Relu(x)", "float[1,4] x"), "axis 0 of input `x` is fixed to 1"),
    "no batch": (model("y = Relu(x)", "float x"), "no batch axis"),
    "constant output": (
        model("y = Constant<value = float[2] {1.0, 2.0}>() z = Relu(x)", outputs="y, z"), "row by row"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MIXERS)
def test_planted_mixers_are_caught_and_named(name: str) -> None:
    content, expected = MIXERS[name]
    reason = mixing(content)
    assert reason is not None
    assert expected in reason


def test_a_false_shape_in_the_file_does_not_hide_a_fold() -> None:
    proto = onnx.load_model_from_string(
        model("c = Concat<axis = 1>(x, x) s = Constant<value = int64[2] {-1, 4}>() y = Reshape(c, s)")
    )
    proto.graph.value_info.append(onnx.helper.make_tensor_value_info("c", 1, ["N", 4]))
    assert mixing(proto.SerializeToString()) is not None


def test_models_of_scikit_learn_are_proven() -> None:
    from skl2onnx import to_onnx
    from sklearn.datasets import load_wine
    from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    data, classes = load_wine(return_X_y=True)
    data, names = data.astype(np.float32), np.array(["a", "b", "c"])[classes]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for estimator in (
            make_pipeline(StandardScaler(), LogisticRegression(max_iter=50)),
            make_pipeline(StandardScaler(), MLPClassifier((8,), max_iter=20, random_state=0)),
            RandomForestClassifier(5, random_state=0), SVC(), GradientBoostingRegressor(n_estimators=3),
        ):  # fmt: skip
            fitted = estimator.fit(data, classes if isinstance(estimator, GradientBoostingRegressor) else names)
            options = {"zipmap": False} if hasattr(fitted, "classes_") else None
            content = to_onnx(fitted, data[:1], options=options).SerializeToString()
            assert mixing(content) is None
            assert_rows_stay_apart_of(content, data[:40])


def assert_rows_stay_apart_of(content: bytes, rows: np.ndarray) -> None:
    runner = Runner(content)
    together = runner.run({"X": rows}, runner.outputs)
    for i in range(len(rows)):
        for whole, single in zip(together, runner.run({"X": rows[i : i + 1]}, runner.outputs), strict=True):
            if whole.dtype.kind == "f":
                np.testing.assert_allclose(whole[i], single[0], rtol=1e-5, atol=1e-6)
            else:
                assert whole[i] == single[0]
