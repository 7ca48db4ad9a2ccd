"""When conditions hold, tried at sample points: enough of them that no two conditions differ elsewhere.

A comparison with constants changes only at those constants, so one point at each, one between neighbours and one
beyond either end stand for all numbers. Conditions on several values are tried at all combinations.
"""

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, product

from dagc.ir.graph import Graph, ValueId
from dagc.ir.ops import CallStep, Constant, Elementwise, Expression, Field, Item
from dagc.ir.promotion import SCALAR_KINDS
from dagc.ir.regions import regions
from dagc.ir.types import Bounds, Choice, Scalar, Tensor, Type

Point = int | float | str | bool

_COMPARE: dict[str, Callable[[Point, Point], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}
_MOST_COMBINATIONS = 20_000


@dataclass(frozen=True, slots=True)
class Subject:
    """A value that conditions are about: what it is made of, what a user calls it, and what it may be.

    Two subjects with a leaf in common depend on one value, and not every combination of theirs can occur. Leaves
    are pairs of a key and a name.
    """

    key: str
    name: str
    type: Type
    leaves: frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Test:
    """An operation on subjects, constants and other tests; `kind` is that of `Elementwise`."""

    kind: str
    operands: tuple["Term", ...]


Term = Subject | Test | Point


class Conditions:
    """The conditions of one choice as tests, and where each holds."""

    def __init__(self, graph: Graph, conditions: Sequence[ValueId]) -> None:
        self._producers = graph.producers()
        self._types = graph.types()
        self.terms = [self._term(value) for value in conditions]
        self.subjects = [tuple(dict.fromkeys(_subjects(term))) for term in self.terms]
        every = tuple(dict.fromkeys(subject for found in self.subjects for subject in found))
        points = {subject: tuple(self._points(subject)) for subject in every}
        size = 1
        for found in points.values():
            size *= max(1, len(found))
        self.is_decided = size <= _MOST_COMBINATIONS
        grid = product(*points.values()) if self.is_decided else ()
        self.samples = [dict(zip(points, combination, strict=True)) for combination in grid]

    def holds(self, number: int) -> frozenset[int]:
        """The samples at which a condition holds."""
        return frozenset(
            at for at, sample in enumerate(self.samples) if _value(self.terms[number], sample) is True
        )

    def shown(self, sample: int, number: int) -> str:
        """A sample as a sentence names it, what a condition is not about left out."""
        values = self.samples[sample]
        return " and ".join(f"`{subject.name}` is {values[subject]!r}" for subject in self.subjects[number])

    def entangled(self, one: int, other: int) -> str | None:
        """A value that different subjects of two conditions depend on, as a user calls it."""
        for mine in self.subjects[one]:
            for theirs in self.subjects[other]:
                if mine.key != theirs.key and (shared := mine.leaves & theirs.leaves):
                    return min(name for _, name in shared)
        return None

    def _term(self, value: ValueId) -> Term:
        node = self._producers.get(value)
        match node.op if node else None:
            case Constant(values=(only,)):
                return only
            case Item() if node:
                return self._term(node.inputs[0])
            case Elementwise(kind=("and" | "or" | "not") as kind) if node:
                return Test(kind, tuple(self._term(source) for source in node.inputs))
            case Elementwise(kind=("eq" | "ne" | "lt" | "le" | "gt" | "ge") as kind) if node:
                test = Test(kind, tuple(self._term(source) for source in node.inputs))
                if _is_simple(test):
                    return test
        return Subject(self._key(value), self._name(value), self._types[value], self._leaves(value))

    def _key(self, value: ValueId) -> str:
        """The same text for values that are computed alike; a step's result is like no other."""
        node = self._producers.get(value)
        if node is None or isinstance(node.op, CallStep) or regions(node.op):
            return value
        place = [output.id for output in node.outputs].index(value)
        return f"{node.op!r}[{place}]({', '.join(map(self._key, node.inputs))})"

    def _name(self, value: ValueId) -> str:
        node = self._producers.get(value)
        if node is not None and isinstance(node.op, Field):
            return f"{self._name(node.inputs[0])}.{node.op.name}"
        return self._name(node.inputs[0]) if node is not None and isinstance(node.op, Item) else value

    def _leaves(self, value: ValueId) -> frozenset[tuple[str, str]]:
        node = self._producers.get(value)
        if node is None or not isinstance(node.op, Expression | Item):
            is_constant = node is not None and isinstance(node.op, Constant)
            return frozenset() if is_constant else frozenset(((self._key(value), self._name(value)),))
        return frozenset[tuple[str, str]]().union(*(self._leaves(source) for source in node.inputs))

    def _points(self, subject: Subject) -> Iterator[Point]:
        constants = [point for term in self.terms for point in _compared(term, subject)]
        match subject.type:
            case Choice(values=values):
                yield from values
            case Scalar(kind="bool"):
                yield from (True, False)
            case Scalar(kind="str"):
                yield from dict.fromkeys(constants)
                yield _other_text(constants)
            case Scalar(kind=kind, bounds=bounds):
                yield from _numbers(constants, bounds or Bounds(), whole=kind == "int")
            case Tensor(dtype=dtype) if SCALAR_KINDS.get(dtype) == "bool":
                yield from (True, False)
            case Tensor():
                yield from _numbers(constants, Bounds(), whole=False)
            case _:
                yield from (True, False)


def _is_simple(test: Test) -> bool:
    """Whether a comparison is one of a subject with a constant, both of a kind that can be tried."""
    subjects = [operand for operand in test.operands if isinstance(operand, Subject)]
    constants = [operand for operand in test.operands if isinstance(operand, int | float | str)]
    if len(subjects) != 1 or len(constants) != 1 or len(test.operands) != 2:
        return False
    texts = isinstance(constants[0], str)
    return not texts or test.kind in ("eq", "ne")


def _subjects(term: Term) -> Iterator[Subject]:
    if isinstance(term, Subject):
        yield term
    elif isinstance(term, Test):
        for operand in term.operands:
            yield from _subjects(operand)


def _compared(term: Term, subject: Subject) -> Iterator[Point]:
    """The constants a subject is compared with."""
    if not isinstance(term, Test):
        return
    if subject in term.operands:
        yield from (operand for operand in term.operands if isinstance(operand, int | float | str))
    for operand in term.operands:
        yield from _compared(operand, subject)


def _numbers(constants: Sequence[Point], bounds: Bounds, *, whole: bool) -> Iterator[Point]:
    ends = [end for end in (bounds.low, bounds.high) if end is not None]
    known = sorted({float(c) for c in (*constants, *ends) if not isinstance(c, str)}) or [0.0]
    tried = [known[0] - 1, *known, *((a + b) / 2 for a, b in pairwise(known)), known[-1] + 1]
    if whole:
        near = {
            number for point in tried for number in (int(point // 1) - 1, int(point // 1), int(point // 1) + 1)
        }
        yield from sorted(filter(bounds.holds, near))
    else:
        yield from sorted(filter(bounds.holds, tried))


def _other_text(constants: Sequence[Point]) -> str:
    text = "another text"
    while text in constants:
        text += "!"
    return text


def _value(term: Term, sample: Mapping[Subject, Point]) -> Point:
    if isinstance(term, Subject):
        return sample[term]
    if not isinstance(term, Test):
        return term
    operands = [_value(operand, sample) for operand in term.operands]
    match term.kind:
        case "and":
            return all(operands)
        case "or":
            return any(operands)
        case "not":
            return not operands[0]
        case kind:
            return _COMPARE[kind](operands[0], operands[1])
