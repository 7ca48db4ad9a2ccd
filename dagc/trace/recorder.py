"""Builds the IR while a graph body runs: every node with the user's span, every value with a readable id.

A region has a recorder of its own inside that of the graph around it, and takes outer values as captures.
What the user did wrong is kept in the report at once, so a refusal that the user's own `try` swallows still fails
the build. Types that do not agree become `Unknown` here; saying so is the check room's part.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import NoReturn

from dagc.diagnostics import CompileError, Diagnostic, Report, Span
from dagc.ir.graph import Graph, Node, NodeName, Op, Value, ValueId
from dagc.ir.infer import Mismatch, infer
from dagc.ir.ops import AsTensor, Constant, Elementwise, Expression, Field, Item, Reduce, TopK
from dagc.ir.placement import Placement
from dagc.ir.types import DType, Scalar, Tensor, Type, Unknown
from dagc.trace.names import Names
from dagc.trace.source import assigned_names
from dagc.trace.spans import caller_span

_current: ContextVar["Recorder | None"] = ContextVar("dagc_recorder", default=None)


class Recorder:
    """The graph being recorded.

    `root` is the folder spans are relative to; `whole` is the graph's own span, for what no single line asks for.
    `around` records the graph that a region stands in. Nodes have names of their own in all of it, and no value of
    a region is called as one around it. `owner` is what has the region, as a sentence names it.
    """

    def __init__(
        self,
        root: Path,
        report: Report,
        whole: Span | None = None,
        *,
        around: "Recorder | None" = None,
        owner: str = "",
    ) -> None:
        self.root = root
        self.report = report
        self.owner = owner
        self._whole = whole
        self._around = around
        self._inputs: list[Value] = []
        self._captured: dict[ValueId, Value] = {}
        self._nodes: list[Node] = []
        self._value_names: Names = Names(around._value_names if around else None)
        self._node_names: Names = around._node_names if around else Names()

    @property
    def outermost(self) -> "Recorder":
        """The recorder of the whole graph."""
        return self._around.outermost if self._around else self

    def region(self, whole: Span | None, *, owner: str) -> "Recorder":
        """A recorder of a region of this graph, which a call of `owner` makes."""
        return Recorder(self.root, self.report, whole or self._whole, around=self, owner=owner)

    @property
    def whole(self) -> Span:
        """The span of the graph or region itself."""
        return self._whole or Span("graph.py", 1)

    def is_inside(self, other: "Recorder") -> bool:
        """Whether this records `other`'s graph or a region in it, at any depth."""
        return self is other or (self._around is not None and self._around.is_inside(other))

    def capture(self, value: Value, owner: "Recorder") -> Value:
        """A value of `owner`'s graph, taken into this region and all regions between the two, once each."""
        if self is owner or self._around is None:
            return value
        if value.id not in self._captured:
            self._captured[value.id] = self._around.capture(value, owner)
        return value

    @property
    def captures(self) -> tuple[Value, ...]:
        """What the region has taken from around it, in order of first use."""
        return tuple(self._captured.values())

    def here(self) -> Span | None:
        """The user's expression being evaluated right now."""
        return caller_span(self.root) or self._whole

    def input(self, name: str, type: Type, span: Span | None) -> Value:
        """A new input of the graph."""
        value = Value(ValueId(self._value_names.unique(name)), type, span)
        self._inputs.append(value)
        return value

    def record(
        self,
        op: Op,
        inputs: Sequence[Value],
        types: Sequence[Type],
        stem: str,
        *,
        stems: Sequence[str] = (),
        implicit: bool = False,
        span: Span | None = None,
        placement: Placement | None = None,
    ) -> tuple[Value, ...]:
        """The outputs of a new node, one for each of `types`.

        Outputs are named after the variables the user's expression is assigned to, else after `stems`, else
        after `stem`, which also names the node. An `implicit` node stands for no whole expression of the user's,
        and neither does a region's node at the place of the whole region.
        """
        span = span or self.here()
        whole = implicit or span is None or span == self._whole
        assigned = () if whole or span is None else assigned_names(self.root / span.file, span)
        if len(assigned) != len(types):
            assigned = tuple(stems) or (stem,) * len(types)
        outputs = tuple(
            Value(ValueId(self._value_names.unique(name)), type, span)
            for name, type in zip(assigned, types, strict=True)
        )
        name = NodeName(self._node_names.unique(stem))
        sources = tuple(value.id for value in inputs)
        self._nodes.append(Node(name, op, sources, outputs, (span,) if span else (), placement))
        return outputs

    def expression(self, op: Expression, inputs: Sequence[Value], *, implicit: bool = False) -> tuple[Value, ...]:
        """The outputs of an expression, `Unknown` where it does not accept its inputs."""
        types = infer(op, tuple(value.type for value in inputs))
        if isinstance(types, Mismatch):
            types = (Unknown(),) * (2 if isinstance(op, TopK) else 1)
        return self.record(op, inputs, types, _stem(op), implicit=implicit)

    def field(self, record: Value, name: str, type: Type, *, implicit: bool = False) -> Value:
        """A member of a record."""
        stem = f"{record.id}_{name}"
        return self.record(Field(name), (record,), (type,), stem, implicit=implicit)[0]

    def item(self, tensor: Value, type: Scalar) -> Value:
        """A one-element tensor as the Python value it holds; a result is converted where it was computed."""
        span = caller_span(self.root) or tensor.span
        return self.record(Item(), (tensor,), (type,), f"{tensor.id}_item", implicit=True, span=span)[0]

    def as_tensor(self, scalar: Value, dtype: DType, dims: tuple[int, ...]) -> Value:
        """A Python value as a tensor of one element."""
        op = AsTensor(dtype, dims)
        return self.record(op, (scalar,), (Tensor(dtype, dims),), f"{scalar.id}_tensor", implicit=True)[0]

    def constant(self, constant: Constant) -> Value:
        """A value written in the graph body."""
        return self.record(constant, (), (constant.type,), "constant", implicit=True)[0]

    def unknown(self, stem: str) -> Value:
        """A value that stands for a mistake already reported; a graph that holds one is never handed on."""
        return Value(ValueId(self._value_names.unique(stem)), Unknown(), self.here())

    def graph(
        self,
        name: str,
        outputs: Sequence[Value],
        returns: Type,
        span: Span,
        *,
        module: str,
        version: str,
        deadline_s: float,
    ) -> Graph:
        """Everything recorded so far as a graph."""
        return Graph(
            name,
            tuple(self._inputs),
            tuple(self._nodes),
            tuple(value.id for value in outputs),
            returns,
            span,
            module,
            version,
            deadline_s,
        )

    def body(self, name: str, outputs: Sequence[Value], returns: Type, span: Span) -> Graph:
        """Everything recorded so far as a region; its inputs are its own, then its captures."""
        inputs = (*self._inputs, *self._captured.values())
        return Graph(name, inputs, tuple(self._nodes), tuple(value.id for value in outputs), returns, span)


def recording() -> Recorder | None:
    """The recorder of the graph body running in this context, if one is."""
    return _current.get()


@contextmanager
def recording_with(recorder: Recorder) -> Iterator[Recorder]:
    """Calls made inside are recorded."""
    token = _current.set(recorder)
    try:
        yield recorder
    finally:
        _current.reset(token)


def here(root: Path) -> Span | None:
    """The user's expression being evaluated: in the recorded graph's folder, else in `root`."""
    recorder = recording()
    return recorder.here() if recorder else caller_span(root)


def mistake(diagnostic: Diagnostic) -> None:
    """Keep a mistake after which the body can go on; outside a recording there is nothing to go on with.

    Raises:
        CompileError: no graph is being recorded.
    """
    recorder = recording()
    if recorder is None:
        raise CompileError.of(diagnostic)
    recorder.report.add(diagnostic)


def refuse(diagnostic: Diagnostic) -> NoReturn:
    """Keep a mistake and stop the body there; a second one at the very same expression is only its echo.

    Raises:
        CompileError: always.
    """
    recorder = recording()
    if recorder is not None and not any(_same_place(diagnostic, error) for error in recorder.report.errors):
        recorder.report.add(diagnostic)
    raise CompileError.of(diagnostic, root=str(recorder.root) if recorder else ".")


def _same_place(one: Diagnostic, other: Diagnostic) -> bool:
    return one.span is not None and one.span == other.span


def _stem(op: Expression) -> str:
    if isinstance(op, Elementwise | Reduce):
        return op.kind
    return type(op).__name__.lower()
