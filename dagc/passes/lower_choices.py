"""Choices between arithmetic become arithmetic: every arm is computed, and one result is picked."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dagc.ir.arms import arm_titles, combinator
from dagc.ir.edit import replace_nodes, substitute, unused_name
from dagc.ir.graph import Choosing, Graph, Node, NodeName, Split, Switch, Value, ValueId
from dagc.ir.infer import infer
from dagc.ir.inline import Inliner
from dagc.ir.ops import AsTensor, Constant, Elementwise, Expression, Field, Item, RunModel
from dagc.ir.promotion import scalar_kind
from dagc.ir.regions import own_inputs
from dagc.ir.types import Scalar, Tensor, Type
from dagc.passes.fusion_groups import described
from dagc.passes.pass_ import Context, Remark

_NAME = "lower-choices"


@dataclass(frozen=True, slots=True)
class LowerChoices:
    """A choice whose arms are arithmetic on tensors becomes `where`, which fuses with the models around it.

    An arm that runs a model or a step stays an arm, so that it runs only where it is taken. A choice between
    values that no model makes or reads stays one too: `if` costs less than a session.

    Before:
        graph demo(value: f32[4], large: bool) -> f32[4]  # graph.py:1
          chosen: f32[4] = route, with value              # graph.py:2
            if large:                                     # graph.py:2
              double: f32[4] = value + value              # graph.py:3
              return double
            otherwise:                                    # graph.py:3
              return value
          return chosen

    After:
        graph demo(value: f32[4], large: bool) -> f32[4]  # graph.py:1
          double: f32[4] = value + value                  # graph.py:3
          chosen: f32[4] = where(large, double, value)    # graph.py:2
          return chosen
    """

    name: str = _NAME

    def run(self, graph: Graph, context: Context) -> Graph:
        """The graph without choices between arithmetic."""
        lowering = _Lowering(graph)
        lowered: dict[NodeName, tuple[Node, ...]] = {}
        for node in graph.nodes:
            if not isinstance(node.op, Choosing):
                continue
            reason = _reason(node, node.op, graph)
            if reason is None:
                lowered[node.name] = tuple(lowering.nodes(node, node.op))
            title = f"`{combinator(node.op)}` that gives `{node.outputs[0].id}`"
            text = f"kept {title} a choice: {reason}" if reason else f"computed {title} as arithmetic"
            context.remarks.append(Remark(_NAME, reason is None, text, node.spans))
        return substitute(replace_nodes(graph, lowered), lowering.same)


def _reason(node: Node, op: Choosing, graph: Graph) -> str | None:
    """Why the choice stays one, in words; `None` where it need not."""
    titles = arm_titles(op, node.inputs[: own_inputs(op)])
    for title, arm in zip(titles, op.arms, strict=True):
        for inner in arm.nodes:
            if not isinstance(inner.op, Expression | Constant | AsTensor | Item | Field):
                return f"{described(inner)} of `{title}` runs only where it is taken"
    match op:
        case Split():
            return "a key's share is found in Python"
        case Switch(cases=cases, arms=arms) if len(arms) == len(cases) and not _is_of_truth(op):
            return "it has to refuse a value without a case"
    types = [arm.types() for arm in op.arms]
    for place, value in enumerate(node.outputs):
        given = {known[arm.outputs[place]] for known, arm in zip(types, op.arms, strict=True)}
        if not _is_picked(value.type, given):
            return f"`{value.id}` is `{value.type}`, and Python picks it for nothing"
    return "no model makes or reads what it picks" if _stands_alone(node, op, graph) else None


def _is_picked(type: Type, given: set[Type]) -> bool:
    """Whether all arms give tensors of the same, known sizes."""
    sizes = type.dims if isinstance(type, Tensor) else None
    return sizes is not None and all(isinstance(size, int) for size in sizes) and given == {type}


def _stands_alone(node: Node, op: Choosing, graph: Graph) -> bool:
    """Whether no arm computes anything, and neither does what the choice reads and who reads it."""
    if any(isinstance(inner.op, Expression) for arm in op.arms for inner in arm.nodes):
        return False
    producers, readers = graph.producers(), graph.consumers()
    near = [producers[value] for value in node.inputs if value in producers]
    near += [reader for value in node.outputs for reader in readers[value.id]]
    return not any(isinstance(one.op, RunModel | Expression | Item) for one in near)


def _is_of_truth(op: Switch) -> bool:
    return {held for case in op.cases for held in case} == {True, False} and all(
        isinstance(held, bool) for case in op.cases for held in case
    )


class _Lowering:
    """The nodes that stand for choices, with names no other node or value has."""

    def __init__(self, graph: Graph) -> None:
        self._inliner = Inliner(graph)
        self._types = graph.types()
        self._taken: set[str] = {*(node.name for node in graph.nodes), *self._types}
        self.same: dict[ValueId, ValueId] = {}

    def nodes(self, node: Node, op: Choosing) -> Iterator[Node]:
        """Every arm's nodes, then those that pick: the last arm, or the one before it, and so on."""
        results: list[list[ValueId]] = []
        for arm in op.arms:
            inner, outputs = self._inliner.inlined(node, arm, [None] * len(arm.outputs))
            yield from inner
            results.append(outputs)
        conditions: list[ValueId] = []
        for number in range(len(op.arms) - 1):
            condition, made = self._condition(node, op, number)
            yield from made
            conditions.append(condition)
        for place, value in enumerate(node.outputs):
            picked = results[-1][place]
            for number in reversed(range(len(conditions))):
                target = value if number == 0 else Value(self._id(value.id), value.type, value.span)
                name = node.name if number == 0 and place == 0 else NodeName(self._id(f"{value.id}_where"))
                given = (conditions[number], results[number][place], picked)
                yield Node(name, Elementwise("where"), given, (target,), node.spans, node.placement)
                picked = target.id
            if not conditions:
                self.same[value.id] = picked

    def _condition(self, node: Node, op: Choosing, number: int) -> tuple[ValueId, list[Node]]:
        """The condition of an arm, and the nodes that compute it."""
        if not isinstance(op, Switch):
            return node.inputs[number], []
        made: list[Node] = []
        found: ValueId | None = None
        for held in op.cases[number]:
            constant = self._made(made, node, Constant((held,), Scalar(scalar_kind(held))), (), "case")
            equal = self._made(made, node, Elementwise("eq"), (node.inputs[0], constant), "is_case")
            found = (
                equal if found is None else self._made(made, node, Elementwise("or"), (found, equal), "is_case")
            )
        return found or node.inputs[0], made

    def _made(
        self, nodes: list[Node], node: Node, op: Constant | Elementwise, given: Sequence[ValueId], stem: str
    ) -> ValueId:
        name = self._id(stem)
        type = op.type if isinstance(op, Constant) else self._truth(op, given)
        self._types[name] = type
        nodes.append(Node(NodeName(name), op, tuple(given), (Value(name, type),), node.spans, node.placement))
        return name

    def _truth(self, op: Elementwise, given: Sequence[ValueId]) -> Type:
        types = infer(op, tuple(self._types[value] for value in given))
        return types[0] if isinstance(types, tuple) else Scalar("bool")

    def _id(self, stem: str) -> ValueId:
        name = unused_name(stem, self._taken)
        self._taken.add(name)
        return ValueId(name)
