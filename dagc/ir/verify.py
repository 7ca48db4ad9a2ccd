"""The invariants of a graph, as a tuple of short functions. A broken one is a bug of dagc, never of the user."""

from collections.abc import Callable, Iterator

from dagc.ir.agree import disagreement
from dagc.ir.graph import Choosing, Each, Fallback, Graph, Node, Quorum, Route, Shadow, Split, Standing, Switch
from dagc.ir.infer import Mismatch, infer
from dagc.ir.ops import AsTensor, CallPart, CallStep, Collect, Constant, Expression, Field, Item, RunModel
from dagc.ir.regions import captured, captures, every_node, own_inputs, regions
from dagc.ir.types import Choice, ListOf, Scalar, Tensor, TupleOf, Type, Unknown


class IrError(Exception):
    """A graph that breaks an invariant of the IR (E0901); the message names the graph and the node."""

    code = "E0901"


def verify(graph: Graph) -> None:
    """Return if the graph keeps every invariant. Raises `IrError` naming the first one it breaks."""
    for broken in _broken(graph):
        raise IrError(f"graph `{graph.name}`: {broken}")


def _broken(graph: Graph) -> Iterator[str]:
    return (text for invariant in INVARIANTS for text in invariant(graph))


def _names_are_unique(graph: Graph) -> Iterator[str]:
    seen: set[str] = set()
    for node in every_node(graph):
        if node.name in seen:
            yield f"two nodes are called `{node.name}`"
        seen.add(node.name)


def _values_are_defined_once(graph: Graph) -> Iterator[str]:
    seen: set[str] = set()
    for value in graph.values():
        if value.id in seen:
            yield f"value `{value.id}` is defined twice"
        seen.add(value.id)


def _values_are_defined_before_use(graph: Graph) -> Iterator[str]:
    defined = {value.id for value in graph.inputs}
    for node in graph.nodes:
        for source in node.inputs:
            if source not in defined:
                yield f"`{node.name}` reads `{source}` before it is defined"
        defined.update(value.id for value in node.outputs)
    for output in graph.outputs:
        if output not in defined:
            yield f"output `{output}` is not defined"


def _nodes_have_spans(graph: Graph) -> Iterator[str]:
    for node in graph.nodes:
        if not node.spans:
            yield f"`{node.name}` has no span"


def _arities_fit(graph: Graph) -> Iterator[str]:
    for node in graph.nodes:
        wanted = _arity(node)
        if wanted is not None and wanted != (len(node.inputs), len(node.outputs)):
            given = f"{len(node.inputs)} inputs and {len(node.outputs)} outputs"
            yield f"`{node.name}` has {given}, its operation has {wanted[0]} and {wanted[1]}"


def _models_name_their_parts(graph: Graph) -> Iterator[str]:
    for node in graph.nodes:
        if not isinstance(node.op, RunModel):
            continue
        if not node.op.parts:
            yield f"model `{node.name}` names no parts"
        for names in (node.op.feeds, node.op.fetches):
            if len(set(names)) != len(names):
                yield f"model `{node.name}` feeds or fetches a name twice"


def _steps_declare_their_parameters(graph: Graph) -> Iterator[str]:
    for node in graph.nodes:
        if isinstance(node.op, CallStep) and len(node.op.expects) != len(node.op.parameters):
            yield f"step `{node.name}` has {len(node.op.parameters)} parameters and {len(node.op.expects)} types"


def _types_follow_from_operations(graph: Graph) -> Iterator[str]:
    types = graph.types()
    for node in graph.nodes:
        wanted = _output_types(node, tuple(types[source] for source in node.inputs))
        given = tuple(value.type for value in node.outputs)
        if wanted is not None and given != wanted and not all(isinstance(t, Unknown) for t in given):
            shown = ", ".join(map(str, wanted)) or "nothing (its inputs do not fit)"
            yield f"`{node.name}` is typed {', '.join(map(str, given))}, its operation gives {shown}"


def _regions_take_their_captures(graph: Graph) -> Iterator[str]:
    types = graph.types()
    for node in graph.nodes:
        wanted = [types[source] for source in captures(node)]
        for region in regions(node.op):
            if [value.type for value in captured(region, node)] != wanted:
                yield f"`{node.name}` does not give region `{region.name}` what it captures"


def _arms_fit(graph: Graph) -> Iterator[str]:
    """As many arms as the operation needs, each giving what the node does."""
    for node in graph.nodes:
        if not isinstance(node.op, Choosing | Standing):
            continue
        if (problem := _arm_count(node.op)) is not None:
            yield f"`{node.name}` has {problem}"
        arms = node.op.combines if isinstance(node.op, Quorum) else regions(node.op)
        for arm in arms:
            types = arm.types()
            pairs = zip((types[output] for output in arm.outputs), node.outputs, strict=False)
            fits = len(arm.outputs) == len(node.outputs)
            if not fits or any(disagreement(given, value.type) for given, value in pairs):
                yield f"arm `{arm.name}` of `{node.name}` does not give what the node does"


def _arm_count(op: Choosing | Standing) -> str | None:
    match op:
        case Switch(cases=cases, arms=arms) if len(arms) - len(cases) not in (0, 1) or not cases:
            return f"{len(arms)} arms for {len(cases)} cases"
        case Route(arms=arms) if len(arms) < 2:
            return f"{len(arms)} arms, a route has two at least"
        case Split(shares=shares, arms=arms) if len(shares) != len(arms) or not arms:
            return f"{len(arms)} arms for {len(shares)} shares"
        case Quorum(members=members, need=need, combines=combines):
            wanted = len(members) - need + 1
            return None if 1 <= need <= len(members) and len(combines) == wanted else f"{len(combines)} combines"
    return None


def _regions_are_sound(graph: Graph) -> Iterator[str]:
    for node in graph.nodes:
        for region in regions(node.op):
            yield from (f"in region `{region.name}`, {text}" for text in _broken(region))


INVARIANTS: tuple[Callable[[Graph], Iterator[str]], ...] = (
    _names_are_unique,
    _values_are_defined_once,
    _values_are_defined_before_use,  # from here on every input has a type
    _nodes_have_spans,
    _arities_fit,
    _models_name_their_parts,
    _steps_declare_their_parameters,
    _types_follow_from_operations,
    _regions_take_their_captures,
    _arms_fit,
    _regions_are_sound,
)


def _arity(node: Node) -> tuple[int, int] | None:
    match node.op:
        case RunModel(feeds=feeds, fetches=fetches):
            return len(feeds), len(fetches)
        case CallStep(parameters=parameters):
            return len(parameters), max(1, len(node.outputs))
        case Field() | Item() | AsTensor():
            return 1, 1
        case Constant():
            return 0, 1
        case Each(body=body):
            return len(body.inputs), 1
        case op if isinstance(op, Choosing | Standing):
            return own_inputs(op) + len(regions(op)[0].inputs), len(node.outputs)
        case _:
            return None  # expressions: `infer` says it


def _output_types(node: Node, inputs: tuple[Type, ...]) -> tuple[Type, ...] | None:
    """What the operation makes of its inputs; `()` where they do not fit, `None` where the op does not say."""
    match node.op:
        case RunModel() | CallStep() | CallPart() | Field():
            return None
        case Switch() | Route() | Split() | Fallback() | Shadow() | Quorum():
            return None
        case Collect(into="tuple"):
            return (TupleOf(inputs),)
        case Collect():
            item = node.outputs[0].type.item if isinstance(node.outputs[0].type, ListOf) else Unknown()
            return None if not any(disagreement(given, item) for given in inputs) else ()
        case Item():
            return None if isinstance(node.outputs[0].type, Scalar) and isinstance(inputs[0], Tensor) else ()
        case AsTensor(dtype=dtype, dims=dims):
            return (Tensor(dtype, dims),) if isinstance(inputs[0], Scalar | Choice) else ()
        case Constant(type=type):
            return (type,)
        case Each(body=body):
            takes = bool(inputs) and inputs[0] == ListOf(body.inputs[0].type)
            return (ListOf(body.returns),) if takes else ()
        case expression:
            return _inferred(expression, inputs)


def _inferred(op: Expression, inputs: tuple[Type, ...]) -> tuple[Type, ...]:
    result = infer(op, inputs)
    return () if isinstance(result, Mismatch) else result
