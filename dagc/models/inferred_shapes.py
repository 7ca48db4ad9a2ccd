"""Shape inference that does not stop at ai.onnx.ml, whose operators mostly have no inference function in onnx."""

from typing import TYPE_CHECKING

from dagc.models.proto import plain_domain

if TYPE_CHECKING:
    import onnx

_ML = "ai.onnx.ml"
_TABLES = frozenset(
    {"FeatureVectorizer", "LinearRegressor", "Normalizer", "SVMRegressor", "Scaler", "TreeEnsembleRegressor"}
)
_CLASSIFIERS = frozenset({"LinearClassifier", "SVMClassifier", "TreeEnsembleClassifier"})


def with_inferred_shapes(proto: "onnx.ModelProto") -> "onnx.ModelProto":
    """The model with shapes as they follow from its inputs; what the file claims of other values is dropped.

    For the operators of ai.onnx.ml the ranks are those they have for tables of rows and columns: whoever relies
    on them checks that their input is such a table.
    """
    from onnx import shape_inference

    del proto.graph.value_info[:]
    for output in proto.graph.output:
        output.type.tensor_type.ClearField("shape")
    outputs = {output.name for output in proto.graph.output}
    for node in proto.graph.node:
        if plain_domain(node.domain) == _ML:
            _declare(node, proto.graph, outputs)
    return shape_inference.infer_shapes(proto, data_prop=True)


def _declare(node: "onnx.NodeProto", graph: "onnx.GraphProto", outputs: set[str]) -> None:
    from onnx import helper

    for name, dtype, rank in _known_outputs(node):
        value = helper.make_tensor_value_info(name, dtype, [None] * rank)
        if name not in outputs:
            graph.value_info.append(value)
            continue
        declared = next(output for output in graph.output if output.name == name)
        declared.type.tensor_type.shape.CopyFrom(value.type.tensor_type.shape)


def _known_outputs(node: "onnx.NodeProto") -> list[tuple[str, int, int]]:
    """Name, element type and rank of the outputs that are asked for."""
    from onnx import TensorProto

    kinds: list[tuple[int, int]] = []
    if node.op_type in _TABLES:
        kinds = [(TensorProto.FLOAT, 2)]
    elif node.op_type in _CLASSIFIERS:
        text = any(a.name == "classlabels_strings" and a.strings for a in node.attribute)
        kinds = [(TensorProto.STRING if text else TensorProto.INT64, 1), (TensorProto.FLOAT, 2)]
    elif node.op_type == "Imputer":
        whole = any(a.name == "imputed_value_int64s" and a.ints for a in node.attribute)
        kinds = [(TensorProto.INT64 if whole else TensorProto.FLOAT, 2)]
    return [(name, *kind) for name, kind in zip(node.output, kinds, strict=False) if name]
