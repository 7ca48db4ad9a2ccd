"""A graph as text a person reads: one node a line, its sources behind it. The form of dumps and goldens."""

from collections.abc import Iterator, Sequence
from typing import assert_never

from dagc.diagnostics import Span
from dagc.ir.arms import arm_titles
from dagc.ir.elementwise_rules import SYMBOLS
from dagc.ir.graph import (
    Choosing,
    Each,
    Fallback,
    Graph,
    Node,
    Quorum,
    Route,
    Shadow,
    Split,
    Standing,
    Switch,
    Value,
)
from dagc.ir.ops import (
    ArgMax,
    AsTensor,
    CallPart,
    CallStep,
    Cast,
    Collect,
    Concat,
    Constant,
    Elementwise,
    Field,
    Guard,
    Index,
    Item,
    Normalise,
    Reduce,
    RunModel,
    Slice,
    Softmax,
    Stack,
    TopK,
    Vote,
)
from dagc.ir.regions import captured, captures, own_inputs, regions

_Row = tuple[str, tuple[Span, ...] | None]
"""A line and its sources; a `return` has none."""

_SHOWN_ELEMENTS = 8
_SHOWN_PARTS = 8
_WIDEST_COLUMN = 40
_WIDEST_LINE = 100  # a longer line keeps its sources close instead of pushing those of all lines to the right


def print_graph(graph: Graph) -> str:
    """The graph as text, deterministic: columns are aligned and `# file:line` cites every line once.

    Models are shown by their parts, not by their key, so a retrained model does not change the text.
    """
    inputs = ", ".join(_typed(value) for value in graph.inputs)
    header = f"graph {graph.name}({inputs}) -> {graph.returns}"
    rows: list[_Row] = [(header, (graph.span,)), *_rows(graph, "  ")]
    margin = _column([text for text, spans in rows if spans is not None], _WIDEST_LINE)
    lines = [text if spans is None else f"{text:<{margin}}  # {cited(spans)}" for text, spans in rows]
    return "\n".join(lines) + "\n"


def cited(spans: Sequence[Span]) -> str:
    """Places as a reader cites them: `graph.py:34, 36-38, steps.py:3`."""
    words: list[str] = []
    file = None
    for name, first, last in _runs(spans):
        lines = str(first) if first == last else f"{first}, {last}" if first + 1 == last else f"{first}-{last}"
        words.append(lines if name == file else f"{name}:{lines}")
        file = name
    return ", ".join(words)


def listed(parts: Sequence[str], joint: str = " + ") -> str:
    """The parts of a model in a few words: `scaler + trees`, or the first ones and how many more there are."""
    more = len(parts) - _SHOWN_PARTS
    return joint.join((*parts[:_SHOWN_PARTS], *([f"{more} more"] if more > 0 else [])))


def _rows(graph: Graph, indent: str) -> Iterator[_Row]:
    """The lines of a body, those of a region behind the node that owns it and further to the right."""
    left = [", ".join(_typed(value) for value in node.outputs) for node in graph.nodes]
    width = _column(left, _WIDEST_COLUMN)
    for text, node in zip(left, graph.nodes, strict=True):
        yield f"{indent}{text:<{width}} = {_operation(node)}{_placed(node)}", node.spans
        yield from _region_rows(node, f"{indent}  ")
    yield f"{indent}return {', '.join(graph.outputs)}", None


def _placed(node: Node) -> str:
    return "" if node.placement is None else f", on {node.placement}"


def _region_rows(node: Node, indent: str) -> Iterator[_Row]:
    """The regions of a node; where there are several, each below a line that says when it is taken."""
    if isinstance(node.op, Each):
        yield from _rows(node.op.body, indent)
    elif isinstance(node.op, Choosing | Standing):
        titles = arm_titles(node.op, node.inputs[: own_inputs(node.op)])
        for title, region in zip(titles, regions(node.op), strict=True):
            yield f"{indent}{title}{_renamed(region, node)}:", (region.span,)
            yield from _rows(region, f"{indent}  ")


def _column(texts: Sequence[str], widest: int) -> int:
    """The width of the longest text that is not too wide to be aligned with."""
    return max((len(text) for text in texts if len(text) <= widest), default=0)


def _runs(spans: Sequence[Span]) -> list[tuple[str, int, int]]:
    """Files with their first and last line of every run of neighbouring lines, in the order of the spans."""
    runs: list[tuple[str, int, int]] = []
    for file, line in dict.fromkeys((span.file, span.line) for span in spans):
        if runs and runs[-1][0] == file and runs[-1][2] + 1 == line:
            runs[-1] = (file, runs[-1][1], line)
        else:
            runs.append((file, line, line))
    return runs


def _typed(value: Value) -> str:
    return f"{value.id}: {value.type}"


def _operation(node: Node) -> str:
    arguments = ", ".join(node.inputs)
    match node.op:
        case RunModel():
            return _run(node.op, node)
        case CallStep(module=module, qualname=qualname, guard=guard):
            called = f"{'await' if node.op.waits else 'call'} {module}.{qualname}({arguments})"
            return f"{called}{_carried(node.op)}{_guarded(guard)}"
        case CallPart(service=service, part=part):
            return f"ask {service} {part}({arguments})"
        case Field(name=name):
            return f"{arguments}.{name}"
        case Item():
            return f"item({arguments})"
        case AsTensor():
            return f"tensor({arguments})"
        case Collect(into=into):
            return f"({arguments})" if into == "tuple" else f"[{arguments}]"
        case Constant(values=values):
            return f"constant {_elements(values)}"
        case Each():
            return _each(node.op, node)
        case Switch() | Split() | Route() | Fallback() | Shadow() | Quorum():
            return _branching(node.op, node)
        case Elementwise():
            return _arithmetic(node.op, node)
        case Index(items=items):
            return f"{arguments}[{', '.join(_item(item) for item in items)}]"
        case Cast(dtype=dtype):
            return f"cast({arguments}, {dtype})"
        case Reduce(kind=kind, axis=axis):
            return f"{kind}({arguments}, axis={axis})" if axis is not None else f"{kind}({arguments})"
        case TopK(k=k):
            return f"top_k({arguments}, k={k})"
        case Vote(ties=ties):
            return f"vote({arguments}, ties={ties})"
        case ArgMax(axis=axis) | Softmax(axis=axis) | Normalise(axis=axis) | Concat(axis=axis) | Stack(axis=axis):
            return f"{type(node.op).__name__.lower()}({arguments}, axis={axis})"
        case _:
            assert_never(node.op)


def _carried(op: CallStep) -> str:
    """`, in a thread, in batches`."""
    place = "" if op.run == "inline" else f", in a {op.run}"
    asks = "".join(f", asks {use.setting}" for use in op.resources)
    return f"{place}, in batches{asks}" if op.batch else f"{place}{asks}"


def _guarded(guard: Guard | None) -> str:
    """`, within 0.05 s, 1 retry, else graph.Profile`."""
    if guard is None:
        return ""
    within = "" if guard.timeout_s is None else f", within {guard.timeout_s:g} s"
    again = f", {guard.retries} {'retry' if guard.retries == 1 else 'retries'}" if guard.retries else ""
    return f"{within}{again}{'' if guard.fallback is None else ', else ' + '.'.join(guard.fallback)}"


def _run(op: RunModel, node: Node) -> str:
    wires = zip(op.feeds, node.inputs, strict=True)
    feeds = ", ".join(feed if feed == value else f"{feed}: {value}" for feed, value in wires)
    barrier = f", alone: {op.barrier}" if op.barrier else ""
    return f"run {listed(op.parts, '+')} {{{feeds}}} -> {{{', '.join(op.fetches)}}}{barrier}"


def _each(op: Each, node: Node) -> str:
    wires = zip(captured(op.body, node), captures(node), strict=True)
    taken = [outside if inside.id == outside else f"{inside.id}: {outside}" for inside, outside in wires]
    given = f", with {', '.join(taken)}" if taken else ""
    return f"each {_typed(op.body.inputs[0])} in {node.inputs[0]}, at most {op.max_items}{given}"


def _branching(op: Choosing | Standing, node: Node) -> str:
    taken = captures(node)
    return f"{_pattern(op, node)}{', with ' + ', '.join(taken) if taken else ''}"


def _pattern(op: Choosing | Standing, node: Node) -> str:
    match op:
        case Switch():
            return f"switch {node.inputs[0]}"
        case Route(pattern=pattern):
            return pattern
        case Split(seed=seed):
            return f"split by {node.inputs[0]}" + (f", seed {seed!r}" if seed else "")
        case Fallback(within_s=within_s):
            return "fallback" if within_s is None else f"fallback after {within_s:g} s"
        case Shadow(compare=compare):
            return "shadow" if compare is None else f"shadow compared by {'.'.join(compare)}"
        case Quorum(members=members, need=need, within_s=within_s):
            return f"quorum of {need} of {len(members)} within {within_s:g} s"


def _renamed(region: Graph, node: Node) -> str:
    """What the region captures under another name than its place outside has."""
    wires = zip(captured(region, node), captures(node), strict=True)
    other = [f"{inside.id}: {outside}" for inside, outside in wires if inside.id != outside]
    own = [_typed(value) for value in region.inputs[: len(region.inputs) - len(captures(node))]]
    given = ", ".join((*own, *other))
    return f" with {given}" if given else ""


def _arithmetic(op: Elementwise, node: Node) -> str:
    symbol = SYMBOLS.get(op.kind)
    match symbol, node.inputs:
        case (str(), (one,)):
            return f"{symbol}{one}"
        case (str(), (left, right)):
            return f"{left} {symbol} {right}"
    return f"{op.kind}({', '.join(node.inputs)})"


def _item(item: int | Slice) -> str:
    if isinstance(item, int):
        return str(item)
    return f"{'' if item.start is None else item.start}:{'' if item.stop is None else item.stop}"


def _elements(values: Sequence[int | float | str | bool]) -> str:
    shown = ", ".join(repr(value) for value in values[:_SHOWN_ELEMENTS])
    return shown if len(values) <= _SHOWN_ELEMENTS else f"{shown}, ... ({len(values)} elements)"
