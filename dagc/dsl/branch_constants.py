"""Numbers and texts that branches return beside tensors: they become tensors as they do elsewhere, being weak.

`dagc.fallback(lambda: score(row), 0.5)` gives what `score` gives, for `0.5` has no size of its own.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from dagc.evaluate.kernels import numpy_dtype
from dagc.ir.graph import Value
from dagc.ir.meeting import meeting
from dagc.ir.promotion import scalar_kind
from dagc.ir.types import DType, Tensor, Type
from dagc.trace.conversions import FEEDS, one_element
from dagc.trace.recorder import Recorder

Weak = float | str | Callable[[], float] | Callable[[], str]
"""What may stand beside branches that give tensors, for type checkers: a number or text, or a branch of one."""


@dataclass(frozen=True, slots=True)
class Given:
    """What a branch has returned: values of its region, and the very objects that these stand for."""

    values: tuple[Value, ...]
    items: tuple[object, ...]
    is_tuple: bool


def with_constants(regions: Sequence[Recorder], given: Sequence[Given]) -> list[tuple[Value, ...]]:
    """The values of each branch, constants as tensors where the other branches give tensors of one element."""
    if len({len(one.values) for one in given}) > 1:
        return [one.values for one in given]
    places = range(len(given[0].values))
    wanted = [_wanted([one for one in given if not _is_constant(one.items[place])], place) for place in places]
    return [
        tuple(
            _converted(region, value, item, type)
            for value, item, type in zip(one.values, one.items, wanted, strict=True)
        )
        for region, one in zip(regions, given, strict=True)
    ]


def _wanted(given: Sequence[Given], place: int) -> Type | None:
    """What the branches give that return no constant there."""
    return meeting([one.values[place].type for one in given]) if given else None


def _converted(region: Recorder, value: Value, item: object, wanted: Type | None) -> Value:
    if not isinstance(wanted, Tensor) or not isinstance(item, bool | int | float | str) or not _is_constant(item):
        return value
    dims = one_element(wanted)
    if dims is None or wanted.dtype not in FEEDS[scalar_kind(item)] or not _fits(item, wanted):
        return value
    return region.as_tensor(value, wanted.dtype, dims)


def _is_constant(item: object) -> bool:
    return isinstance(item, bool | int | float | str) and not isinstance(item, Enum | np.generic)


def _fits(item: bool | int | float | str, wanted: Tensor) -> bool:
    """Whether a number is one of the dtype: 300 is no `u8`, 1e39 no `f32`."""
    if isinstance(item, str) or wanted.dtype is DType.BOOL:
        return True
    try:
        with np.errstate(over="ignore"):
            made = np.array(item, numpy_dtype(wanted.dtype))
    except OverflowError:
        return False
    return bool(np.isfinite(made)) or not math.isfinite(item)
