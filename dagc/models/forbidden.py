"""What a model file may hold by the ONNX format and no service runs: each found before anything executes.

Operators outside the list need a library, and a library that comes with a model is code that comes with a model.
"""

import graphlib
from collections.abc import Iterator
from math import prod
from typing import TYPE_CHECKING

from dagc.models import extensions
from dagc.models.model_error import ModelError
from dagc.models.proto import all_graphs, all_nodes, plain_domain

if TYPE_CHECKING:
    import onnx

_DOMAINS = frozenset({"", "ai.onnx.ml", "com.microsoft"})
_MOST_ELEMENTS = 2**31
"""A tensor of so many elements of one byte fills the 2 GiB that a model may have."""
_DEEPEST = 16
_LONGEST_NAME = 500

Operator = tuple[str, str, str]
"""Domain, name and overload of an operator or function."""


def refuse_forbidden(proto: "onnx.ModelProto", name: str) -> None:
    """Raise what forbids serving the model.

    Raises:
        ModelError: E0413 operators of a domain that is not served, E0430 of one whose library is not installed,
            E0414 a declared tensor of more elements than any machine holds, E0415 training information, functions
            that call themselves, graphs nested deeper than 16 or names that cannot be printed.
    """
    _no_training(proto, name)
    _not_too_deep(proto, name)
    _names_printable(proto, name)
    _functions_end(proto, name)
    _domains_known(proto, name)
    _sizes_possible(proto, name)


def _no_training(proto: "onnx.ModelProto", name: str) -> None:
    if proto.training_info:
        raise _held(name, "training information", "a service answers requests and trains nothing")


def _not_too_deep(proto: "onnx.ModelProto", name: str) -> None:
    tops = [proto.graph.node, *(function.node for function in proto.functions)]
    wave = [graph for nodes in tops for node in nodes for graph in _bodies(node)]
    for _ in range(_DEEPEST):
        wave = [body for graph in wave for node in graph.node for body in _bodies(node)]
    if wave:
        raise _held(
            name, f"graphs nested deeper than {_DEEPEST}", "branches and loops are followed so far and no further"
        )


def _names_printable(proto: "onnx.ModelProto", name: str) -> None:
    ports = (*proto.graph.input, *proto.graph.output)
    bad = next((p.name for p in ports if not p.name.isprintable() or not 0 < len(p.name) <= _LONGEST_NAME), None)
    if bad is not None:
        shown = ascii(bad[:40])
        raise _held(name, f"an input or output named {shown}", "a name is 1 to 500 printable characters")


def _functions_end(proto: "onnx.ModelProto", name: str) -> None:
    calls = {_key(function): {_called(node) for node in all_nodes(function.node)} for function in proto.functions}
    try:
        graphlib.TopologicalSorter(calls).prepare()
    except graphlib.CycleError as error:
        circle: list[Operator] = error.args[1]
        shown = ", ".join(dict.fromkeys(f"`{key[1]}`" for key in circle[:4]))
        raise _held(name, f"functions that call themselves ({shown})", "inlining them has no end") from error


def _domains_known(proto: "onnx.ModelProto", name: str) -> None:
    own = {_key(function) for function in proto.functions}
    bodies = [proto.graph.node, *(function.node for function in proto.functions)]
    for node in (node for nodes in bodies for node in all_nodes(nodes)):
        domain = plain_domain(node.domain)
        if domain in _DOMAINS or _called(node) in own:
            continue
        if domain in extensions.DOMAINS and extensions.installed():
            continue
        raise _unknown_domain(name, node.op_type, domain)


def _unknown_domain(name: str, operator: str, domain: str) -> ModelError:
    if domain in extensions.DOMAINS:
        return ModelError(
            "E0430",
            f"`{name}` uses operator `{operator}` of {extensions.DISTRIBUTION}, which is not installed",
            ("it is the only library of operators that is loaded for a model",),
            "run `pip install 'dagc[fuse]'`, and `dagc lock` to have the service install it too",
        )
    return ModelError(
        "E0413",
        f"`{name}` uses operator `{operator}` of the domain `{domain}`, which is not served",
        ("served are the domains of ONNX, ai.onnx.ml and com.microsoft; a model brings no operator library",),
        "export the model again with standard operators only",
    )


def _sizes_possible(proto: "onnx.ModelProto", name: str) -> None:
    for what, dims in _declared_sizes(proto):
        fixed = [size for size in dims if size > 0]
        if prod(fixed) > _MOST_ELEMENTS:
            shown = ", ".join(str(size) for size in dims[:8])
            raise ModelError(
                "E0414",
                f"`{name}` declares {what} of shape [{shown}], which is {prod(fixed):.2g} elements",
                (f"a tensor of a model has at most {_MOST_ELEMENTS} elements",),
                "check how the model was made: such a size is a mistake or an attack",
            )


def _declared_sizes(proto: "onnx.ModelProto") -> Iterator[tuple[str, list[int]]]:
    graphs = [*all_graphs(proto.graph)]
    for graph in graphs:
        for value in (*graph.input, *graph.output, *graph.value_info):
            yield f"a value `{value.name}`", [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        for tensor in graph.initializer:
            yield f"a tensor `{tensor.name}`", list(tensor.dims)
        for sparse in graph.sparse_initializer:
            yield f"a sparse tensor `{sparse.values.name}`", list(sparse.dims)
    nodes = [node for graph in graphs for node in graph.node]
    for node in (*nodes, *(inner for function in proto.functions for inner in all_nodes(function.node))):
        for attribute in node.attribute:
            yield from ((f"a constant in `{node.op_type}`", list(tensor.dims)) for tensor in _tensors(attribute))
            if attribute.HasField("sparse_tensor"):
                yield f"a sparse constant in `{node.op_type}`", list(attribute.sparse_tensor.dims)


def _tensors(attribute: "onnx.AttributeProto") -> Iterator["onnx.TensorProto"]:
    if attribute.HasField("t"):
        yield attribute.t
    yield from attribute.tensors


def _bodies(node: "onnx.NodeProto") -> Iterator["onnx.GraphProto"]:
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def _key(function: "onnx.FunctionProto") -> Operator:
    return plain_domain(function.domain), function.name, function.overload


def _called(node: "onnx.NodeProto") -> Operator:
    return plain_domain(node.domain), node.op_type, node.overload


def _held(name: str, what: str, why: str) -> ModelError:
    return ModelError(
        "E0415",
        f"`{name}` holds {what}, which no service runs",
        (why,),
        "export the model for inference, from the framework it was made in",
    )
