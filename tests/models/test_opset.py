import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper

from dagc.models.opset import OpsetRefused, newest_opsets, raise_opset


def model(
    op: str, *, opset: int, ml: int | None = None, domain: str = "", **attributes: object
) -> onnx.ModelProto:
    graph = helper.make_graph(
        [helper.make_node(op, ["x"], ["y"], domain=domain, **attributes)],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 3, 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
    )
    imports = [helper.make_opsetid("", opset)]
    if ml is not None:
        imports.append(helper.make_opsetid("ai.onnx.ml", ml))
    return helper.make_model(graph, opset_imports=imports, ir_version=8)


def run(proto: onnx.ModelProto) -> np.ndarray:
    x = np.random.default_rng(0).normal(size=(4, 3, 2)).astype(np.float32)
    session = ort.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"x": x})[0])


def test_the_newest_of_each_domain_is_wanted() -> None:
    assert newest_opsets([model("Relu", opset=14), model("Tanh", opset=11, ml=3)]) == {"": 14, "ai.onnx.ml": 3}


def test_an_operator_that_did_not_change_is_only_relabelled() -> None:
    raised = raise_opset(model("Relu", opset=14), {"": 17})
    assert [entry.version for entry in raised.opset_import] == [17]
    assert len(raised.graph.node) == 1


def test_softmax_keeps_the_meaning_it_had_before_opset_13() -> None:
    old = model("Softmax", opset=11, axis=1)
    raised = raise_opset(old, {"": 17})
    np.testing.assert_array_equal(run(raised), run(old))
    relabelled = model("Softmax", opset=17, axis=1)
    assert not np.allclose(run(relabelled), run(old)), "the two versions differ, so this test means something"


@pytest.mark.parametrize(
    ("old", "opset"),
    [
        (model("Hardmax", opset=11, axis=1), 13),
        (model("Upsample", opset=8, mode="linear", scales=[1.0, 1.0, 2.0]), 11),
        (model("GroupNormalization", opset=18, num_groups=1), 21),
    ],
    ids=["Hardmax", "Upsample", "GroupNormalization"],
)
def test_an_operator_whose_meaning_the_converter_loses_is_refused(old: onnx.ModelProto, opset: int) -> None:
    name = old.graph.node[0].op_type
    with pytest.raises(
        OpsetRefused, match=f"`{name}` differs in opset {opset}, and no conversion keeps its meaning"
    ):
        raise_opset(old, {"": opset})


def test_upsampling_to_the_nearest_neighbour_is_converted() -> None:
    old = model("Upsample", opset=8, mode="nearest", scales=[1.0, 1.0, 2.0])
    np.testing.assert_array_equal(run(raise_opset(old, {"": 17})), run(old))


def test_what_onnxruntime_runs_at_older_opsets_only_is_refused() -> None:
    with pytest.raises(OpsetRefused, match="onnxruntime does not run it at opset 22: "):
        raise_opset(model("GlobalLpPool", opset=17, p=1), {"": 22})


def test_the_model_itself_comes_back_when_nothing_differs() -> None:
    same = model("Relu", opset=17)
    assert raise_opset(same, {"": 17, "ai.onnx.ml": 3}) is same


def test_an_ml_operator_whose_attributes_were_renamed_is_refused_by_name() -> None:
    encoder = model("LabelEncoder", opset=17, ml=1, domain="ai.onnx.ml", classes_strings=["a"])
    with pytest.raises(OpsetRefused, match="`LabelEncoder` of `ai.onnx.ml` changed between versions 1 and 3"):
        raise_opset(encoder, {"": 17, "ai.onnx.ml": 3})


def test_an_operator_of_an_unknown_domain_is_refused() -> None:
    odd = model("Odd", opset=17, domain="com.example")
    odd.opset_import.append(helper.make_opsetid("com.example", 1))
    assert raise_opset(odd, {"": 17, "com.example": 1}) is odd
