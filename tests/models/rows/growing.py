"""Models grown from a seed: blocks that keep rows apart, one on top of the other, and mixers to plant among them.

Between blocks there is one value, float32 of shape [rows, *dims]. A block may fold, move and copy the batch on its
way as real models do; a mixer has the same form and lets rows reach each other.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from onnx import TensorProto

from tests.models.rows.writing import Writing

_LARGEST = 240
"""Elements of one row; keeps the models quick to run."""


@dataclass
class Growing(Writing):
    """A model under construction. `value` has shape [rows, *dims]."""

    value: str = "x"
    dims: tuple[int, ...] = ()
    grown: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.dims = tuple(int(size) for size in self.random.integers(2, 6, self.random.integers(1, 4)))
        self.first = self.dims

    def axis(self) -> int:
        """Any axis but the batch."""
        return int(self.random.integers(1, len(self.dims) + 1))

    def signed(self, axis: int) -> int:
        """The axis, now and then counted from the end."""
        return axis - len(self.dims) - 1 if self.random.random() < 0.5 else axis

    def flip(self) -> bool:
        return bool(self.random.random() < 0.5)

    def rows(self) -> str:
        """The number of rows as a vector of one element, got in one of the ways exporters write it."""
        shape = self.op("Shape", self.value)
        if self.flip():
            return self.op("Slice", shape, self.whole(0), self.whole(1), self.whole(0))
        scalar = self.op("Gather", shape, self.constant(0, np.int64), axis=0)
        return self.op("Unsqueeze", scalar, self.whole(0))

    def become(self, value: str, dims: tuple[int, ...]) -> None:
        self.value, self.dims = value, tuple(map(int, dims))

    def reshape(self, dims: tuple[int, ...]) -> str:
        """The value with other dims behind the batch, the shape given in one of the ways exporters write it."""
        way = self.random.integers(3)
        if way == 0:
            return self.op("Reshape", self.value, self.whole(-1, *dims))
        if way == 1:
            return self.op("Reshape", self.value, self.whole(0, *dims[:-1], -1))
        rows = self.op("Cast", self.op("Cast", self.rows(), to=TensorProto.INT32), to=TensorProto.INT64)
        return self.op("Reshape", self.value, self.op("Concat", rows, self.whole(*dims), axis=0))

    def model(self) -> bytes:
        return self.written({"x": (TensorProto.FLOAT, ("N", *self.first))}, [self.value])


Block = Callable[[Growing], None]


def grow(growing: Growing, blocks: dict[str, Block], count: int) -> None:
    """Add so many blocks, each drawn from those that fit."""
    names = sorted(blocks)
    while count:
        name = names[growing.random.integers(len(names))]
        before = len(growing.nodes)
        blocks[name](growing)
        if len(growing.nodes) > before:
            growing.grown.append(name)
            count -= 1
        while int(np.prod(growing.dims)) > _LARGEST:
            blocks["mean"](growing)
