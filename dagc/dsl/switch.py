"""`switch`: one of several branches by what a value is."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from enum import Enum
from typing import TypeVar, overload

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from dagc.dsl.branch_constants import Weak
from dagc.dsl.branches import Branch, are_sound, branch_result, record_choice, recorded_arms, tell
from dagc.dsl.complete import callers_folder, complete, unknown
from dagc.dsl.eager import refuse_inside_step
from dagc.dsl.handle import Handle, value_of
from dagc.dsl.selectors import Wanted, selector
from dagc.evaluate.choosing import NoCase, chosen_case
from dagc.ir.graph import Case, Switch
from dagc.trace.recorder import Recorder, recording

K = TypeVar("K", bound=Hashable)
R = TypeVar("R")
T = TypeVar("T", bound=np.generic)
Plain = TypeVar("Plain", bound="str | float | bytes | NDArray[np.generic] | BaseModel | Sequence[object]")

_EXAMPLE = 'dagc.switch(payment.country, {"DE": lambda: local(row)}, default=lambda: general(row))'
_SELECTOR = Wanted(
    "dagc.switch chooses by a `Literal`, an `Enum`, a text, a whole number or a truth value",
    ("str", "int", "bool"),
    "choose by a range with `dagc.route`, or let a step say which case it is (`-> Literal[...]`)",
)


@overload
def switch(
    value: K,
    cases: Mapping[K | tuple[K, ...], Weak | Callable[[], NDArray[T]]],
    default: Callable[[], NDArray[T]],
) -> NDArray[T]: ...
@overload
def switch(
    value: K, cases: Mapping[K | tuple[K, ...], Callable[[], R]], default: Callable[[], R] | None = None
) -> R: ...
@overload
def switch(value: K, cases: Mapping[K | tuple[K, ...], Plain], default: Plain | None = None) -> Plain: ...
@complete(_EXAMPLE, code="E0191")
def switch(value: K, cases: Mapping[K | tuple[K, ...], object], default: object = None) -> object:
    """What the branch gives whose case is the value; no other branch runs.

    Args:
        value: a `Literal`, an `Enum`, a `str`, an `int` or a `bool`.
        cases: branches by the value, or by a tuple of values, that they are taken for. A branch is a function
            without parameters, which may use any value of the body, or a plain value.
        default: the branch for all other values; needless where the cases are all there are.

    Raises:
        NoCase: in a plain call, no case holds the value and there is no default.
    """
    refuse_inside_step("function", "dagc.switch", callers_folder())
    if not _is_mapping(cases):
        return unknown("switch")
    branches = [(_title(key), branch) for key, branch in cases.items()]
    branches += [("the default", default)] if default is not None else []
    known = [_case(key) for key in cases]
    held = [case for case in known if case is not None]
    if not are_sound("dagc.switch", branches, _EXAMPLE) or len(held) < len(known):
        return unknown("switch")
    recorder = recording()
    if recorder is None:
        return branch_result(_chosen(value, held, branches))
    return _recorded(recorder, value, held, branches)


def _chosen(value: object, cases: Sequence[Case], branches: Sequence[Branch]) -> object:
    if isinstance(value, Handle):
        value_of(value)  # refuses: no graph is being recorded
    found = chosen_case(value, cases)
    if found is None and len(branches) == len(cases):
        raise NoCase("no case of `dagc.switch` holds the value, and there is no default")
    return branches[-1 if found is None else found][1]


def _recorded(recorder: Recorder, value: object, cases: Sequence[Case], branches: Sequence[Branch]) -> object:
    chosen_by = selector(recorder, value, _SELECTOR)
    if chosen_by is None:
        return unknown("switch")
    arms = recorded_arms(recorder, "dagc.switch", branches, "switch")
    return record_choice(recorder, Switch(tuple(cases), arms.graphs), (chosen_by,), arms, "switch")


def _is_mapping(cases: object) -> bool:
    if isinstance(cases, Mapping) and cases:
        return True
    what = "has no cases" if isinstance(cases, Mapping) else f"is given a `{type(cases).__name__}` as its cases"
    tell("E0191", f"`dagc.switch` {what}", f"write `{_EXAMPLE}`")
    return False


def _case(key: object) -> Case | None:
    """The values of a case. Reports E0191 for what can be none."""
    members = key if isinstance(key, tuple) and not isinstance(key, Enum) else (key,)
    held: list[int | str | bool] = []
    for member in members:
        value = member.value if isinstance(member, Enum) else member
        if not isinstance(value, str | int):
            message = f"`{value!r}` is no case of `dagc.switch`"
            tell(
                "E0191", message, "cases are texts, whole numbers, truth values or enum members, or tuples of them"
            )
            return None
        held.append(value)
    return tuple(held)


def _title(key: object) -> str:
    members = key if isinstance(key, tuple) and not isinstance(key, Enum) else (key,)
    return f"case {' or '.join(str(m) if isinstance(m, Enum) else repr(m) for m in members)}"
