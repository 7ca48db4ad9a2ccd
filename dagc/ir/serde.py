"""Graphs as JSON and back: every dataclass of the IR becomes an object tagged with its class name."""

import dataclasses
import json

from dagc.diagnostics import Span
from dagc.ir import graph as graphs
from dagc.ir import ops, placement, types
from dagc.ir.graph import Graph
from dagc.ir.types import DType
from dagc.ir.verify import IrError

_TAG = "is"

_CLASSES: dict[str, type] = {
    cls.__name__: cls
    for module in (graphs, ops, placement, types)
    for cls in vars(module).values()
    if isinstance(cls, type) and dataclasses.is_dataclass(cls)
} | {"Span": Span}


def to_json(graph: Graph) -> str:
    """The graph as JSON text; equal graphs give equal text. Model bytes are not in it, only their keys."""
    return json.dumps(_encoded(graph), indent=1, ensure_ascii=False)


def from_json(text: str) -> Graph:
    """The graph `to_json` wrote. Raises `IrError` when the text is not such a graph."""
    try:
        graph = _decoded(json.loads(text))
    except (ValueError, KeyError, TypeError) as cause:
        raise IrError(f"the text is not a graph written by this version: {cause}") from cause
    if not isinstance(graph, Graph):
        raise IrError("the text is JSON, but not a graph")
    return graph


def _encoded(value: object) -> object:
    if isinstance(value, DType):
        return {_TAG: "DType", "of": value.value}
    if isinstance(value, tuple):
        return [_encoded(item) for item in value]
    if dataclasses.is_dataclass(value):
        fields = {field.name: _encoded(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return {_TAG: type(value).__name__, **fields}
    return value


def _decoded(value: object) -> object:
    if isinstance(value, list):
        return tuple(_decoded(item) for item in value)
    if not isinstance(value, dict):
        return value
    name, *members = value.items()
    if name == (_TAG, "DType"):
        return DType(value["of"])
    return _CLASSES[value[_TAG]](**{key: _decoded(item) for key, item in members})
