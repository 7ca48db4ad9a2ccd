"""Models without a plan: operators over any axis, the batch axis too, so that most mix rows and some do not.

What they are is found out by running them. Here a wrong proof would show, since nobody chose them.
"""

import math

import numpy as np

from tests.models.rows.growing import Growing

Axis = tuple[int, int]
"""How often the number of rows is a factor of a size, and the number beside it."""

_LARGEST = 400


class Wild:
    """A model whose value has any shape, its axes noted as powers of the number of rows times a number."""

    def __init__(self, seed: int) -> None:
        self.g = Growing(seed)
        self.axes: list[Axis] = [(1, 1), *((0, size) for size in self.g.dims)]

    def grow(self, count: int) -> bytes:
        moves = (
            self.unary, self.softmax, self.reduce, self.transpose, self.regroup, self.refold, self.running,
            self.double, self.cut, self.pick, self.product, self.repeat, self.unsqueeze, self.squeeze,
            self.combine, self.normalise, self.flatten, self.expand, self.best, self.outer,
        )  # fmt: skip
        for _ in range(count):
            moves[self.g.random.integers(len(moves))]()
            self.shrink()
        self.finish()
        return self.g.model()

    def any_axis(self) -> int:
        return int(self.g.random.integers(len(self.axes)))

    def shape(self, axes: list[Axis]) -> str:
        """A shape computed from the number of rows."""
        g = self.g
        rows = g.op("Slice", g.op("Shape", "x"), g.whole(0), g.whole(1))
        parts = []
        for power, size in axes:
            part = g.whole(size)
            for _ in range(power):
                part = g.op("Mul", part, rows)
            parts.append(part)
        return g.op("Concat", *parts, axis=0) if parts else g.constant([], np.int64)

    def unary(self) -> None:
        self.g.value = self.g.op(str(self.g.random.choice(["Tanh", "Sigmoid", "Relu", "Cos"])), self.g.value)

    def softmax(self) -> None:
        if self.axes:
            self.g.value = self.g.op("Softmax", self.g.value, axis=self.any_axis())

    def running(self) -> None:
        if self.axes:
            self.g.value = self.g.op("CumSum", self.g.value, self.g.constant(self.any_axis(), np.int64))

    def normalise(self) -> None:
        if self.axes:
            self.g.value = self.g.op("LpNormalization", self.g.value, axis=self.any_axis())

    def reduce(self) -> None:
        if len(self.axes) < 2:
            return
        axis, keep = self.any_axis(), self.g.flip()
        kind = str(self.g.random.choice(["ReduceMean", "ReduceMax", "ReduceSum"]))
        if kind == "ReduceSum":
            self.g.value = self.g.op(kind, self.g.value, self.g.whole(axis), keepdims=int(keep))
        else:
            self.g.value = self.g.op(kind, self.g.value, axes=[axis], keepdims=int(keep))
        self.axes[axis : axis + 1] = [(0, 1)] if keep else []

    def transpose(self) -> None:
        order = [int(axis) for axis in self.g.random.permutation(len(self.axes))]
        self.g.value = self.g.op("Transpose", self.g.value, perm=order)
        self.axes = [self.axes[axis] for axis in order]

    def regroup(self) -> None:
        """Neighbours become one axis."""
        if len(self.axes) < 2:
            return
        at = int(self.g.random.integers(len(self.axes) - 1))
        (p, a), (q, b) = self.axes[at : at + 2]
        self.axes[at : at + 2] = [(p + q, a * b)]
        self.g.value = self.g.op("Reshape", self.g.value, self.shape(self.axes))

    def refold(self) -> None:
        """The same elements under axes in another order."""
        axes = [(1, 1)] * sum(power for power, _ in self.axes)
        axes += [(0, size) for _, size in self.axes if size > 1]
        self.axes = [axes[i] for i in self.g.random.permutation(len(axes))]
        shape = self.shape(self.axes)
        self.g.value = self.g.op("Reshape", self.g.value, shape)

    def double(self) -> None:
        if not self.axes:
            return
        axis = self.any_axis()
        self.g.value = self.g.op("Concat", self.g.value, self.g.op("Tanh", self.g.value), axis=axis)
        self.axes[axis] = (self.axes[axis][0], self.axes[axis][1] * 2)

    def repeat(self) -> None:
        if not self.axes:
            return
        axis = self.any_axis()
        repeats = [1 + (other == axis) for other in range(len(self.axes))]
        self.g.value = self.g.op("Tile", self.g.value, self.g.whole(*repeats))
        self.axes[axis] = (self.axes[axis][0], self.axes[axis][1] * 2)

    def cut(self) -> None:
        axis = next((i for i, (power, size) in enumerate(self.axes) if not power and size > 1), None)
        if axis is None:
            return
        self.g.value = self.g.op("Slice", self.g.value, self.g.whole(1), self.g.whole(2**31), self.g.whole(axis))
        self.axes[axis] = (0, self.axes[axis][1] - 1)

    def pick(self) -> None:
        if not self.axes:
            return
        axis, count = self.any_axis(), int(self.g.random.integers(1, 3))
        self.g.value = self.g.op("Gather", self.g.value, self.g.whole(*[0] * count), axis=axis)
        self.axes[axis] = (0, count)

    def best(self) -> None:
        if not self.axes:
            return
        axis = self.any_axis()
        self.g.value = self.g.op("TopK", self.g.value, self.shape([self.axes[axis]]), outputs=2, axis=axis)

    def product(self) -> None:
        """With its own transpose, over any of the last two axes."""
        if len(self.axes) < 2:
            return
        order = [*range(len(self.axes) - 2), len(self.axes) - 1, len(self.axes) - 2]
        turned = self.g.op("Transpose", self.g.value, perm=order)
        operands = [self.g.value, turned] if self.g.flip() else [turned, self.g.value]
        self.g.value = self.g.op("Tanh", self.g.op("MatMul", *operands))
        kept = self.axes[-2] if operands[1] == turned else self.axes[-1]
        self.axes[-2:] = [kept, kept]

    def outer(self) -> None:
        """A reduced copy against the value itself."""
        if not self.axes:
            return
        mean = self.g.op("ReduceMax", self.g.value, axes=[self.any_axis()], keepdims=1)
        self.g.value = self.g.op("Sub", self.g.value, mean)

    def combine(self) -> None:
        """The value and its transpose, where that fits for every number of rows."""
        if len(self.axes) >= 2 and self.axes[0] == self.axes[1]:
            order = [1, 0, *range(2, len(self.axes))]
            self.g.value = self.g.op("Add", self.g.value, self.g.op("Transpose", self.g.value, perm=order))
        else:
            self.g.value = self.g.op("Mul", self.g.value, self.g.op("Sin", self.g.value))

    def unsqueeze(self) -> None:
        if len(self.axes) < 4:
            axis = int(self.g.random.integers(len(self.axes) + 1))
            self.g.value = self.g.op("Unsqueeze", self.g.value, self.g.whole(axis))
            self.axes.insert(axis, (0, 1))

    def squeeze(self) -> None:
        axis = next((i for i, size in enumerate(self.axes) if size == (0, 1)), None)
        if axis is not None and len(self.axes) > 1:
            self.g.value = self.g.op("Squeeze", self.g.value, self.g.whole(axis))
            del self.axes[axis]

    def flatten(self) -> None:
        axis = int(self.g.random.integers(len(self.axes) + 1))
        self.g.value = self.g.op("Flatten", self.g.value, axis=axis)
        self.axes = [_product(self.axes[:axis]), _product(self.axes[axis:])]

    def expand(self) -> None:
        """An axis of one element becomes as long as the batch, or longer."""
        axis = next((i for i, size in enumerate(self.axes) if size == (0, 1)), None)
        if axis is not None:
            self.axes[axis] = (int(self.g.flip()), 2)
            self.g.value = self.g.op("Expand", self.g.value, self.shape(self.axes))

    def shrink(self) -> None:
        """Keep the model small."""
        while sum(power for power, _ in self.axes) > 2 or _product(self.axes)[1] > _LARGEST:
            axis = max(range(len(self.axes)), key=lambda i: self.axes[i])
            self.g.value = self.g.op("ReduceMean", self.g.value, axes=[axis], keepdims=1)
            self.axes[axis] = (0, 1)

    def finish(self) -> None:
        """One row for every row, whatever there is."""
        power, size = _product(self.axes)
        if power:
            value = self.g.op("Reshape", self.g.value, self.shape([(1, 1), (power - 1, size)]))
            self.g.become(self.g.op("ReduceMean", value, axes=[1], keepdims=1) if power > 1 else value, (1,))
            return
        flat = self.g.op("Flatten", "x", axis=1)
        self.g.become(self.g.op("Add", flat, self.g.op("ReduceMean", self.g.value, keepdims=0)), (1,))


def _product(axes: list[Axis]) -> Axis:
    return sum(power for power, _ in axes), math.prod(size for _, size in axes)
