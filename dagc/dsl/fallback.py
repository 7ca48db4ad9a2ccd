"""`fallback`: a branch, and another that answers where the first one fails or is late."""

from collections.abc import Callable, Sequence
from typing import TypeVar, overload

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from dagc.dsl.branch_constants import Weak
from dagc.dsl.branches import are_sound, branch_result, record_choice, recorded_arms
from dagc.dsl.complete import callers_folder, complete, unknown
from dagc.dsl.eager import refuse_inside_step
from dagc.dsl.times import are_functions, is_time
from dagc.evaluate.standing import is_refusal
from dagc.ir.graph import Fallback
from dagc.trace.recorder import recording

R = TypeVar("R")
T = TypeVar("T", bound=np.generic)
Plain = TypeVar("Plain", bound="str | float | bytes | NDArray[np.generic] | BaseModel | Sequence[object]")

_EXAMPLE = "dagc.fallback(lambda: careful(row), lambda: quick(row), within_s=0.05)"


@overload
def fallback(
    primary: Callable[[], NDArray[T]],
    backup: Weak,
    *,
    within_s: float | None = None,
) -> NDArray[T]: ...
@overload
def fallback(primary: Callable[[], R], backup: Callable[[], R], *, within_s: float | None = None) -> R: ...
@overload
def fallback(primary: Callable[[], Plain], backup: Plain, *, within_s: float | None = None) -> Plain: ...
@complete(_EXAMPLE, code="E0197")
def fallback(primary: Callable[[], object], backup: object, *, within_s: float | None = None) -> object:
    """What `primary` gives; where it fails, or takes longer than `within_s`, what `backup` gives.

    An answer with a backup in it says so: its header `x-dagc-degraded` names the node, a metric counts it. A
    step's `Refuse` is an answer and no failure. In a plain call nothing is late.

    Args:
        primary: a function without parameters.
        backup: the same, or a plain value: `0.5` is a tensor where the primary gives one of one element.
        within_s: seconds after which the primary is given up.
    """
    refuse_inside_step("function", "dagc.fallback", callers_folder())
    branches = [("`primary`", primary), ("`backup`", backup)]
    sound = are_functions("dagc.fallback", branches[:1], _EXAMPLE)
    sound = are_sound("dagc.fallback", branches, _EXAMPLE) and sound
    if not (is_time("dagc.fallback", within_s, optional=True) and sound):
        return unknown("fallback")
    recorder = recording()
    if recorder is None:
        return _answer(primary, backup)
    arms = recorded_arms(recorder, "dagc.fallback", branches, "fallback")
    first, second = arms.graphs
    return record_choice(recorder, Fallback(first, second, within_s), (), arms, "fallback")


def _answer(primary: Callable[[], object], backup: object) -> object:
    try:
        return primary()
    except Exception as error:
        if is_refusal(error):
            raise
    return branch_result(backup)
