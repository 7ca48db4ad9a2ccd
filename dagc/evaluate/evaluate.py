"""The answer of a graph, node by node, unfused: what every other way of running it is compared with.

It runs whatever nodes the graph has, so the same function answers for the optimised form too.
"""

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice

import numpy as np

from dagc.evaluate.batched import only_result
from dagc.evaluate.choosing import NoCase, chosen_case, chosen_rule, chosen_share
from dagc.evaluate.coverage import Coverage
from dagc.evaluate.feeds import as_tensor, packed_feeds
from dagc.evaluate.kernels import apply
from dagc.evaluate.private_loop import wait_for
from dagc.evaluate.standing import TooManyItems, answers_of, is_refusal
from dagc.ir.graph import (
    Choosing,
    Each,
    Fallback,
    Graph,
    Node,
    NodeName,
    Op,
    Quorum,
    Route,
    Shadow,
    Split,
    Standing,
    Switch,
    ValueId,
)
from dagc.ir.ops import AsTensor, CallPart, CallStep, Collect, Constant, Field, Item, RunModel
from dagc.ir.regions import own_inputs
from dagc.ir.types import Tensor, TupleOf
from dagc.models.dtypes import to_numpy
from dagc.models.store import ModelStore

Steps = Mapping[tuple[str, str], Callable[..., object]]
"""The user's functions by (module, qualified name)."""

Watch = Callable[[Node, tuple[object, ...], tuple[object, ...]], None]
"""Told of every node that has run: the node, its inputs and its outputs; a node of a region once for each item."""


@dataclass(frozen=True, slots=True)
class _Raised:
    """A waiting step that failed, kept so that its replay fails in the same way."""

    error: Exception


def evaluate(
    graph: Graph,
    arguments: Mapping[str, object],
    *,
    store: ModelStore,
    steps: Steps,
    known: dict[NodeName, object] | None = None,
    watch: Watch | None = None,
    spare: dict[str, object] | None = None,
    coverage: Coverage | None = None,
    longest_s: float | None = None,
) -> object:
    """The graph's result for one request: a value, or a tuple where the graph returns several.

    `arguments` are keyed by parameter name. Steps that wait are looked up in `known` by node name first and
    remembered there, so that a second form of the graph sees the same world; those of a region by item too. With
    `spare`, arms that the answer is not made of run as well, after those that it is, and what they give (or raise)
    is kept there: challengers, backups, the other shares of a split, and what a quorum says of fewer answers. So
    is what waiting steps are asked, which their replay does not show. `coverage` takes down which arms ran and
    which nodes failed. A step may wait `longest_s` seconds.

    Raises:
        TimeoutError: a step waited for longer.
        TooManyItems: a list is longer than its `dagc.each` allows.
        Exception: whatever a step or a model raises, unchanged.
    """
    world = _World(store, steps, {} if known is None else known, watch, spare, coverage or Coverage(), longest_s)
    return world.result(graph, [arguments[value.id] for value in graph.inputs])


def _result(graph: Graph, values: Mapping[ValueId, object]) -> object:
    several = len(graph.outputs) != 1
    if several or (isinstance(graph.returns, TupleOf) and not _is_tuple(graph, graph.outputs[0])):
        return tuple(values[output] for output in graph.outputs)
    return values[graph.outputs[0]]


def _is_tuple(graph: Graph, output: ValueId) -> bool:
    return isinstance(graph.types()[output], TupleOf)


@dataclass(frozen=True, slots=True)
class _World:
    """What nodes run with. `place` tells the items of a region apart: `texts[3].` before its nodes' names."""

    store: ModelStore
    steps: Steps
    known: dict[NodeName, object]
    watch: Watch | None
    spare: dict[str, object] | None
    coverage: Coverage
    longest_s: float | None
    place: str = ""

    def result(self, graph: Graph, given: Sequence[object]) -> object:
        """What the graph gives for values of its inputs."""
        values: dict[ValueId, object] = {v.id: item for v, item in zip(graph.inputs, given, strict=True)}
        for node in graph.nodes:
            inputs = tuple(values[source] for source in node.inputs)
            outputs = self._run(node, inputs)
            values.update(zip((value.id for value in node.outputs), outputs, strict=True))
            if self.watch is not None:
                self.watch(node, inputs, outputs)
        return _result(graph, values)

    def _run(self, node: Node, inputs: tuple[object, ...]) -> tuple[object, ...]:
        match node.op:
            case CallStep() as op:
                return _spread(self._step(node.name, op, inputs), len(node.outputs))
            case RunModel() as op:
                feeds = packed_feeds(op, self.store.signature(op.model), inputs)
                return tuple(self.store.runner(op.model).run_example(feeds, op.fetches))
            case Each() as op:
                return (list(self._each(node, op, inputs)),)
            case Switch() | Route() | Split() as op:
                return self._chosen(node, op, inputs)
            case Fallback() | Shadow() | Quorum() as op:
                return _spread(self._stood(node, op, inputs), len(node.outputs))
            case _ as op:
                return _computed(op, inputs)

    def _step(self, name: NodeName, op: CallStep, inputs: tuple[object, ...]) -> object:
        """What the step gives; where it fails, what stands in for it. Nothing is late or tried again."""
        place = NodeName(f"{self.place}{name}")
        if op.guard is None or op.guard.fallback is None:
            return self._called(place, op, inputs)
        try:
            return self.coverage.answered(name, self._called(place, op, inputs))
        except Exception as error:
            if is_refusal(error):
                raise
            self.coverage.failed(name, error)
        return self.steps[op.guard.fallback]()

    def _called(self, name: NodeName, op: CallStep, inputs: Sequence[object]) -> object:
        """What the step returns; of a waiting one, what it returned before."""
        if op.is_async and self.spare is not None:
            self.spare[f"arguments of `{name}`"] = tuple(inputs)
        if name in self.known:
            return _replayed(self.known[name])
        function = self.steps[op.module, op.qualname]
        given = ([value] for value in inputs) if op.batch else inputs
        arguments = dict(zip(op.parameters, given, strict=True))
        if not op.is_async:
            return _one(op, function(**arguments))
        try:
            result = function(**arguments)
            waited = wait_for(result, self.longest_s) if inspect.isawaitable(result) else result
            self.known[name] = _one(op, waited)
        except Exception as error:
            self.known[name] = _Raised(error)
        return _replayed(self.known[name])

    def _each(self, node: Node, op: Each, inputs: tuple[object, ...]) -> Iterator[object]:
        items, *captured = inputs
        if not isinstance(items, Iterable):
            raise TypeError(f"`dagc.each` goes through a list, and this is a `{type(items).__name__}`")
        found = list(islice(items, op.max_items + 1))
        if len(found) > op.max_items:
            raise TooManyItems(f"at most {op.max_items} items are taken, more were given")
        self.coverage.entered(node.name, 0 if found else None)
        for at, item in enumerate(found):
            yield replace(self, place=f"{self.place}{node.name}[{at}].").result(op.body, [item, *captured])

    def _chosen(self, node: Node, op: Choosing, inputs: tuple[object, ...]) -> tuple[object, ...]:
        """What the arm gives that is taken; no node of another arm runs."""
        own = own_inputs(op)
        number = _arm(op, inputs[:own])
        self.coverage.entered(node.name, number)
        answer = self.result(op.arms[number], inputs[own:])
        if isinstance(op, Split):
            for other, arm in enumerate(op.arms):
                if other != number:
                    self._try_spare(f"{node.name} share {other + 1}", node, arm, inputs[own:])
        return _spread(answer, len(node.outputs))

    def _stood(self, node: Node, op: Standing, captured: tuple[object, ...]) -> object:
        """What the arms give together; nothing is late, and what nobody waits for runs only as `spare`."""
        match op:
            case Fallback(primary=primary, backup=backup):
                try:
                    answer = self.coverage.answered(node.name, self.result(primary, captured))
                except Exception as error:
                    if is_refusal(error):
                        raise
                    self.coverage.failed(node.name, error)
                    return self.result(backup, captured)
                self._try_spare(f"{node.name} backup", node, backup, captured)
            case Shadow(champion=champion, challenger=challenger):
                answer = self.result(champion, captured)
                self._try_spare(f"{node.name} challenger", node, challenger, captured)
            case Quorum(members=members, need=need, combines=combines):
                answers = answers_of([partial(self.result, member, captured) for member in members], need)
                answer = self.result(combines[len(answers) - need], (*answers, *captured))
                for fewer in range(need, len(answers)):
                    given = (*answers[:fewer], *captured)
                    self._try_spare(f"{node.name} of {fewer} answers", node, combines[fewer - need], given)
        return answer

    def _try_spare(self, name: str, node: Node, arm: Graph, given: Sequence[object]) -> None:
        """Keep what an arm of the node gives; of a choice by output, as one form may lack what nobody reads."""
        if self.spare is None:
            return
        names = [f"{self.place}{name}"]
        if isinstance(node.op, Choosing) or len(node.outputs) > 1:
            names = [f"{self.place}{name}, `{value.id}`" for value in node.outputs]
        try:
            self.spare.update(zip(names, _spread(self.result(arm, given), len(names)), strict=True))
        except Exception as error:
            self.spare.update(dict.fromkeys(names, error))


def _arm(op: Choosing, own: Sequence[object]) -> int:
    match op:
        case Switch(cases=cases, arms=arms):
            number = chosen_case(own[0], cases)
            if number is None and len(arms) == len(cases):
                raise NoCase("no case of `dagc.switch` holds the value, and there is no default")
            return len(cases) if number is None else number
        case Route():
            return chosen_rule(own)
        case Split(shares=shares, seed=seed):
            return chosen_share(own[0], shares, seed)


def _computed(op: Op, inputs: Sequence[object]) -> tuple[object, ...]:
    match op:
        case op if isinstance(op, CallStep | CallPart | RunModel | Each | Choosing | Standing):
            raise TypeError(f"`{type(op).__name__}` is not computed, it is run")
        case Field(name):
            return (_member(inputs[0], name),)
        case Item():
            return (np.asarray(inputs[0]).item(),)
        case AsTensor(dtype, dims):
            return (as_tensor(inputs[0], Tensor(dtype, ())).reshape(dims),)
        case Collect(into=into):
            return (tuple(inputs) if into == "tuple" else list(inputs),)
        case Constant():
            return (_constant(op),)
        case _:
            return apply(op, inputs)


def _member(record: object, name: str) -> object:
    return record[name] if isinstance(record, Mapping) else getattr(record, name)


def _constant(op: Constant) -> object:
    if isinstance(op.type, Tensor):
        return np.array(op.values, to_numpy(op.type.dtype)).reshape(_fixed(op.type))
    return op.values[0]


def _fixed(type: Tensor) -> tuple[int, ...]:
    return tuple(dim for dim in type.dims or () if isinstance(dim, int))


def _one(op: CallStep, result: object) -> object:
    return only_result(result) if op.batch else result


def _replayed(outcome: object) -> object:
    if isinstance(outcome, _Raised):
        raise outcome.error
    return outcome


def _spread(result: object, count: int) -> tuple[object, ...]:
    """A step with one output yields its result; one with several yields the members of its tuple."""
    return tuple(result) if count != 1 and isinstance(result, Iterable) else (result,)
