"""Every graph has a route of its own (E0303)."""

import re
from collections.abc import Iterator, Sequence

from dagc.diagnostics import Diagnostic, Label
from dagc.ir.graph import Graph
from dagc.models.store import ModelStore

_ROUTE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}")
"""What is safe in a URL path, a Python module, a metric label and (63 characters, RFC 1123) a host name."""


def names_valid(graph: Graph, store: ModelStore) -> Iterator[Diagnostic]:
    """E0303 if the graph's name cannot be part of the route `/v1/<name>`."""
    if _ROUTE_NAME.fullmatch(graph.name):
        return
    yield Diagnostic.at(
        "E0303",
        f"`{graph.name}` cannot be the name of a route",
        graph.span,
        f"would be served at `/v1/{graph.name}`",
        notes=("a name starts with a letter and has at most 63 letters a-z, A-Z, digits and underscores",),
        help="rename the function",
    )


def names_distinct(graphs: Sequence[Graph]) -> Iterator[Diagnostic]:
    """One E0303 for each graph whose route, upper and lower case being the same, an earlier graph has taken."""
    taken: dict[str, Graph] = {}
    for graph in graphs:
        first = taken.setdefault(graph.name.lower(), graph)
        if first is graph:
            continue
        yield Diagnostic.at(
            "E0303",
            f"two graphs would be served at `/v1/{graph.name}`",
            graph.span,
            "the second",
            others=(Label(first.span, "the first"),),
            help="rename one of the functions",
        )
