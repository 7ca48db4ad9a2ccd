"""The diagram of a graph: what the user wrote, with members, conversions and constants folded into the edges.

A reader looks for models, steps and arithmetic; that a float becomes a tensor on the way is in the types already.
A region is a frame, with edges that go straight from what it reads outside to the boxes inside.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from dagc.ir.arms import arm_titles
from dagc.ir.conditions import conditions
from dagc.ir.graph import Choosing, Graph, Node, Quorum, Standing, Value, ValueId
from dagc.ir.ops import AsTensor, CallStep, Collect, Constant, Expression, Field, Item, RunModel
from dagc.ir.printer import cited
from dagc.ir.regions import captures, every_node, own_inputs, regions, walk
from dagc.ir.types import Record
from dagc.pictures.diagram import Box, Diagram, Edge, Group, Kind
from dagc.pictures.lettering import plain
from dagc.pictures.service_frames import with_services
from dagc.pictures.wording import (
    constant_text,
    distinct_parts,
    edge_label,
    expression_title,
    output_name,
    pattern_title,
    region_titles,
)

_MOST_LABELS = 3  # between two boxes; more become `9 values`
_MOST_CONSTANTS = 3  # in one box


@dataclass(frozen=True, slots=True)
class _Origin:
    """Where a value comes from once conversions are looked through.

    `box` is empty for a constant, `path` names the member of a record (`address.city`).
    """

    box: str
    name: str
    label: str
    path: str = ""


_Origins = dict[ValueId, _Origin]


def diagram(graph: Graph, service: str | None = None) -> Diagram:
    """The diagram of a graph. With `service`, a frame of that title stands around all that runs inside it."""
    drawing = _Drawing()
    origins = {value.id: _input(value) for value in graph.inputs}
    members = drawing.draw(graph, origins)
    answer = Box("answer", "output", "answer", lines=_constants(graph.outputs, graph.outputs, origins))
    drawing.edges += _edges([origins[value] for value in graph.outputs], answer.id)
    groups = drawing.groups
    boxes = (*(_input_box(value) for value in graph.inputs), *drawing.boxes, answer)
    if service is None or not members:
        return Diagram(plain(graph.name), boxes, tuple(drawing.edges), tuple(groups))
    placed = {_id(node): node.placement.name for node in every_node(graph) if node.placement}
    title = plain(f"service {service}{' and others' if placed else ''}")
    groups = [Group("service", title, tuple(members)), *groups]
    return with_services(Diagram(plain(graph.name), boxes, tuple(drawing.edges), tuple(groups)), placed)


def sessions(graph: Graph) -> int:
    """How many models a request would run if nothing were fused any further: each expression is one as well.

    What main.py compares by itself, to choose by it, is none.
    """
    return sum(
        isinstance(node.op, RunModel | Expression) and node.name not in in_python
        for found in walk(graph)
        for in_python in [conditions(found)]
        for node in found.nodes
    )


def change(before: Graph, after: Graph) -> str:
    """What fusion did, in one sentence: `3 sessions -> 1`."""
    first, last = sessions(before), sessions(after)
    if not first:
        return "no sessions: only steps"
    counted = f"{first} session{'s' if first > 1 else ''}"
    return f"{counted}, none fused" if first == last else f"{counted} -> {last}"


class _Drawing:
    """The boxes, edges and frames found so far."""

    def __init__(self) -> None:
        self.boxes: list[Box] = []
        self.edges: list[Edge] = []
        self.groups: list[Group] = []

    def draw(self, graph: Graph, origins: _Origins) -> list[str]:
        """Add all nodes of a graph; the ids of what now stands for them. `origins` learns every value."""
        members: list[str] = []
        for node in graph.nodes:
            given = [origins[value] for value in node.inputs]
            if regions(node.op):
                members += self._draw_regions(node, given, origins)
                continue
            for position, value in enumerate(node.outputs):
                origins[value.id] = _origin(node, position, value, given)
            if not isinstance(node.op, Field | Item | AsTensor | Constant):
                self.boxes.append(_box(node, given, graph))
                self.edges += _edges(given, _id(node))
                members.append(_id(node))
        return members

    def _draw_regions(self, node: Node, given: Sequence[_Origin], origins: _Origins) -> list[str]:
        """A frame for each region, and a way from what the regions give to who reads the node."""
        own = own_inputs(node.op)
        frames: list[str] = []
        results: list[_Origin] = []
        asked = tuple(self._asked(origin) for origin in given[:own])
        titles = region_titles(node.op, asked)
        for number, region in enumerate(regions(node.op)):
            first = len(region.inputs) - len(captures(node))
            # an operation without inputs of its own that gives its regions some gives them the others' results
            taken = [*(given if own else results)[:first], *given[len(given) - len(captures(node)) :]]
            inside = {
                value.id: replace(origin, name=value.id, path="")
                for value, origin in zip(region.inputs, taken, strict=True)
            }
            members = self.draw(region, inside)
            results += [inside[value] for value in region.outputs]
            if members:
                frames.append(f"region {number} of {node.name}")
                self.groups.append(Group(frames[-1], plain(titles[number]), tuple(members)))
        if isinstance(node.op, Choosing | Standing):
            frames.append(self._chosen(node, node.op, given[:own], asked, results))
            results = [_Origin(frames[-1], "", "")]
        elif len({result.box for result in results}) > 1:
            frames.append(self._gathered(node, results))
            results = [_Origin(frames[-1], "", "")]
        for value in node.outputs:
            origins[value.id] = replace(
                results[0], name=value.id, label=plain(edge_label("", value.type)), path=""
            )
        return frames

    def _asked(self, origin: _Origin) -> str:
        """What a choice asks, as its user would say it: `amount > 1000`, or the name of the value."""
        box = next((box for box in self.boxes if box.id == origin.box and box.kind == "expression"), None)
        return box.title if box else origin.path or origin.name

    def _chosen(
        self,
        node: Node,
        op: Choosing | Standing,
        own: Sequence[_Origin],
        asked: Sequence[str],
        found: list[_Origin],
    ) -> str:
        """The box where arms meet: what it chooses by goes in, and each result says which arm it is of."""
        titles = [title for title in arm_titles(op, tuple(asked)) for _ in node.outputs]
        if isinstance(op, Quorum):  # members answer to what combines them
            titles, found = titles[-len(op.combines) :], found[-len(op.combines) * len(node.outputs) :]
        pairs = list(zip(titles, found, strict=False))
        lines = tuple(plain(f"{title}: {result.name}") for title, result in pairs if not result.box)
        self.boxes.append(
            Box(_id(node), "choice", plain(pattern_title(op, asked)), plain(cited(node.spans)), lines)
        )
        self.edges += _edges(own, _id(node))
        by_arm = {(result.box, title): replace(result, label=plain(title)) for title, result in pairs}
        self.edges += _edges(list(by_arm.values()), _id(node))
        return _id(node)

    def _gathered(self, node: Node, results: Sequence[_Origin]) -> str:
        """A small box below the frames, where several results become the node's one."""
        self.boxes.append(Box(_id(node), "expression", "collect", plain(cited(node.spans))))
        self.edges += _edges(results, _id(node))
        return _id(node)


def _id(node: Node) -> str:
    return f"node {node.name}"


def _input(value: Value) -> _Origin:
    return _Origin(f"input {value.id}", value.id, plain(edge_label("", value.type)))


def _input_box(value: Value) -> Box:
    lines = (plain(str(value.type)),) if isinstance(value.type, Record) else ()
    return Box(f"input {value.id}", "input", plain(value.id), lines=lines)


def _origin(node: Node, position: int, value: Value, given: Sequence[_Origin]) -> _Origin:
    match node.op:
        case Field(name=name):
            path = f"{given[0].path}.{name}".lstrip(".")
            return _Origin(given[0].box, name, plain(edge_label(path, value.type)), path)
        case Item() | AsTensor():
            return given[0]
        case Constant():
            return _Origin("", constant_text(node.op), "")
        case _:
            label = edge_label(output_name(node, position), value.type)
            return _Origin(_id(node), value.id, plain(label))


def _box(node: Node, given: Sequence[_Origin], graph: Graph) -> Box:
    kind, title, names = _described(node, given, graph)
    parts: tuple[str, ...] = ()
    lines = _constants(names, node.inputs, dict(zip(node.inputs, given, strict=True)))
    if isinstance(node.op, RunModel):
        parts = tuple(plain(part) for part in distinct_parts(node.op.parts)) if kind == "fused" else ()
        lines += (plain(f"alone: {node.op.barrier}"),) if node.op.barrier else ()
    lines += (f"on service {plain(node.placement.name)}",) if node.placement else ()
    return Box(_id(node), kind, plain(title), plain(cited(node.spans)), lines, parts)


def _described(node: Node, given: Sequence[_Origin], graph: Graph) -> tuple[Kind, str, Sequence[str]]:
    """The kind of box, its title, and the names under which it takes its inputs (none: the title says them)."""
    match node.op:
        case CallStep(module=module, qualname=qualname, waits=waits, parameters=parameters):
            title = qualname if module == graph.module else f"{module}.{qualname}"
            return "waits" if waits else "step", title, parameters
        case RunModel(parts=parts, feeds=feeds) if len(parts) > 1:
            return "fused", "one session", feeds
        case RunModel(parts=parts, feeds=feeds):
            return "model", parts[0], feeds
        case Collect(into=into):
            return "expression", into, ()
        case op if isinstance(op, Expression):
            fixed = any(not origin.box for origin in given)
            return "expression", expression_title(op, [origin.name for origin in given], spelt_out=fixed), ()
    raise TypeError(f"`{node.name}` is not drawn as a box")


def _constants(names: Sequence[str], values: Sequence[ValueId], origins: _Origins) -> tuple[str, ...]:
    """Small print for the inputs that are constants: `limit = 0.5`."""
    found = [
        plain(f"{name} = {origins[value].name}")
        for name, value in zip(names, values, strict=False)
        if not origins[value].box
    ]
    more = len(found) - _MOST_CONSTANTS
    return (*found[:_MOST_CONSTANTS], *([f"{more} more constants"] if more > 0 else []))


def _edges(given: Sequence[_Origin], target: str) -> Iterator[Edge]:
    """One edge for each value, or one for all where a box gives another more than a few."""
    labels: dict[str, dict[str, bool]] = {}
    for origin in given:
        if origin.box:
            labels.setdefault(origin.box, {})[origin.label] = bool(origin.path)
    for source, found in labels.items():
        if len(found) <= _MOST_LABELS:
            yield from (Edge(source, target, label) for label in found)
        else:
            yield Edge(source, target, f"{len(found)} {'fields' if all(found.values()) else 'values'}")
