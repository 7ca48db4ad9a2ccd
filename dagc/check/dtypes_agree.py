"""Every tensor has the element type its taker declares (E0204)."""

from collections.abc import Iterator

from dagc.check.edges import Edge, edges, fault
from dagc.diagnostics import Diagnostic
from dagc.ir.graph import Graph
from dagc.ir.promotion import FLOATS, NUMBERS
from dagc.ir.types import Choice, DType, Optional, Record, Scalar, Tensor
from dagc.models.store import ModelStore


def dtypes_agree(graph: Graph, store: ModelStore) -> Iterator[Diagnostic]:
    """One E0204 for each edge with another dtype, or with something a model cannot take as a tensor."""
    for edge in edges(graph, store):
        if fault(edge) == "dtype":
            yield Diagnostic.at(
                "E0204",
                f"`{edge.taker}` takes `{edge.wanted}` as `{edge.name}`, not `{edge.value.type}`",
                edge.span,
                f"needs {edge.wanted}",
                others=edge.origin(f"is {edge.value.type}"),
                help=_help(edge),
            )


def _help(edge: Edge) -> str:
    given, wanted = edge.value.type, edge.wanted
    assert isinstance(wanted, Tensor), "only tensors have dtypes"
    if isinstance(given, Optional):
        return f"decide in a step what `{edge.name}` is when the value is `None`"
    if isinstance(given, Record):
        return f"give its fields by name, or make {wanted} of it in a step"
    if isinstance(given, Scalar | Choice):
        return f"{_python_help(wanted.dtype)}, or convert the value in a step"
    if isinstance(given, Tensor) and given.dtype in NUMBERS and wanted.dtype in NUMBERS:
        return f'convert it: `dagc.cast(..., "{wanted.dtype}")`'
    return f"convert the value in a step that returns {wanted}"


def _python_help(dtype: DType) -> str:
    if dtype in FLOATS:
        return "declare the value as `float`"
    if dtype is DType.STR:
        return "declare the value as `str`"
    return "declare the value as `bool`" if dtype is DType.BOOL else "declare the value as `int`"
