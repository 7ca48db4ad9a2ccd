"""Which nodes never answered by themselves: a mistake that a fallback hides in every test and every answer.

A resource that cannot be reached is none: a build needs no network.
"""

import inspect
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path

from dagc.evaluate.evaluate import Steps
from dagc.evaluate.verdict import StoodIn
from dagc.ir.graph import Graph, Node, NodeName
from dagc.ir.ops import CallStep
from dagc.ir.regions import every_node

_AWAY = frozenset({"OSError", "ResourceUnavailable", "ResourceTimeout"})
"""By name, since a service's resources are other classes than the language's; TimeoutError is an OSError."""


def stood_in(graph: Graph, tried: Mapping[NodeName, Exception | None], steps: Steps) -> tuple[StoodIn, ...]:
    """The nodes of `graph` that failed in every case, at the user's lines, with how they first failed."""
    return tuple(_found(graph, tried, steps))


def _found(graph: Graph, tried: Mapping[NodeName, Exception | None], steps: Steps) -> Iterator[StoodIn]:
    for node in every_node(graph):
        error = tried.get(node.name)
        if error is None or _AWAY & {kind.__name__ for kind in type(error).__mro__}:
            continue
        yield StoodIn(_what(node), told(error, steps), node.spans[0])


def told(error: Exception | None, steps: Steps) -> str:
    """An error's class, its first line, and the line of a step's file where it was raised."""
    if error is None:
        return ""
    text = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}".rstrip(": ")
    functions = (inspect.unwrap(step) for step in steps.values())
    files = {step.__code__.co_filename for step in functions if inspect.isfunction(step)}
    lines = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in files]
    return f"{text}, at {Path(lines[-1].filename).name}:{lines[-1].lineno}" if lines else text


def _what(node: Node) -> str:
    return f"step `{node.op.qualname}`" if isinstance(node.op, CallStep) else "the primary of `dagc.fallback`"
