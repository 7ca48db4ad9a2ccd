"""Classifiers of scikit-learn without `ZipMap`: probabilities as a table of one column per class, not as maps.

skl2onnx ends classifiers with that operator unless told otherwise. Its input is the table that services want.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dagc.models.proto import plain_domain

if TYPE_CHECKING:
    import onnx

_MOST_SHOWN = 8


def without_zipmap(proto: "onnx.ModelProto") -> tuple[str, ...]:
    """Make every output that a `ZipMap` writes the table it reads; returns one remark for each."""
    maps = {
        node.output[0]: node
        for node in proto.graph.node
        if node.op_type == "ZipMap" and plain_domain(node.domain) == "ai.onnx.ml" and node.input and node.output
    }
    outputs = [
        value for value in proto.graph.output if value.name in maps and value.type.HasField("sequence_type")
    ]
    return tuple(_made_table(value, maps[value.name]) for value in outputs)


def _made_table(value: "onnx.ValueInfoProto", node: "onnx.NodeProto") -> str:
    import onnx

    labels = _labels(node)
    dims = [None, len(labels) or None]
    value.type.CopyFrom(onnx.helper.make_tensor_type_proto(onnx.TensorProto.FLOAT, dims))
    node.op_type, node.domain = "Identity", ""
    del node.attribute[:]
    return f"output `{value.name}` was a list of maps and is a table with one column per class: {_shown(labels)}"


def _labels(node: "onnx.NodeProto") -> list[str]:
    for attribute in node.attribute:
        if attribute.name == "classlabels_strings" and attribute.strings:
            return [text.decode("utf-8", "replace") for text in attribute.strings]
        if attribute.name == "classlabels_int64s" and attribute.ints:
            return [str(number) for number in attribute.ints]
    return []


def _shown(labels: Sequence[str]) -> str:
    more = f" and {len(labels) - _MOST_SHOWN} more" if len(labels) > _MOST_SHOWN else ""
    return ", ".join(labels[:_MOST_SHOWN]) + more
