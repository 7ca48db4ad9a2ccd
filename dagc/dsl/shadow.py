"""`shadow`: a model that answers, and another that sees the same requests and is only compared with it."""

from collections.abc import Callable, Sequence
from typing import TypeVar, overload

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from dagc.dsl.branches import are_sound, branch_result, record_choice, recorded_arms
from dagc.dsl.complete import callers_folder, complete, unknown
from dagc.dsl.eager import refuse_inside_step
from dagc.dsl.references import Reference, called_by_name, reference_key
from dagc.dsl.times import are_functions
from dagc.ir.graph import Shadow
from dagc.trace.recorder import recording

R = TypeVar("R")
Plain = TypeVar("Plain", bound="str | float | bytes | NDArray[np.generic] | BaseModel | Sequence[object]")

_EXAMPLE = "dagc.shadow(lambda: champion(row), lambda: challenger(row))"
_COMPARE = Reference("`compare` of `dagc.shadow`", 2, "def agree(champion: Score, challenger: Score) -> bool: ...")


@overload
def shadow(
    champion: Callable[[], R], challenger: Callable[[], R], *, compare: Callable[[R, R], bool] | None = None
) -> R: ...
@overload
def shadow(
    champion: Plain, challenger: Callable[[], Plain], *, compare: Callable[[Plain, Plain], bool] | None = None
) -> Plain: ...
@complete(_EXAMPLE, code="E0197")
def shadow(
    champion: object, challenger: Callable[[], object], *, compare: Callable[..., bool] | None = None
) -> object:
    """What `champion` gives; `challenger` gets the same request after the answer has left, and never delays one.

    Whether the two agree is counted in `dagc_shadow_total` and, a sample of it, logged. A challenger that fails or
    hangs changes nothing; where too many are under way the next are dropped and counted. In a plain call the
    challenger does not run.

    Args:
        champion: a function without parameters, or a value.
        challenger: a function without parameters that gives the same type.
        compare: a function of the top level of your module that takes both answers and says whether they agree;
            without one they do where they are equal, numbers within a relative 1e-5.
    """
    refuse_inside_step("function", "dagc.shadow", callers_folder())
    branches = [("`champion`", champion), ("`challenger`", challenger)]
    sound = are_functions("dagc.shadow", branches[1:], _EXAMPLE)
    sound = are_sound("dagc.shadow", branches, _EXAMPLE) and sound
    if not ((compare is None or called_by_name(compare, _COMPARE)) and sound):
        return unknown("shadow")
    recorder = recording()
    if recorder is None:
        return branch_result(champion)
    arms = recorded_arms(recorder, "dagc.shadow", branches, "shadow", code="E0332")
    first, second = arms.graphs
    key = None if compare is None else reference_key(compare)
    return record_choice(recorder, Shadow(first, second, key), (), arms, "shadow")
