"""The walk over a model: values from inputs to outputs, and the sentence that says why a batch is not safe.

A mixed value is not the end: it counts only where an output is computed from it. Work is bounded, because nested
loops are walked more than once and a model file is not trusted.
"""

import hashlib
from collections import ChainMap
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from dagc.models.proto import all_nodes, plain_domain
from dagc.models.rows.broadcast import RULES as ELEMENTWISE
from dagc.models.rows.call import Call
from dagc.models.rows.counting import counted
from dagc.models.rows.numbering import numbered
from dagc.models.rows.padding import worded
from dagc.models.rows.repeats import Repeats
from dagc.models.rows.rules import ML, RANDOM, RULES
from dagc.models.rows.size import ROWS, number, some_size
from dagc.models.rows.value import MISFITS, Mixed, Mixes, Place, Tensor, Value, settled

if TYPE_CHECKING:
    import onnx

_VISITS_PER_NODE = 20
_VISITS_AT_LEAST = 10_000
_DEEPEST = 16
_LONGEST_NAME = 60
_NEWEST = 2**31 - 1
"""The largest version ONNX's registry can be asked for."""

Scope = ChainMap[str, Value]
"""The values of a graph, before those of the graphs around it."""


class Proof:
    """The walk over one model of which all functions are inlined."""

    def __init__(self, proto: "onnx.ModelProto") -> None:
        self._opsets = {plain_domain(entry.domain): entry.version for entry in proto.opset_import}
        self._repeats = Repeats()
        self._visits = _VISITS_AT_LEAST + _VISITS_PER_NODE * sum(1 for _ in all_nodes(proto.graph.node))

    def values(self, graph: "onnx.GraphProto", inputs: Mapping[str, Value]) -> Mapping[str, Value]:
        """What is known of every value of a graph by name, from what is known of its inputs."""
        return self._walk(graph, ChainMap(), inputs, "", 0)

    def _walk(
        self, graph: "onnx.GraphProto", outer: Scope, inputs: Mapping[str, Value], path: str, depth: int
    ) -> Scope:
        own = {**_stored(graph), **inputs}
        scope = outer.new_child(own)
        for node in graph.node:
            self._visits -= 1
            if self._visits < 0 or depth > _DEEPEST:
                endless = Mixed("its nested graphs are too many to follow")
                return scope.new_child({output.name: endless for output in graph.output})
            values = self._apply(node, scope, path, depth)
            own.update((name, value) for name, value in zip(node.output, values, strict=True) if name)
        return scope

    def _apply(self, node: "onnx.NodeProto", scope: Scope, path: str, depth: int) -> list[Value]:
        """The values of all outputs of a node."""
        own = scope.maps[0]
        inputs = tuple(
            [(own.get(name) or scope.get(name) or _unsorted(node)) if name else None for name in node.input]
        )
        domain = plain_domain(node.domain)
        if domain == "" and (met := self._repeats.result(node, inputs)) is not None:
            return [met]

        def analyse(body: "onnx.GraphProto", given: Sequence[Value], visit: str) -> Sequence[Value]:
            """What is known of the outputs of a body, from what is known of its inputs."""
            if len(given) != len(body.input):
                raise Mixes("has a graph with other inputs than it is given")
            names = {value.name: known for value, known in zip(body.input, given, strict=True)}
            return outputs(body, self._walk(body, scope, names, _inner_path(path, node, visit), depth + 1))

        call = Call(node, inputs, self._opsets.get(domain, 1), path, analyse)
        values = _transferred(call, domain)
        if len(values) < len(node.output):
            silent = Mixed(f"{_named(node)} gives an output that may depend on other rows")
            return [*values, *[silent] * (len(node.output) - len(values))]
        return list(values[: len(node.output)])


def outputs(graph: "onnx.GraphProto", values: Mapping[str, Value]) -> Sequence[Value]:
    """What is known of the outputs of a graph, in their order."""
    missing = Mixed("it gives an output nothing computes")
    return [values.get(output.name, missing) for output in graph.output]


def _stored(graph: "onnx.GraphProto") -> dict[str, Value]:
    stored: dict[str, Value] = {
        tensor.name: Tensor(tuple(map(number, tensor.dims)), stored=tensor) for tensor in graph.initializer
    }
    stored.update((t.values.name, Tensor(tuple(map(number, t.dims)))) for t in graph.sparse_initializer)
    return stored


def _unsorted(node: "onnx.NodeProto") -> Mixed:
    return Mixed(f"{_named(node)} reads a value nothing has computed before it")


def _transferred(call: Call, domain: str) -> Sequence[Value]:
    node = call.node
    every = len(node.output)
    indices = numbered(call, f"{_named(node)} numbers the rows") if domain == "" else None
    if indices is not None:
        return indices
    words = worded(call, domain, f"{_named(node)} pads texts to the longest of the batch")
    if words is not None:
        return words
    call = replace(call, inputs=tuple(value and settled(value) for value in call.inputs))
    if call.mixed is not None:
        return [_of_mixed(call, domain)] * every
    if domain == "" and node.op_type == "Constant":
        return [_constant(node)]
    if domain == "" and node.op_type in RANDOM:
        return [Mixed(f"{_named(node)} draws at random")] * every
    rule = RULES.get((domain, node.op_type))
    if rule is None:
        if call.same and not _holds_graphs(node) and _is_standard(domain, node.op_type, call.opset):
            return [Tensor(None)] * every
        return [Mixed(f"{_named(node)} is not known to keep rows apart")] * every
    known = counted(call) if domain == "" else None
    if known is not None:
        return known
    try:
        return rule(call)
    except Mixes as refusal:
        reason = str(refusal)
    except MISFITS:
        reason = "does not fit its inputs"
    if call.same and not _holds_graphs(node) and node.op_type != "Dropout":  # which draws, where it trains
        return [Tensor(None)] * every
    return [Mixed(f"{_named(node)} {reason}")] * every


def _of_mixed(call: Call, domain: str) -> Value:
    """What a mixed input leaves: the shape of it, and of what is computed from it element by element."""
    first = call.mixed or Mixed("")
    shapes = [value.shape if isinstance(value, Mixed) else value for value in call.inputs]
    known = [shape for shape in shapes if isinstance(shape, Tensor)]
    if len(known) < len(shapes) or domain != "":
        return first
    bare = replace(call, inputs=tuple(known))
    try:
        if call.node.op_type in ("Shape", "Size"):
            return RULES["", call.node.op_type](bare)[0]
        shape = ELEMENTWISE[call.node.op_type](bare)[0] if call.node.op_type in ELEMENTWISE else None
    except (Mixes, *MISFITS):
        return first
    return Mixed(first.reason, shape if isinstance(shape, Tensor) else None)


def _constant(node: "onnx.NodeProto") -> Value:
    from onnx import helper

    for attribute in node.attribute:
        if attribute.name == "value":
            return Tensor(tuple(map(number, attribute.t.dims)), stored=attribute.t)
        if attribute.name in ("value_int", "value_ints"):
            whole = list(attribute.ints) if attribute.name == "value_ints" else [attribute.i]
            dims = (len(whole),) if attribute.name == "value_ints" else ()
            return Tensor(tuple(map(number, dims)), stored=helper.make_tensor("", 7, dims, whole))
        if attribute.name in ("value_float", "value_floats"):
            floats = list(attribute.floats) if attribute.name == "value_floats" else [attribute.f]
            dims = (len(floats),) if attribute.name == "value_floats" else ()
            return Tensor(tuple(map(number, dims)), stored=helper.make_tensor("", 1, dims, floats))
        if attribute.name == "value_strings":
            return Tensor((number(len(attribute.strings)),))
        if attribute.name == "value_string":
            return Tensor(())
        if attribute.name == "sparse_value":
            return Tensor(tuple(map(number, attribute.sparse_tensor.dims)))
    return Tensor(None)


def _is_standard(domain: str, op_type: str | bytes, opset: int) -> bool:
    """Whether ONNX defines the operator, and so its result for equal inputs."""
    from onnx import defs

    # A name that is not UTF-8 comes out of the file as bytes.
    return domain in ("", ML) and isinstance(op_type, str) and defs.has(op_type, min(opset, _NEWEST), domain)


def _holds_graphs(node: "onnx.NodeProto") -> bool:
    """Whether it reads more than its inputs say."""
    return any(attribute.HasField("g") or attribute.graphs for attribute in node.attribute)


def _inner_path(path: str, node: "onnx.NodeProto", visit: str) -> str:
    return hashlib.sha256(repr((path, list(node.output), visit)).encode()).hexdigest()


def _named(node: "onnx.NodeProto") -> str:
    """The operator and which of them it is: "operator `Softmax` of node `scores`"."""
    domain = plain_domain(node.domain)
    kind = node.op_type if domain in ("", ML) else f"{domain}.{node.op_type}"
    which = (
        f"of node `{printable(node.name)}`" if node.name else f"giving `{printable(next(iter(node.output), ''))}`"
    )
    return f"operator `{printable(kind)}` {which}"


def printable(name: str | bytes) -> str:
    """A name out of a file, fit for a sentence: without quotes or control characters, and not too long.

    A name that is not UTF-8 comes out of the file as bytes.
    """
    text = name if isinstance(name, str) else name.decode(errors="replace")
    clean = "".join(letter if letter.isprintable() and letter != "`" else "?" for letter in text)
    return clean if len(clean) <= _LONGEST_NAME else f"{clean[: _LONGEST_NAME - 1]}…"


def batch_input(value: "onnx.ValueInfoProto") -> Value | str:
    """The tensor an input is when axis 0 is the batch, or why it cannot be one."""
    name = printable(value.name)
    if not value.type.HasField("tensor_type"):
        return f"input `{name}` is not a tensor"
    if not value.type.tensor_type.HasField("shape") or not value.type.tensor_type.shape.dim:
        return f"input `{name}` has no batch axis"
    first, *others = value.type.tensor_type.shape.dim
    if first.HasField("dim_value") and first.dim_value >= 0:
        return f"axis 0 of input `{name}` is fixed to {first.dim_value}"
    # Equal names of dims promise nothing: converters give the same name to different sizes.
    sizes = [
        number(dim.dim_value)
        if dim.HasField("dim_value") and dim.dim_value >= 0
        else some_size("input", value.name, axis)
        for axis, dim in enumerate(others, start=1)
    ]
    return Tensor((ROWS, *sizes), Place(0, number(1), number(1)))


def complaint(name: str, value: Value) -> str | None:
    """Why an output is not one row for every row of the inputs."""
    value = settled(value)
    if isinstance(value, Mixed):
        return value.reason
    place = value.place
    if place is None:
        return f"output `{printable(name)}` does not depend on the inputs row by row"
    if place.axis != 0:
        return f"output `{printable(name)}` holds the batch along axis {place.axis}, not along axis 0"
    if place.outer != number(1) or place.inner != number(1):
        return f"output `{printable(name)}` holds other elements than the rows along axis 0"
    return None
