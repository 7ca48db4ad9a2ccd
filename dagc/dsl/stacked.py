"""`stacked`: what several models say, side by side, as the features of another one."""

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from dagc.dsl.branches import tell
from dagc.dsl.complete import complete, unknown
from dagc.dsl.expressions import concat, stack
from dagc.dsl.handle import Handle, type_of
from dagc.ir.types import Choice, Scalar, Tensor

T = TypeVar("T", bound=np.generic)
R = TypeVar("R")

_EXAMPLE = "dagc.stacked([trees(row), net(row)], meta)"


@complete(_EXAMPLE, code="E0220")
def stacked(values: Sequence[NDArray[T] | float], meta: Callable[[NDArray[T]], R]) -> R:
    """What `meta` makes of the values side by side, in their order.

    A value of one element is one feature and a row of `n` is `n` features, so `meta` takes as many as there are
    elements. scikit-learn's `StackingClassifier` has the same order: each estimator's columns, then, with
    `passthrough`, those of the row itself.

    Args:
        values: numbers, and tensors of no or one axis: what other models give, and rows.
        meta: a model, step, graph or function that takes the features.
    """
    if not _are_features(values) or not callable(meta) or isinstance(meta, Handle):
        if _are_features(values):
            tell("E0220", f"`meta` of `dagc.stacked` is a `{type(meta).__name__}`", f"write `{_EXAMPLE}`")
        return unknown("stacked")  # type: ignore[return-value]  # what stands for any result
    parts = [
        stack(*group) if is_one else concat(*group)  # type: ignore[arg-type]  # all of them arrays
        for is_one, group in ((one, list(found)) for one, found in groupby(values, _is_one))
    ]
    return meta(parts[0] if len(parts) == 1 else concat(*parts))


def _are_features(values: object) -> bool:
    if not isinstance(values, list | tuple) or not values:
        told = "no values" if isinstance(values, list | tuple) else f"a `{type(values).__name__}`"
        tell("E0220", f"`dagc.stacked` is given {told}", f"write `{_EXAMPLE}`")
        return False
    wrong = [value for value in values if _axes(value) not in (0, 1)]
    if wrong:
        what = repr(wrong[0]) if isinstance(wrong[0], Handle) else f"a `{type(wrong[0]).__name__}`"
        help = "features are numbers and rows: flatten it in the model, or index it"
        tell("E0220", f"`dagc.stacked` puts numbers and rows side by side, and this is {what}", help)
    return not wrong


def _is_one(value: object) -> bool:
    return _axes(value) == 0


def _axes(value: object) -> int | None:
    """How many axes a value has; `None` where it is no feature."""
    if isinstance(value, Handle):
        match type_of(value):
            case Tensor(dims=dims):
                return None if dims is None else len(dims)
            case Scalar() | Choice():
                return 0
            case _:
                return None
    return np.ndim(value) if isinstance(value, bool | int | float | np.ndarray | np.generic) else None
