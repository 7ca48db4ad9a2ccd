"""The class labels a classifier's outputs are about, where its file says so."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dagc.models.proto import parse

if TYPE_CHECKING:
    import onnx

Labels = tuple[int | str, ...]

_PASSES_ON = frozenset(
    {"Identity", "Cast", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Normalizer", "Softmax", "Sigmoid"}
)
"""Operators that leave what their first input says about classes as it is."""
_LISTS = ("classlabels_int64s", "classlabels_ints", "classlabels_strings", "cats_int64s", "cats_strings")


def labels(model: bytes) -> Mapping[str, Labels]:
    """For each output the labels it may be, or those of its columns in order; none where nothing says.

    A classifier of `ai.onnx.ml` lists them in an attribute; converters also gather them from a constant, by the
    position of the largest score.
    """
    graph = parse(model).graph
    producers = {name: node for node in graph.node for name in node.output}
    constants = {tensor.name: tensor for tensor in graph.initializer}
    found = ((value.name, _traced(value.name, producers, constants)) for value in graph.output)
    return {name: known for name, known in found if known is not None}


def _traced(
    output: str, producers: Mapping[str, "onnx.NodeProto"], constants: Mapping[str, "onnx.TensorProto"]
) -> Labels | None:
    """What the operators an output comes from say, from the last to the first that says something."""
    seen: set[str] = set()
    while output in producers and output not in seen:
        seen.add(output)
        node = producers[output]
        if found := _listed(node):
            return found
        if node.op_type in ("ArrayFeatureExtractor", "Gather") and node.input[0] in constants:
            return _elements(constants[node.input[0]])
        if node.op_type not in _PASSES_ON:
            return None
        output = node.input[0]
    return None


def _listed(node: "onnx.NodeProto") -> Labels | None:
    attributes: Mapping[str, onnx.AttributeProto] = {attribute.name: attribute for attribute in node.attribute}
    for name in _LISTS:
        if name in attributes and node.op_type.endswith(("Classifier", "ClassifierV2")):
            given = attributes[name]
            found = tuple(text.decode("utf-8", "replace") for text in given.strings) or tuple(given.ints)
            return found or None
    return None


def _elements(tensor: "onnx.TensorProto") -> Labels | None:
    from onnx import numpy_helper

    array = numpy_helper.to_array(tensor)
    if array.dtype.kind not in "iUSO" or array.size == 0:
        return None
    return tuple(
        item.decode("utf-8", "replace") if isinstance(item, bytes) else item for item in array.ravel().tolist()
    )
