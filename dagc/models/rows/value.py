"""What the proof notes of each value of a model: where the batch lies in it, and its numbers if it holds sizes.

The meaning is a relation between two runs. Run the model on a batch, and on row n of that batch alone. A tensor
with a `Place` holds in its slice n what the second run holds as a whole; one without a place is equal in both
runs, save for elements noted in `counts` that depend on the number of rows.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dagc.models.rows.exact import DOUBLE, FLOAT, INT64, WHOLE
from dagc.models.rows.size import ROWS, Size, as_dim, is_cut_off, number, some_number, some_size

if TYPE_CHECKING:
    import onnx

Dims = tuple[Size, ...]

MOST_COUNTED = 256
"""Tensors with more elements than this hold no shapes; their numbers are not looked at."""


MISFITS = (LookupError, ValueError, ArithmeticError)
"""What Python raises where a model is not what its operators say it is. Such a model is not proven."""


class Mixes(Exception):
    """An operator may let rows reach each other. The text goes on after its name: "over axis 0 mixes rows"."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the batch lies: at index (o * rows + n) * inner + i of an axis of `outer * rows * inner` elements."""

    axis: int
    outer: Size
    inner: Size


@dataclass(frozen=True, slots=True)
class Counts:
    """The elements of a small tensor of numbers, in row-major order; `kind` is their type, 0 if not known."""

    shape: tuple[int, ...]
    flat: tuple[Size, ...]
    kind: int = INT64

    @property
    def whole(self) -> bool:
        """Whether they are certainly integers."""
        return self.kind in WHOLE

    @property
    def array(self) -> NDArray[np.object_]:
        """The elements as an array of `Size`."""
        array = np.empty(len(self.flat), object)
        array[:] = self.flat
        return array.reshape(self.shape)

    @staticmethod
    def of(array: NDArray[np.object_], kind: int) -> "Counts":
        """The counts in an array of `Size`."""
        return Counts(array.shape, tuple(array.reshape(-1)), kind)


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor. `dims` is `None` when not even its rank is known; then it has no place."""

    dims: Dims | None
    place: Place | None = None
    counts: Counts | None = None
    stored: "onnx.TensorProto | None" = None

    @property
    def same(self) -> bool:
        """Whether it is equal in both runs."""
        return self.place is None and (self.counts is None or all(size.fixed for size in self.counts.flat))


@dataclass(frozen=True, slots=True)
class Mixed:
    """A value whose rows may depend on other rows; the reason is a whole sentence.

    `shape` stands for its shape where that is known, as that of a tensor whose rows are not mixed.
    """

    reason: str
    shape: Tensor | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """Indices `n * step + v` in row n, where v is what the row holds alone: 0 <= v < `below`, or anything."""

    step: Size
    below: Size | None


@dataclass(frozen=True, slots=True)
class Numbered:
    """Indices that may count rows: one position for all elements, or one for each along the last axis.

    `tensor` says where the batch lies, `reason` why it is mixed where it is used as anything but an index.
    """

    tensor: Tensor
    positions: tuple[Position, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Padded:
    """Words in rows of `length`, which is another for every batch: behind its own words a row holds `padding`.

    `tensor` says where the batch lies, `reason` why it is mixed where it is used as anything but words to count.
    """

    tensor: Tensor
    length: Size
    padding: bytes
    reason: str


Value = Tensor | Numbered | Padded | Mixed


def settled(value: Value) -> Tensor | Mixed:
    """The value as data: indices that count rows, and padded words, are not the same for a row that runs alone."""
    if isinstance(value, Padded):
        return Mixed(value.reason)
    if not isinstance(value, Numbered):
        return value
    counts_rows = any(position.step.terms for position in value.positions)
    return Mixed(value.reason, value.tensor) if counts_rows else value.tensor


def counts_of(tensor: Tensor, *key: object) -> Counts | None:
    """The elements of a tensor that is small and has no place; those not known get names made of `key`."""
    if tensor.counts is not None or tensor.place is not None:
        return tensor.counts
    if tensor.stored is not None:
        return _stored_counts(tensor.stored)
    if tensor.dims is None:
        return None
    shape = known_shape(tensor.dims)
    if shape is None or math.prod(shape) > MOST_COUNTED:
        return None
    return Counts(shape, tuple(some_number(*key, i) for i in range(math.prod(shape))), 0)


def known_shape(dims: Dims) -> tuple[int, ...] | None:
    """The dims as plain numbers, where all are known."""
    shape = tuple(dim.value for dim in dims)
    return None if None in shape else tuple(size for size in shape if size is not None)


def _stored_counts(stored: "onnx.TensorProto") -> Counts | None:
    from onnx import numpy_helper

    if stored.data_type not in (*WHOLE, FLOAT, DOUBLE) or math.prod(stored.dims) > MOST_COUNTED:
        return None
    array = numpy_helper.to_array(stored)
    flat = tuple(constant(element) for element in array.reshape(-1).tolist())
    return Counts(array.shape, flat, stored.data_type)


def constant(element: float) -> Size:
    """A stored number; a fraction is a number of its own, with which nothing is computed."""
    whole = math.isfinite(element) and element == int(element)
    return number(int(element)) if whole else some_number(str(element))


def joined(left: Value, right: Value, *key: object) -> Value:
    """What holds of a value that is one or the other: equal sizes are kept, others become unknowns named by `key`.

    Raises:
        Mixes: the batch lies elsewhere in one than in the other.
    """
    if left == right:
        return left
    left, right = settled(left), settled(right)
    if isinstance(left, Mixed):
        return left
    if isinstance(right, Mixed):
        return right
    if left.place != right.place or not (left.same or left.place) or not (right.same or right.place):
        raise Mixes("gives values with the batch in different places")
    if left.dims is None or right.dims is None or len(left.dims) != len(right.dims):
        if left.place is not None:
            raise Mixes("gives values of different ranks")
        return Tensor(None)
    pairs = enumerate(zip(left.dims, right.dims, strict=True))
    dims = tuple(a if a == b else some_size(*key, axis) for axis, (a, b) in pairs)
    return Tensor(dims, left.place)


def placed(place: Place | None, dims: Sequence[Size]) -> Tensor:
    """A tensor with its batch at `place`, whose size there follows; nothing is known of its elements.

    Raises:
        Mixes: a size of another axis depends on the number of rows.
    """
    axis = None if place is None else place.axis
    if any(not size.fixed for other, size in enumerate(dims) if other != axis):
        raise Mixes("makes an axis as long as the batch that does not hold it")
    if place is not None and any(size.value == 0 for size in dims):
        raise Mixes("leaves rows without elements")
    return Tensor(
        tuple(
            place.outer * ROWS * place.inner if place and other == axis else as_dim(size)
            for other, size in enumerate(dims)
        ),
        place,
    )


def broadcast_size(sizes: Sequence[Size]) -> Size:
    """The size of an axis without rows that operands of these sizes are broadcast to."""
    wide = [size for size in dict.fromkeys(sizes) if size.value != 1]
    if len(wide) > 1:
        wide = [size for size in wide if not any(is_cut_off(size, other) for other in wide)]
    if len(wide) <= 1:
        return wide[0] if wide else number(1)
    known = next((size for size in wide if size.value is not None), None)
    return known or some_size("broadcast", *sorted(wide, key=lambda size: size.terms))


def padded(dims: Dims, rank: int) -> tuple[Size | None, ...]:
    """The dims aligned to the right among `rank` axes; `None` for axes the tensor has not."""
    return tuple(itertools.chain(itertools.repeat(None, rank - len(dims)), dims))
