"""Implicit conversions at the edges of calls, made visible as nodes: numbers into tensors and back.

What may convert is a short list on purpose; everything else is left as it is for the check room to judge.
"""

from dagc.ir.graph import Value
from dagc.ir.promotion import FLOATS, INTEGERS, NUMBERS, scalar_kind
from dagc.ir.types import Choice, DType, Optional, Scalar, ScalarKind, Tensor, Type
from dagc.trace.recorder import Recorder

FEEDS: dict[ScalarKind, tuple[DType, ...]] = {
    "float": FLOATS,
    "int": NUMBERS,
    "bool": (DType.BOOL,),
    "str": (DType.STR,),
}
"""The dtypes a Python value of each kind may become when it is given to a model."""

ITEMS: dict[ScalarKind, tuple[DType, ...]] = {
    "float": FLOATS,
    "int": INTEGERS,
    "bool": (DType.BOOL,),
    "str": (DType.STR,),
}
"""The dtypes a one-element tensor may have to become a Python value of each kind."""


def fed(recorder: Recorder, value: Value, port: Tensor) -> Value:
    """`value` as a model's input takes it: a Python value becomes a tensor where the input holds one element."""
    kind = kind_of(value.type)
    dims = one_element(port)
    if kind is None or dims is None or port.dtype not in FEEDS[kind]:
        return value
    return recorder.as_tensor(value, port.dtype, dims)


def given(recorder: Recorder, value: Value, wanted: Type) -> Value:
    """`value` as a parameter or a result declared `wanted` takes it: a one-element tensor becomes its item."""
    plain = wanted.item if isinstance(wanted, Optional) else wanted
    if not isinstance(plain, Scalar) or not isinstance(value.type, Tensor):
        return value
    return recorder.item(value, plain) if has_item(value.type, plain) else value


def has_item(tensor: Tensor, wanted: Scalar) -> bool:
    """Whether a tensor holds one element that is a Python value of the wanted kind."""
    return tensor.dims in ((), (1,)) and tensor.dtype in ITEMS[wanted.kind]


def one_element(port: Tensor) -> tuple[int, ...] | None:
    """The dims of a tensor that holds exactly one element, whatever the request."""
    if port.dims is None or any(dim != 1 for dim in port.dims):
        return None
    return (1,) * len(port.dims)


def kind_of(type: Type) -> ScalarKind | None:
    """The kind of Python scalar values of a type are; a choice counts when all its values are of one kind."""
    if isinstance(type, Scalar):
        return type.kind
    if not isinstance(type, Choice):
        return None
    kinds = {scalar_kind(value) for value in type.values}
    return kinds.pop() if len(kinds) == 1 else None
