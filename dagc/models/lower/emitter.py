"""Collects the nodes of one small model. Values are names with a dtype and the rank of one example."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dagc.ir.ops import Constant
from dagc.ir.types import DType, Scalar, Tensor
from dagc.models.dtypes import to_numpy, to_onnx

if TYPE_CHECKING:
    import onnx

Array = NDArray[np.generic]
Attribute = int | float | str | Sequence[int]

OLDEST_OPSET = 13
SHAPE_OF_PART_OPSET = 15
"""`Shape` with `start` and `end`."""
AXES_AS_INPUT_OPSET = 18
"""`ReduceMax` and its like take their axes as an input."""
EQUAL_STRINGS_OPSET = 19
"""`Equal` on strings."""


class LoweringNeeds(Exception):
    """The expression has no operator at the opset asked for; `opset` is the oldest that has one."""

    def __init__(self, opset: int, what: str) -> None:
        super().__init__(f"{what} needs opset {opset}")
        self.opset = opset


class LoweringRefused(Exception):
    """The expression has no ONNX form; the text is a sentence for a remark."""


@dataclass(frozen=True, slots=True)
class Row:
    """A value with the batch in axis 0, followed by the `rank` axes of one example."""

    name: str
    dtype: DType
    rank: int


@dataclass(frozen=True, slots=True)
class Fixed:
    """A constant operand: the same for every example, so it has no batch axis."""

    constant: Constant

    @property
    def weak(self) -> bool:
        """Whether it is a Python scalar, which adapts to the tensors it meets."""
        return isinstance(self.constant.type, Scalar)

    @property
    def dims(self) -> tuple[int, ...]:
        """The dims of the constant; its elements are known, so all of them are fixed."""
        dims = self.constant.type.dims if isinstance(self.constant.type, Tensor) else ()
        return tuple(dim for dim in dims or () if isinstance(dim, int))

    @property
    def rank(self) -> int:
        """The number of axes."""
        return len(self.dims)

    def array(self, dtype: DType) -> Array:
        """The elements in `dtype`; refused when a whole number does not fit, as NumPy refuses it."""
        try:
            return np.array(self.constant.values, to_numpy(dtype)).reshape(self.dims)
        except OverflowError as error:
            raise LoweringRefused(f"constant {self.constant.values[0]} does not fit {dtype}") from error


Operand = Row | Fixed


@dataclass(slots=True)
class Emitter:
    """Nodes and initializers under construction, at one opset."""

    opset: int
    nodes: list["onnx.NodeProto"] = field(default_factory=list)
    initializers: list["onnx.TensorProto"] = field(default_factory=list)

    def op(self, kind: str, *inputs: str, **attributes: Attribute) -> str:
        """The name of the single output of a new node."""
        return self.ops(kind, inputs, 1, **attributes)[0]

    def ops(self, kind: str, inputs: Sequence[str], outputs: int, **attributes: Attribute) -> list[str]:
        """The names of the outputs of a new node."""
        from onnx import helper

        number = len(self.nodes)
        names = [f"{kind.lower()}_{number}" + (f"_{i}" if i else "") for i in range(outputs)]
        node = helper.make_node(kind, list(inputs), names, f"{kind}_{number}")
        node.attribute.extend(helper.make_attribute(key, attributes[key]) for key in sorted(attributes))
        self.nodes.append(node)
        return names

    def constant(self, array: Array) -> str:
        """The name of an initializer holding `array`."""
        from onnx import numpy_helper

        name = f"constant_{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def whole(self, *numbers: int) -> str:
        """The name of a one-dimensional i64 initializer: axes, bounds, shapes."""
        return self.constant(np.array(numbers, np.int64))

    def scalar(self, number: float | bool, dtype: DType) -> str:
        """The name of an initializer of rank 0."""
        return self.constant(np.array(number, to_numpy(dtype)))

    def cast(self, name: str, given: DType, wanted: DType) -> str:
        """The value in another dtype; itself when it already is."""
        return name if given is wanted else self.op("Cast", name, to=to_onnx(wanted))

    def take(self, operand: Operand, dtype: DType, rank: int) -> str:
        """The operand in `dtype`, its example stretched to `rank` axes by ones behind the batch axis.

        NumPy aligns axes from the last one; a constant has no batch axis and is aligned as it is.
        """
        if isinstance(operand, Fixed):
            return self.constant(operand.array(dtype))
        name = self.cast(operand.name, operand.dtype, dtype)
        missing = rank - operand.rank
        return name if missing == 0 else self.op("Unsqueeze", name, self.whole(*range(1, 1 + missing)))

    def take_rows(self, operand: Operand, dtype: DType, among: Sequence[Operand]) -> str:
        """The operand in `dtype` with a batch axis, a constant being repeated for as many rows as `among` has."""
        if isinstance(operand, Row):
            return self.cast(operand.name, operand.dtype, dtype)
        if self.opset < SHAPE_OF_PART_OPSET:
            raise LoweringNeeds(SHAPE_OF_PART_OPSET, "a constant beside tensors in `concat` and `stack`")
        rows = self.op("Shape", first_row(among).name, start=0, end=1)
        shape = self.op("Concat", rows, self.whole(*operand.dims), axis=0) if operand.dims else rows
        return self.op("Expand", self.constant(operand.array(dtype)), shape)


def first_row(operands: Sequence[Operand]) -> Row:
    """The first operand that is not a constant; every lowered expression has one."""
    for operand in operands:
        if isinstance(operand, Row):
            return operand
    raise LoweringRefused("an expression of constants alone has no batch axis")
