"""What an assembled graph does not need: identities, equal initializers, equal nodes, and what nobody reads.

Works on the outermost graph in one forward and one backward walk, so in time linear in its nodes. Nested graphs
are left as they are, but what they capture from outside counts as read and is rewired like any other use.
"""

import hashlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx_ir as ir

_RANDOM = frozenset(
    {
        "RandomNormal",
        "RandomNormalLike",
        "RandomUniform",
        "RandomUniformLike",
        "Multinomial",
        "Bernoulli",
        "Dropout",
    }
)
"""Two equal nodes of these may differ. `Dropout` draws when its third input says so, so it is kept as well."""


def merge_equals(graph: "ir.Graph", outputs: Sequence["ir.Value"]) -> list["ir.Value"]:
    """The outputs after every identity, repeated initializer and repeated node has been replaced by its first."""
    replaced: dict[ir.Value, ir.Value] = {}
    _merge_initializers(graph, replaced)
    seen: dict[object, ir.Node] = {}
    for node in tuple(graph):
        if _is_identity(node) and node.inputs[0] is not None:
            _replace(node.outputs[0], node.inputs[0], replaced)
            graph.remove(node)
            continue
        key = _node_key(node)
        if key is None:
            continue
        first = seen.setdefault(key, node)
        if first is not node:
            for output, other in zip(node.outputs, first.outputs, strict=True):
                _replace(output, other, replaced)
            graph.remove(node)
    return [replaced.get(value, value) for value in outputs]


def drop_unread(graph: "ir.Graph", outputs: Sequence["ir.Value"]) -> None:
    """Remove the nodes and initializers that no output depends on."""
    read = set(outputs)
    for node in tuple(reversed(graph)):
        if any(output in read for output in node.outputs):
            read.update(value for value in node.inputs if value is not None)
            read.update(_captured(node))
        else:
            graph.remove(node)
    for name, value in tuple(graph.initializers.items()):
        if value not in read:
            del graph.initializers[name]


def nested_graphs(node: "ir.Node") -> Iterator["ir.Graph"]:
    """The graphs directly inside a node: branches and loop bodies."""
    import onnx_ir as ir

    for attribute in node.attributes.values():
        if attribute.type is ir.AttributeType.GRAPH:
            yield attribute.as_graph()
        elif attribute.type is ir.AttributeType.GRAPHS:
            yield from attribute.as_graphs()


def _captured(node: "ir.Node") -> Iterator["ir.Value"]:
    """Every value read inside the node's nested graphs, at any depth; their own ones among them do no harm."""
    for graph in nested_graphs(node):
        yield from graph.outputs
        for inner in graph:
            yield from (value for value in inner.inputs if value is not None)
            yield from _captured(inner)


def _replace(value: "ir.Value", other: "ir.Value", replaced: dict["ir.Value", "ir.Value"]) -> None:
    value.replace_all_uses_with(other, replace_graph_outputs=True)
    replaced[value] = other


def _merge_initializers(graph: "ir.Graph", replaced: dict["ir.Value", "ir.Value"]) -> None:
    seen: dict[object, ir.Value] = {}
    for name, value in tuple(graph.initializers.items()):
        if value.const_value is None or value.is_graph_input():
            continue
        first = seen.setdefault(_tensor_key(value.const_value), value)
        if first is not value:
            _replace(value, first, replaced)
            del graph.initializers[name]


def _tensor_key(tensor: "ir.TensorProtocol") -> object:
    import onnx_ir as ir

    if tensor.dtype is ir.DataType.STRING:
        content: object = tuple(bytes(item) for item in ir.serde.serialize_tensor(tensor).string_data)
    else:
        content = hashlib.sha256(tensor.tobytes()).digest()
    return (tensor.dtype, tuple(tensor.shape), content)


def _is_identity(node: "ir.Node") -> bool:
    return node.op_type == "Identity" and node.domain == ""


def _node_key(node: "ir.Node") -> object:
    """Equal for nodes that compute the same; `None` for those never merged: random ones and those with bodies."""
    import onnx_ir as ir

    if node.op_type in _RANDOM or any(True for _ in nested_graphs(node)):
        return None
    attributes = [
        (name, ir.serde.serialize_attribute(attribute).SerializeToString(deterministic=True))
        for name, attribute in sorted(node.attributes.items())
    ]
    # Which optional outputs are asked for changes what some operators compute.
    asked = tuple(bool(output.name) for output in node.outputs)
    inputs = tuple(None if value is None else id(value) for value in node.inputs)
    return (node.domain, node.op_type, node.overload, inputs, asked, tuple(attributes))
