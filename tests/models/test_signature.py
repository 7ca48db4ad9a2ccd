"""Signatures: dims as stored, examples without the batch axis, and models that have none."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, parser

from dagc.ir.types import DType, Tensor
from dagc.models.model_error import ModelError
from dagc.models.signature import read_signature


def model(ports: str, body: str = "y = Identity(x)") -> bytes:
    text = f'<ir_version: 8, opset_import: ["" : 17, "ai.onnx.ml" : 3]> g {ports} {{ {body} }}'
    return parser.parse_model(text).SerializeToString()


def test_a_signature_holds_what_the_file_says() -> None:
    content = model("(float[N,30] x, string[N,1] s, int64[1] one, float16[B,T,8] h) => (float[N,30] y)")
    signature = read_signature(content)
    assert [(port.name, str(port.type)) for port in signature.inputs] == [
        ("x", "f32[N, 30]"), ("s", "str[N, 1]"), ("one", "i64[1]"), ("h", "f16[B, T, 8]"),
    ]  # fmt: skip
    assert [str(signature.example(port)) for port in signature.inputs] == [
        "f32[30]",
        "str[1]",
        "i64[]",
        "f16[T, 8]",
    ]
    assert (signature.opset, signature.ml_opset, signature.ir_version) == (17, 3, 8)
    assert signature.input("x") == signature.inputs[0]
    assert signature.output("y") == signature.outputs[0]
    assert signature.input("y") is None


def test_stored_tensors_listed_as_inputs_are_no_inputs() -> None:
    proto = onnx.load_model_from_string(
        model("(float[N,3] x) => (float[N,3] y) <float[3] w = {1.0, 2.0, 3.0}>", "y = Add(x, w)")
    )
    proto.graph.input.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, [3]))
    assert [port.name for port in read_signature(proto.SerializeToString()).inputs] == ["x"]


def test_a_shape_the_file_leaves_out_is_inferred_where_possible() -> None:
    proto = onnx.load_model_from_string(model("(float[N,3] x) => (float[N,3] y)"))
    proto.graph.output[0].type.tensor_type.ClearField("shape")
    (port,) = read_signature(proto.SerializeToString()).outputs
    assert port.type == Tensor(DType.F32, ("N", 3))
    proto.graph.node[0].op_type, proto.graph.node[0].domain = "Unheard", "nobody"
    (port,) = read_signature(proto.SerializeToString()).outputs
    assert port.type == Tensor(DType.F32, None)


@pytest.mark.parametrize(
    ("ports", "body", "message"),
    [
        ("(float x) => (float y)", "y = Identity(x)", "input `x` has no batch axis: `f32[]` has no axis"),
        ("(float[8,3] x) => (float[8,3] y)", "y = Identity(x)", "axis 0 of `f32[8, 3]` is fixed to 8"),
        ("(float[N,3] x) => (float y)", "y = ReduceSum<keepdims = 0>(x)", "output `y` has no batch axis"),
    ],
)
def test_a_model_without_a_batch_axis_is_an_error(ports: str, body: str, message: str) -> None:
    with pytest.raises(ModelError, match="E0405") as error:
        read_signature(model(ports, body))
    assert message in error.value.message
    assert error.value.help


def test_a_batch_axis_fixed_to_one_is_allowed() -> None:
    assert read_signature(model("(float[1,3] x) => (float[1,3] y)")).inputs[0].type.dims == (1, 3)


def test_an_output_that_is_a_list_of_maps_is_an_error_with_the_way_out() -> None:
    from skl2onnx import to_onnx
    from sklearn.datasets import load_wine
    from sklearn.linear_model import LogisticRegression

    data, classes = load_wine(return_X_y=True)
    fitted = LogisticRegression(max_iter=5000).fit(data, classes)
    with pytest.raises(ModelError, match="E0407") as error:
        read_signature(to_onnx(fitted, data[:1].astype(np.float32)).SerializeToString())
    assert "zipmap" in (error.value.help or "")


def test_an_element_type_that_is_not_served_is_named() -> None:
    with pytest.raises(ModelError, match="bfloat16"):
        read_signature(model("(bfloat16[N] x) => (bfloat16[N] y)"))


def test_bytes_that_are_no_model_are_an_error() -> None:
    with pytest.raises(ModelError, match="E0402"):
        read_signature(b"\xff\xffgarbage")
