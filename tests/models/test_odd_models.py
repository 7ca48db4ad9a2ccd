"""Files that are right but unusual: what exporters leave out, spell out, or still write as they did years ago."""

import gzip
import pickle
import zlib
from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx import parser

from dagc.models.merge import MergeRefused, Part, merge
from dagc.models.model_error import ModelError
from dagc.models.read import examined
from dagc.models.runner import Runner
from dagc.models.store import ModelStore

pytestmark = pytest.mark.ort


def model(body: str, *, opset: int = 17, ir: int = 8, domains: str = "", functions: str = "") -> onnx.ModelProto:
    return parser.parse_model(f'<ir_version: {ir}, opset_import: ["" : {opset}{domains}]> {body} {functions}')


def negation() -> onnx.ModelProto:
    return model("g (float[N,3] x) => (float[N,3] y) { y = Neg(x) }")


def spelled_out() -> onnx.ModelProto:
    proto = negation()
    proto.opset_import[0].domain = proto.graph.node[0].domain = "ai.onnx"
    return proto


def half_spelled_out() -> onnx.ModelProto:
    proto = negation()
    proto.graph.node[0].domain = "ai.onnx"
    return proto


def without_output_shape() -> onnx.ModelProto:
    proto = negation()
    proto.graph.output[0].type.tensor_type.ClearField("shape")
    return proto


def from_before_version_4() -> onnx.ModelProto:
    body = "{ t = Mul(x, k) y = Neg(t) }"
    return model(f"g (float[N,3] x, float k) => (float[N,3] y) <float k = {{1.0}}> {body}", opset=9, ir=3)


@pytest.mark.parametrize("make", [spelled_out, half_spelled_out, without_output_shape, from_before_version_4])
def test_it_is_read_proven_row_wise_and_merged(make: Callable[[], onnx.ModelProto]) -> None:
    store = ModelStore()
    read = examined(make().SerializeToString(), "odd.onnx")
    signature = store.signature(key := store.add(read))
    assert [str(port.type) for port in (*signature.inputs, *signature.outputs)] == ["f32[N, 3]", "f32[N, 3]"]
    assert store.mixing(key) is None
    parts = [Part("a", read, (("x", "x"),), (("y", "t"),)), Part("b", read, (("x", "t"),), (("y", "y"),))]
    merged = merge(parts, ("x",), ("y",), "twice")
    row = np.array([[1.0, -2.0, 3.0]], np.float32)
    assert Runner(merged).run({"x": row}, ("y",))[0].tolist() == row.tolist()


@pytest.mark.parametrize("operator", ["Div", "Mod"])
def test_whole_numbers_that_are_divided_by_are_not_tried_as_zeros_only(operator: str) -> None:
    divided = model(f"g (int64[N,3] x, int64[N,3] z) => (int64[N,3] y) {{ y = {operator}(x, z) }}")
    store = ModelStore()
    key = store.add(examined(divided.SerializeToString(), "divided.onnx"))
    assert store.mixing(key) is None
    assert store.signature(key).remarks == ()


def test_texts_that_are_read_as_numbers_are_tried_as_numbers() -> None:
    parsed = model("g (string[N,2] s) => (float[N,2] y) { y = Cast<to = 1>(s) }")
    store = ModelStore()
    assert store.signature(store.add(examined(parsed.SerializeToString(), "parsed.onnx"))).ran


def test_a_value_that_is_no_tensor_is_named_in_words() -> None:
    wrapped = model("g (optional(float[N,3]) x) => (float[N,3] y) { y = OptionalGetElement(x) }", opset=18)
    with pytest.raises(ModelError, match="input `x` is an optional value, not a tensor") as refused:
        examined(wrapped.SerializeToString(), "wrapped.onnx")
    assert refused.value.code == "E0407"


def test_a_function_of_another_opset_is_not_merged_and_the_reason_names_it() -> None:
    older = model(
        "g (float[N,3] x) => (float[N,3] y) { y = local.f(x) }",
        domains=', "local" : 1',
        functions='<domain: "local", opset_import: ["" : 13]> f (x) => (y) { y = Neg(x) }',
    )
    part = Part("older", older.SerializeToString(), (("x", "x"),), (("y", "y"),))
    with pytest.raises(MergeRefused, match="function `f` of `older` is written in another opset than the model"):
        merge([part], ("x",), ("y",), "m")


def test_what_the_runtime_says_of_a_shape_is_told_whole() -> None:
    upper = model('g (string[N,1] s) => (string[N,1] u) { u = StringNormalizer<case_change_action = "UPPER">(s) }')
    with pytest.raises(ModelError) as refused:
        examined(upper.SerializeToString(), "upper.onnx")
    assert "[C]" in refused.value.notes[0]
    assert "ShapeInferenceError" not in refused.value.notes[0]


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 100\n", "Git LFS"),
        (b"\n<!DOCTYPE html><html>404</html>", "a web page"),
        (b'<ir_version: 8, opset_import: ["" : 17]> g () => () { }', "ONNX in its text form"),
        (pickle.dumps({"weights": 1}), "a Python pickle"),
        (b"PK\x03\x04archive/data.pkl" + bytes(50), "a zip archive"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "an HDF5 file"),
        (b"\x1c\0\0\0TFL3" + bytes(60), "TensorFlow Lite"),
        ((8).to_bytes(8, "little") + b'{"a":{}}' + bytes(9), "safetensors"),
        (gzip.compress(b"model"), "compressed by gzip"),
        (zlib.compress(pickle.dumps({"weights": 1})), "as joblib writes"),
        (b"GGUF\3\0\0\0" + bytes(60), "GGUF"),
        (b"\x18\0\0\0ORTM" + bytes(60), "onnxruntime's own format"),
        (b'{"learner":{"attributes":{}}}', "XGBoost"),
        (b"{L" + (7).to_bytes(8, "big") + b"learner", "XGBoost"),
        (b"tree\nversion=v4\n", "LightGBM"),
        (b"CBM1" + bytes(60), "CatBoost"),
        (b'<?xml version="1.0"?><net name="m"></net>', "XML"),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_a_file_of_another_kind_is_told_as_what_it_is(content: bytes, what: str) -> None:
    with pytest.raises(ModelError) as refused:
        examined(content, "other.onnx")
    assert refused.value.code == "E0402"
    assert what in refused.value.notes[0] and refused.value.help
