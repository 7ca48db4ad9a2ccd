"""One operator of a graph with what is known of its inputs: the form in which every transfer rule sees it.

The accessors refuse by raising `Mixes`, so a rule reads as the list of what it needs, with the happy path last.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from dagc.models.rows.size import Size, some_size
from dagc.models.rows.value import Counts, Dims, Mixed, Mixes, Tensor, Value, counts_of

if TYPE_CHECKING:
    import onnx

Analysis = Callable[["onnx.GraphProto", Sequence[Value], str], Sequence[Value]]
"""What is known of the outputs of a nested graph, from what is known of its inputs; the text names the visit."""

Rule = Callable[["Call"], Sequence[Value]]
"""What is known of the outputs of an operator. Outputs a rule says nothing of count as mixed."""


@dataclass(frozen=True)
class Call:
    """A node, the values of its inputs (`None` for those left out), and the opset its domain has."""

    node: "onnx.NodeProto"
    inputs: tuple[Value | None, ...]
    opset: int
    path: str
    analyse: Analysis

    @cached_property
    def attributes(self) -> Mapping[str, "onnx.AttributeProto"]:
        """The attributes by name."""
        return {attribute.name: attribute for attribute in self.node.attribute}

    @property
    def same(self) -> bool:
        """Whether every input is equal however many rows there are."""
        return all(value is None or (isinstance(value, Tensor) and value.same) for value in self.inputs)

    @property
    def mixed(self) -> Mixed | None:
        """The first input whose rows are mixed already."""
        return next((value for value in self.inputs if isinstance(value, Mixed)), None)

    def given(self, index: int) -> bool:
        """Whether the input is there."""
        return index < len(self.inputs) and self.inputs[index] is not None

    def any(self, index: int) -> Tensor:
        """An input of which only the shape matters."""
        value = self.inputs[index] if index < len(self.inputs) else None
        if not isinstance(value, Tensor):
            raise Mixes("lacks an input it needs")
        return value

    def tensor(self, index: int) -> Tensor:
        """An input whose elements are computed with, which the batch size must not be among."""
        value = self.any(index)
        if value.place is None and not value.same:
            raise Mixes("computes with the batch size")
        return value

    def tensors(self) -> list[Tensor]:
        """All inputs that are there."""
        return [self.tensor(index) for index in range(len(self.inputs)) if self.given(index)]

    def dims(self, index: int) -> Dims:
        """The sizes of an input, whose rank has to be known."""
        dims = self.any(index).dims
        if dims is None:
            raise Mixes("has an operand of unknown rank")
        return dims

    def rank(self, index: int) -> int:
        """The number of axes of an input, which has to be known."""
        return len(self.dims(index))

    def constants(self, *indices: int) -> None:
        """Refuse the operator unless these inputs, where they are given, are the same for every row."""
        for index in indices:
            if self.given(index) and self.tensor(index).place is not None:
                raise Mixes("takes rows where a constant is expected")

    def constants_from(self, start: int) -> None:
        """Refuse the operator unless all inputs from `start` on are the same for every row."""
        self.constants(*range(start, len(self.inputs)))

    def counts(self, index: int) -> Counts:
        """The elements of an input that says a shape, a number of axes or the like."""
        value = self.any(index)
        if value.place is not None:
            raise Mixes("takes rows where a shape or an axis is expected")
        counts = counts_of(value, self.path, self.node.input[index])
        if counts is None:
            raise Mixes("takes a shape or an axis that is not known")
        return counts

    def whole_numbers(self, index: int) -> tuple[int, ...]:
        """The known elements of an input of integers."""
        values = [size.value for size in self.counts(index).flat]
        if None in values:
            raise Mixes("takes a shape or an axis that is not known")
        return tuple(value for value in values if value is not None)

    def axes(self, name: str, index: int) -> tuple[int, ...] | None:
        """Integers given as attribute `name` or as input `index`; `None` if neither."""
        if name in self.attributes:
            return tuple(self.attributes[name].ints)
        return self.whole_numbers(index) if self.given(index) else None

    def number(self, name: str, default: int) -> int:
        """An integer attribute."""
        return int(self.attributes[name].i) if name in self.attributes else default

    def flag(self, name: str, default: int) -> bool:
        """An attribute that is 0 or 1; runtimes do not agree on what other numbers mean."""
        value = self.number(name, default)
        if value not in (0, 1):
            raise Mixes(f"has `{name}` neither 0 nor 1")
        return value == 1

    def numbers(self, name: str) -> tuple[int, ...] | None:
        """An attribute that is a list of integers; `None` if it is not there."""
        return tuple(self.attributes[name].ints) if name in self.attributes else None

    def text(self, name: str, default: str) -> str:
        """An attribute of text."""
        return self.attributes[name].s.decode(errors="replace") if name in self.attributes else default

    def axis(self, default: int, rank: int, name: str = "axis") -> int:
        """The attribute that names an axis of a tensor of this rank, counted from the front."""
        return from_front(self.number(name, default), rank)

    def new_size(self, *key: object) -> Size:
        """A size nothing is known of but that it is the same however many rows there are."""
        return some_size(self.path, next(name for name in self.node.output if name), *key)


def from_front(axis: int, rank: int) -> int:
    """The axis counted from the front."""
    if not -rank <= axis < max(rank, 1):
        raise Mixes(f"names axis {axis} of a tensor that has {rank}")
    return axis + rank if axis < 0 else axis


def untouched(tensor: Tensor, axes: Sequence[int]) -> None:
    """Refuse an operator whose results along `axes` depend on each other, if the batch lies along one."""
    if tensor.place is not None and tensor.place.axis in axes:
        raise Mixes(f"over axis {tensor.place.axis} mixes rows")
