"""A model as merging takes it: nodes without names, each with a key of what it computes, and tensors by content.

It is read once, however often a graph calls the model; the nodes of every call are copies of these templates.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dagc.models.proto import all_nodes, bodies, forget_origin, plain_domain

if TYPE_CHECKING:
    import onnx

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


@dataclass(frozen=True, slots=True)
class Template:
    """A node. Equal keys compute the same of the same inputs; `None` is that of nodes never taken for equal.

    `label` is its name or, without one, its operator; `domains` are those of its bodies' operators too.
    """

    proto: "onnx.NodeProto"
    label: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    key: bytes | None
    domains: frozenset[str]
    is_identity: bool
    has_bodies: bool


@dataclass(frozen=True, slots=True)
class Fragment:
    """What a model takes, gives and holds, by its own names. `versions` are those of the domains its nodes use."""

    inputs: Mapping[str, "onnx.ValueInfoProto"]
    outputs: Mapping[str, "onnx.ValueInfoProto"]
    tensors: Mapping[str, "onnx.TensorProto"]
    contents: Mapping[str, bytes]
    nodes: Sequence[Template]
    versions: Mapping[str, int]
    opset: int
    ir_version: int


def fragment(proto: "onnx.ModelProto") -> Fragment:
    """The fragment of a model without functions and sparse tensors, whose message is used up."""
    forget_origin(proto)
    graph = proto.graph
    imported = {plain_domain(entry.domain): entry.version for entry in proto.opset_import}
    nodes = tuple(_template(node) for node in graph.node)
    domains = sorted(frozenset().union(*(node.domains for node in nodes)))
    return Fragment(
        {value.name: value for value in graph.input},
        {value.name: value for value in graph.output},
        {tensor.name: tensor for tensor in graph.initializer},
        {tensor.name: _content(tensor) for tensor in graph.initializer},
        nodes,
        {domain: imported.get(domain, 1) for domain in domains},
        imported.get("", 1),
        proto.ir_version,
    )


def _template(node: "onnx.NodeProto") -> Template:
    inside = list(all_nodes([node]))
    for inner in inside:
        if not plain_domain(inner.domain):
            inner.ClearField("domain")
    domains = frozenset(inner.domain for inner in inside)
    outputs = list(node.output)
    while outputs and not outputs[-1]:
        outputs.pop()
    found = Template(
        node,
        node.name or node.op_type,
        tuple(node.input),
        tuple(outputs),
        _key(node, outputs),
        domains,
        is_identity=node.op_type == "Identity" and not node.domain and bool(node.input[0]),
        has_bodies=any(True for _ in bodies(node)),
    )
    for name in ("name", "input", "output", *([] if node.overload else ["overload"])):
        node.ClearField(name)
    return found


def _key(node: "onnx.NodeProto", outputs: Sequence[str]) -> bytes | None:
    if node.op_type in _RANDOM or any(True for _ in bodies(node)):
        return None
    attributes = sorted((each.name, each.SerializeToString(deterministic=True)) for each in node.attribute)
    # Which optional outputs are asked for changes what some operators compute.
    asked = tuple(bool(output) for output in outputs)
    return repr((node.domain, node.op_type, node.overload, asked, attributes)).encode()


def _content(tensor: "onnx.TensorProto") -> bytes:
    """A digest that is equal for tensors of one type, shape and content."""
    from onnx import numpy_helper

    if tensor.string_data:
        content = repr(list(tensor.string_data)).encode()
    elif tensor.HasField("raw_data"):
        content = tensor.raw_data
    else:
        content = numpy_helper.to_array(tensor).tobytes()
    head = repr((tensor.data_type, tuple(tensor.dims))).encode()
    return hashlib.sha256(head + hashlib.sha256(content).digest()).digest()
