"""What main.py writes for each value: results of calls and runs are variables, other nodes fold into arguments."""

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from pydantic import JsonValue

from dagc.diagnostics import CompileError, Diagnostic
from dagc.ir.conditions import conditions
from dagc.ir.graph import Graph, Node, ValueId
from dagc.ir.ops import AsTensor, CallPart, CallStep, Collect, Constant, Elementwise, Field, Item, RunModel
from dagc.ir.regions import regions
from dagc.ir.types import Choice, Tensor, Type
from dagc.plan.names import Names, is_identifier, variable_candidates
from dagc.plan.service_plan import Argument, Operation

UNUSED = "_"
"""The variable of a result nobody reads."""


def arguments(
    graph: Graph, given: Sequence[Argument], names: Names, wanted: Mapping[ValueId, str] = MappingProxyType({})
) -> Mapping[ValueId, Argument]:
    """How main.py writes every value of `graph`; a step's or model's result is a variable of its own.

    `given` are its inputs, as they are written where the graph stands; `wanted` names results that have to be
    called so.

    Raises:
        CompileError: values or operations main.py cannot hold (E0601), all of them.
    """
    written = {value.id: argument for value, argument in zip(graph.inputs, given, strict=True)}
    readers = graph.consumers()
    read = frozenset(value for value, nodes in readers.items() if nodes) | frozenset(graph.outputs)
    refused: list[Diagnostic] = []
    python = conditions(graph)
    types = graph.types()
    for node in graph.nodes:
        if isinstance(node.op, CallStep | CallPart | RunModel) or regions(node.op):
            written.update(_variables(node, read, names, wanted))
        elif node.name in python:
            operands = tuple(compared(written[value], types[value]) for value in node.inputs)
            written[node.outputs[0].id] = Argument(operation=_operation(node), operands=operands)
        elif reason := _refusal(node, written, readers[node.outputs[0].id], graph.outputs):
            refused.append(_refused(node, reason))
            written.update({value.id: Argument(constant=None) for value in node.outputs})
        else:
            written[node.outputs[0].id] = _folded(node, written)
    if refused:
        raise CompileError.of(*refused)
    return written


def compared(argument: Argument, type: Type) -> Argument:
    """What stands for a value in a comparison with a constant: an enum member's value."""
    if isinstance(type, Choice) and type.name is not None and argument.name is not None:
        return argument.model_copy(update={"path": (*argument.path, "value")})
    return argument


def _variables(
    node: Node, read: frozenset[ValueId], names: Names, wanted: Mapping[ValueId, str]
) -> dict[ValueId, Argument]:
    ports: Sequence[str | None] = node.op.fetches if isinstance(node.op, RunModel) else [None] * len(node.outputs)
    found: dict[ValueId, Argument] = {}
    for value, port in zip(node.outputs, ports, strict=True):
        if value.id in wanted:
            found[value.id] = Argument(name=wanted[value.id])
        elif value.id in read:
            found[value.id] = Argument(name=names.take(*variable_candidates(value.id, port)))
        else:
            found[value.id] = Argument(name=UNUSED)
    return found


def _operation(node: Node) -> Operation | None:
    match node.op:
        case Elementwise(kind=("eq" | "ne" | "lt" | "le" | "gt" | "ge" | "and" | "or" | "not") as kind):
            return kind
        case _:
            return None


def _refusal(
    node: Node, written: Mapping[ValueId, Argument], readers: Sequence[Node], outputs: Sequence[ValueId]
) -> str | None:
    """Why main.py cannot hold what `node` makes, if it cannot."""
    match node.op:
        case Constant(values):
            return next((reason for value in values if (reason := _unwritable(value))), None)
        case Field(name):
            source = written[node.inputs[0]]
            fits = (is_identifier(name) and "." not in name) or name.isdecimal()
            return (
                None if fits and source.name and not source.item else f"member `{name}` of a constant or a number"
            )
        case Item():
            source = written[node.inputs[0]]
            return None if source.name or source.dtype else "the Python value of a Python value"
        case Collect():
            return None
        case AsTensor():
            only_models = node.outputs[0].id not in outputs and all(isinstance(n.op, RunModel) for n in readers)
            return None if only_models else "a tensor made of a Python value, given to something else than a model"
        case _:
            return f"`{type(node.op).__name__}`, which was not lowered to ONNX"


def _folded(node: Node, written: Mapping[ValueId, Argument]) -> Argument:
    match node.op:
        case Constant(values, Tensor(dtype, dims)):
            return Argument(
                constant=_nested(values, [d for d in dims or () if isinstance(d, int)]), dtype=dtype.value
            )
        case Constant(values):
            return Argument(constant=values[0])
        case Field(name):
            source = written[node.inputs[0]]
            return source.model_copy(update={"path": (*source.path, name)})
        case Collect(into=into):
            return Argument(operation=into, operands=tuple(written[value] for value in node.inputs))
        case Item():
            return written[node.inputs[0]].model_copy(update={"item": True})
        case _:
            return written[node.inputs[0]]  # AsTensor: the session packs Python values itself


def _unwritable(value: JsonValue) -> str | None:
    if isinstance(value, float) and not math.isfinite(value):
        return f"the constant `{value}`, which JSON does not have"
    if isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
        return "a text with half a surrogate pair, which UTF-8 does not have"
    return None


def _refused(node: Node, reason: str) -> Diagnostic:
    return Diagnostic.at(
        "E0601",
        f"a service cannot hold {reason}",
        node.spans[0] if node.spans else None,
        "used here",
        help="compute it inside a step",
    )


def _nested(values: Sequence[int | float | str | bool], dims: Sequence[int]) -> JsonValue:
    """Row-major elements as nested lists of shape `dims`; one element and no dims is the element."""
    if not dims:
        return values[0]
    size = len(values) // dims[0] if dims[0] else 0
    return [_nested(values[i * size : (i + 1) * size], dims[1:]) for i in range(dims[0])]
