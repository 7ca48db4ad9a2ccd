"""Where the nodes run that the user did not place: with those they work for."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from dagc.ir.edit import with_nodes
from dagc.ir.graph import Each, Graph, Node, Quorum, ValueId
from dagc.ir.ops import CallStep, Field, Item, RunModel
from dagc.ir.placement import Placement
from dagc.ir.regions import calls_steps, every_node, regions, with_regions
from dagc.passes.pass_ import Context


@dataclass(frozen=True, slots=True)
class PlaceNodes:
    """Models and arithmetic without a placement follow what reads them, and arithmetic else what it reads.

    A model follows when all its readers run on one service. Arithmetic follows its readers likewise, else its
    operands when they all come from one service, so that what stands between two models of a service fuses with
    them. A step without a placement stays in the graph's own service. What owns branches moves as a whole when
    every branch has placed nodes, all on one service, and none has a step without a placement; `dagc.each` moves
    with such steps too, for an item must not become a call.

    Before:
        graph demo(x: f32[4]) -> f32[4]                            # graph.py:1
          row: f32[4]     = run scaler {x} -> {y}                  # graph.py:2
          scores: f32[4]  = run trees {x: row} -> {y}, on compute  # graph.py:3
          doubled: f32[4] = scores + scores                        # graph.py:4
          return doubled

    After:
        graph demo(x: f32[4]) -> f32[4]                            # graph.py:1
          row: f32[4]     = run scaler {x} -> {y}, on compute      # graph.py:2
          scores: f32[4]  = run trees {x: row} -> {y}, on compute  # graph.py:3
          doubled: f32[4] = scores + scores, on compute            # graph.py:4
          return doubled
    """

    name: str = "place-nodes"

    def run(self, graph: Graph, context: Context) -> Graph:
        """The graph with a placement on every node that follows another."""
        if not any(node.placement for node in every_node(graph)):
            return graph
        graph = with_nodes(graph, map(_moved, graph.nodes))
        while True:
            after = _following_operands(_following_readers(graph))
            if after is graph:
                return graph
            graph = after


def placed_at(node: Node, placement: Placement) -> Node:
    """The node there, and all that stands in its regions."""
    inner = regions(node.op)
    graphs = [with_nodes(region, [placed_at(one, placement) for one in region.nodes]) for region in inner]
    op = with_regions(node.op, graphs) if inner else node.op
    return replace(node, op=op, placement=placement)


def _moved(node: Node) -> Node:
    """What owns regions, placed as a whole where that makes calls fewer."""
    if node.placement is not None or not regions(node.op):
        return node
    arms = node.op.members if isinstance(node.op, Quorum) else regions(node.op)
    found = [{inner.placement for inner in every_node(arm) if inner.placement} for arm in arms]
    everywhere = set[Placement]().union(*found)
    if len(everywhere) != 1 or not all(found):
        return node
    if not isinstance(node.op, Each) and any(map(_is_unplaced_step, _inner(node))):
        return node
    (placement,) = everywhere
    return placed_at(node, placement)


def _following_readers(graph: Graph) -> Graph:
    readers = graph.consumers()
    placed: dict[str, Placement | None] = {node.name: node.placement for node in graph.nodes}
    for node in reversed(graph.nodes):
        if _follows_readers(node):
            placed[node.name] = _of_all(node, readers, placed, graph.outputs)
    return _with(graph, placed)


def _of_all(
    node: Node,
    readers: Mapping[ValueId, Sequence[Node]],
    placed: Mapping[str, Placement | None],
    returned: Sequence[ValueId],
) -> Placement | None:
    """Where all readers of the node run, if that is one service."""
    if any(value.id in returned for value in node.outputs):
        return None
    found = {placed[reader.name] for value in node.outputs for reader in readers[value.id]}
    return found.pop() if len(found) == 1 else None


def _following_operands(graph: Graph) -> Graph:
    inputs = {value.id for value in graph.inputs}
    producers = graph.producers()
    placed: dict[str, Placement | None] = {node.name: node.placement for node in graph.nodes}
    for node in graph.nodes:
        if node.placement is None and _follows_operands(node):
            known = [producers[value] for value in node.inputs if value not in inputs]
            found = {placed[one.name] for one in known if one.inputs or placed[one.name]}
            placed[node.name] = found.pop() if len(found) == 1 else None
    return _with(graph, placed)


def _with(graph: Graph, placed: Mapping[str, Placement | None]) -> Graph:
    def put(node: Node) -> Node:
        """The node where it belongs."""
        placement = placed[node.name]
        return node if placement is node.placement or placement is None else placed_at(node, placement)

    return with_nodes(graph, map(put, graph.nodes))


def _follows_readers(node: Node) -> bool:
    """Models, arithmetic and choices of them; a member of a record or an item of a tensor is less to send."""
    return node.placement is None and not isinstance(node.op, Field | Item) and not calls_steps(node)


def _follows_operands(node: Node) -> bool:
    """Arithmetic, members and items; a model whose readers are elsewhere stays where they are."""
    if isinstance(node.op, RunModel | CallStep) or not node.inputs:
        return False
    return not any(isinstance(inner.op, RunModel | CallStep) for inner in _inner(node))


def _is_unplaced_step(node: Node) -> bool:
    return isinstance(node.op, CallStep) and node.placement is None


def _inner(node: Node) -> Iterator[Node]:
    return (inner for region in regions(node.op) for inner in every_node(region))
