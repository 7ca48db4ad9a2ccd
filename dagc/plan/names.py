"""Names that main.py, routes and files can hold. Every name a user gave is validated here, before text is made."""

import builtins
import keyword
import re
from collections.abc import Iterable, Iterator, Sequence

from dagc.diagnostics import Diagnostic
from dagc.ir.graph import Graph, ValueId
from dagc.ir.ops import CallStep
from dagc.ir.regions import every_node

MAIN_NAMES = frozenset(
    {"Service", "service", "together", "each", "share_of", "fallback", "shadow", "quorum", "np"}
)
"""Names main.py has already given away when the user's names come in."""

_BODY_NAMES = MAIN_NAMES - {"Service", "service"}  # those of them that an endpoint's own lines use

_ROUTE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}")
_LONGEST = 40


def is_identifier(name: str) -> bool:
    """True for a name that may stand in Python source as it is, a dotted one included."""
    return all(part.isidentifier() and not keyword.iskeyword(part) for part in name.split("."))


def word(text: str, otherwise: str) -> str:
    """`text` as a lower-case ASCII identifier of at most 40 characters; `otherwise` when nothing is left."""
    slug = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:_LONGEST].rstrip("_")
    if not slug:
        return otherwise
    return slug if slug[0].isalpha() else f"{otherwise}_{slug}"


class Names:
    """Gives names out once; what is reserved, a keyword or a builtin is never given."""

    def __init__(self, reserved: Iterable[str] = ()) -> None:
        self._given = {*reserved, *keyword.kwlist, *keyword.softkwlist, *dir(builtins), *MAIN_NAMES}

    def inner(self) -> "Names":
        """The names of a function inside the one these are for, which sees what has been given out by now."""
        return Names(self._given)

    def take(self, *candidates: str) -> str:
        """The first candidate still free, else the first one with a number behind it."""
        chosen = next((c for c in _with_numbers(candidates) if c not in self._given), candidates[0])
        self._given.add(chosen)
        return chosen


def name_mistakes(graphs: Sequence[Graph]) -> Iterator[Diagnostic]:
    """Findings on names that no route, file or Python source can hold (E0510), in the graphs' order."""
    seen: set[str] = set()
    for graph in graphs:
        yield from _graph_name_mistakes(graph, seen)
        yield from _parameter_mistakes(graph)
        yield from _step_mistakes(graph)
        seen.add(graph.name.lower())


def _graph_name_mistakes(graph: Graph, seen: set[str]) -> Iterator[Diagnostic]:
    help_ = "give the graph another name"
    if not _ROUTE_NAME.fullmatch(graph.name) or keyword.iskeyword(graph.name):
        message = f"a graph named `{graph.name}` cannot become a route and a folder"
        help_ = "use at most 63 ASCII letters, digits and underscores, beginning with a letter"
        yield Diagnostic.at("E0510", message, graph.span, "named here", help=help_)
    elif graph.name in MAIN_NAMES:
        message = f"a graph named `{graph.name}` hides a name of the generated `main.py`"
        yield Diagnostic.at("E0510", message, graph.span, "named here", help=help_)
    elif graph.name.lower() in seen:
        message = f"two graphs are named `{graph.name}`, so they would share a route"
        yield Diagnostic.at("E0510", message, graph.span, "named again here", help=help_)
    if not is_identifier(graph.module):
        message = f"the file name of module `{graph.module}` cannot be imported"
        yield Diagnostic.at("E0510", message, graph.span, help="rename the file, for example to `graph.py`")


def _parameter_mistakes(graph: Graph) -> Iterator[Diagnostic]:
    for value in graph.inputs:
        if value.id in _BODY_NAMES or not is_identifier(value.id) or "." in value.id:
            message = f"a parameter named `{value.id}` hides a name of the generated `main.py`"
            yield Diagnostic.at("E0510", message, value.span or graph.span, help="give the parameter another name")


def _step_mistakes(graph: Graph) -> Iterator[Diagnostic]:
    for node in every_node(graph):
        if isinstance(node.op, CallStep) and not is_identifier(f"{node.op.module}.{node.op.qualname}"):
            message = f"a service cannot import step `{node.op.qualname}` of module `{node.op.module}`"
            help_ = "define the step at the top level of a module whose file name is a Python name"
            yield Diagnostic.at("E0510", message, node.spans[0] if node.spans else None, "called here", help=help_)


def variable_candidates(value: ValueId, port: str | None) -> tuple[str, ...]:
    """Names for a value, best first: its id, the model's name of it behind that, that name alone."""
    kept = re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", value) and len(value) <= _LONGEST
    first = value if kept else word(value, "value")
    second = first if port is None else word(port, "output")
    return (first, f"{first}_result") if second == first else (first, f"{first}_{second}", second)


def _with_numbers(candidates: tuple[str, ...]) -> Iterator[str]:
    yield from candidates
    number = 2
    while True:
        yield f"{candidates[0]}_{number}"
        number += 1
