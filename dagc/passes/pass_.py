"""What a pass is: a frozen dataclass with a name and a pure rewrite, and the remarks it leaves for `dagc plan`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from dagc.diagnostics import Span
from dagc.ir.graph import Graph
from dagc.ir.ops import ModelKey
from dagc.models.store import ModelStore


@dataclass(frozen=True, slots=True)
class Remark:
    """One sentence on what a pass did (`applied`) or why it could not, with the user's places it is about."""

    pass_name: str
    applied: bool
    message: str
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Context:
    """What a pass may use besides the graph: models by key (it may add new ones), and a list to remark on.

    `shared` are the large models that other graphs or branches run too, and how many do.
    """

    store: ModelStore
    shared: Mapping[ModelKey, int] = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)


class Pass(Protocol):
    """A rewrite that keeps the meaning of a graph.

    `run` returns the very graph it was given when there is nothing to change, and a second run changes nothing. It
    need not look into regions: the runner gives it each of them as a graph of its own, the innermost first.
    """

    @property
    def name(self) -> str:
        """The name in dumps, remarks and reproducers: `verb-object`."""
        ...

    def run(self, graph: Graph, context: Context) -> Graph:
        """The rewritten graph."""
        ...
