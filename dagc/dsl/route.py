"""`route`: the first of several rules that holds. `cascade`: a small model, and a big one where it is unsure."""

from collections.abc import Callable, Sequence
from typing import TypeVar, overload

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from dagc.dsl.branch_constants import Weak
from dagc.dsl.branches import Branch, are_sound, branch_result, record_choice, recorded_arms, tell
from dagc.dsl.complete import callers_folder, complete, unknown
from dagc.dsl.eager import refuse_inside_step
from dagc.dsl.handle import Handle
from dagc.dsl.region import unsuitable
from dagc.dsl.selectors import Wanted, selector
from dagc.evaluate.choosing import chosen_rule, plain
from dagc.ir.graph import Route
from dagc.trace.recorder import Recorder, recording

R = TypeVar("R")
T = TypeVar("T", bound=np.generic)
Plain = TypeVar("Plain", bound="str | float | bytes | NDArray[np.generic] | BaseModel | Sequence[object]")

_EXAMPLE = "dagc.route((payment.amount > 1000, lambda: careful(row)), otherwise=lambda: quick(row))"
_CASCADE = "dagc.cascade(lambda: small(row), lambda: big(row), accept=lambda score: score > 0.9)"
_HELP = "compare: `amount > 1000`; join with `&` and `|`, each comparison in parentheses"
_ACCEPTED = "what `accept` of `dagc.cascade` gives"


@overload
def route(
    *rules: tuple[object, Weak | Callable[[], NDArray[T]]], otherwise: Callable[[], NDArray[T]]
) -> NDArray[T]: ...
@overload
def route(
    first: tuple[object, Callable[[], NDArray[T]]],
    /,
    *rules: tuple[object, Weak | Callable[[], NDArray[T]]],
    otherwise: Weak | Callable[[], NDArray[T]],
) -> NDArray[T]: ...
@overload
def route(*rules: tuple[object, Callable[[], R]], otherwise: Callable[[], R]) -> R: ...
@overload
def route(*rules: tuple[object, Plain], otherwise: Plain) -> Plain: ...
@complete(_EXAMPLE, code="E0191")
def route(*rules: tuple[object, object], otherwise: object = None) -> object:
    """What the branch of the first rule gives whose condition holds; no other branch runs.

    Args:
        rules: pairs of a condition, a truth value, and the branch for it: a function without parameters, or a
            plain value.
        otherwise: the branch where no condition holds.
    """
    refuse_inside_step("function", "dagc.route", callers_folder())
    if not _are_rules(rules, otherwise):
        return unknown("route")
    branches: list[Branch] = [(f"rule {number}", branch) for number, (_, branch) in enumerate(rules, start=1)]
    branches.append(("`otherwise`", otherwise))
    if not are_sound("dagc.route", branches, _EXAMPLE):
        return unknown("route")
    conditions = [condition for condition, _ in rules]
    recorder = recording()
    if recorder is not None:
        return _recorded(recorder, conditions, branches)
    for number, condition in enumerate(conditions, start=1):
        _refuse_untrue(condition, _condition_of(number))
    return branch_result(branches[chosen_rule(conditions)][1])


@overload
def cascade(
    small: Callable[[], NDArray[T]],
    big: Callable[[], NDArray[T]] | Callable[[], float] | Callable[[], str],
    *,
    accept: Callable[[NDArray[T]], object],
) -> NDArray[T]: ...
@overload
def cascade(small: Callable[[], R], big: Callable[[], R], *, accept: Callable[[R], object]) -> R: ...
@complete(_CASCADE, code="E0191")
def cascade(small: Callable[[], object], big: Callable[[], object], *, accept: Callable[..., object]) -> object:
    """What `small` gives where `accept` of it holds, else what `big` gives; `big` runs only where it is needed.

    Of the requests, or items, that are served together only those go on to `big` whose small answer was not
    accepted, and they share its run.

    Args:
        small: the branch that always runs.
        big: the branch for what is not accepted.
        accept: takes what `small` gives; its result is a truth value.
    """
    refuse_inside_step("function", "dagc.cascade", callers_folder())
    if not _is_cascade(small, big, accept):
        return unknown("cascade")
    first = small()
    accepted = accept(first)
    recorder = recording()
    if recorder is not None:
        return _recorded_cascade(recorder, first, big, accepted)
    _refuse_untrue(accepted, _ACCEPTED)
    return first if plain(accepted) else big()


def _recorded(recorder: Recorder, conditions: Sequence[object], branches: Sequence[Branch]) -> object:
    found = [
        selector(recorder, condition, _truth(_condition_of(number)))
        for number, condition in enumerate(conditions, start=1)
    ]
    own = [value for value in found if value is not None]
    if len(own) < len(found):
        return unknown("route")
    arms = recorded_arms(recorder, "dagc.route", branches, "route")
    return record_choice(recorder, Route(arms.graphs), own, arms, "route")


def _recorded_cascade(recorder: Recorder, first: object, big: object, accepted: object) -> object:
    """The small answer is computed where the cascade stands, so its model fuses with those before it."""
    condition = selector(recorder, accepted, _truth(_ACCEPTED))
    if condition is None:
        return unknown("cascade")
    branches: list[Branch] = [("`small`", first), ("`big`", big)]
    arms = recorded_arms(recorder, "dagc.cascade", branches, "cascade")
    return record_choice(recorder, Route(arms.graphs, "cascade"), (condition,), arms, "cascade")


def _are_rules(rules: Sequence[object], otherwise: object) -> bool:
    wrong = next((rule for rule in rules if not isinstance(rule, tuple) or len(rule) != 2), None)
    if wrong is not None or not rules:
        message = "takes pairs of a condition and a branch" if rules else "is called without a rule"
        tell("E0191", f"`dagc.route` {message}", f"write `{_EXAMPLE}`")
        return False
    if otherwise is None:
        message = "`dagc.route` has no branch for requests that no rule is about"
        tell("E0308", message, f"add `otherwise=`: `{_EXAMPLE}`; a branch may call a step that refuses")
    return otherwise is not None


def _is_cascade(small: object, big: object, accept: object) -> bool:
    functions: list[Branch] = [("`small`", small), ("`big`", big)]
    plain_values = [title for title, branch in functions if isinstance(branch, Handle) or not callable(branch)]
    for title in plain_values:
        tell("E0190", f"{title} of `dagc.cascade` is no function without parameters", f"write `{_CASCADE}`")
    sound = not plain_values and are_sound("dagc.cascade", functions, _CASCADE)
    problem = unsuitable(accept, ("answer",), _CASCADE)
    if problem is not None:
        tell(
            "E0190", f"`accept` of `dagc.cascade` is called with the small answer, and is {problem[0]}", problem[1]
        )
    return sound and problem is None


def _condition_of(number: int) -> str:
    return f"the condition of rule {number} of `dagc.route`"


def _truth(what: str) -> Wanted:
    return Wanted(f"{what} is one truth value", ("bool",), _HELP, "E0195")


def _refuse_untrue(condition: object, what: str) -> None:
    """Raises E0195 in a plain call for what is no truth value."""
    if not isinstance(plain(condition), bool):
        tell("E0195", f"{what} is one truth value, not a `{type(condition).__name__}`", _HELP)
