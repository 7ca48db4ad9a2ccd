"""Stages as the lines of a function: a statement each, and `match` or `if` where one of several arms is taken."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeGuard

from dagc.backends.choice import choice_lines
from dagc.backends.citations import cite
from dagc.backends.layout import Expression, Group, Statement, call, indented, laid_out, targets
from dagc.backends.standing import branch_lines, quorum_lines, standing_call
from dagc.backends.values import value
from dagc.plan.service_plan import (
    Argument,
    Arm,
    Branch,
    CallStage,
    ChooseStage,
    Combination,
    EachStage,
    Endpoint,
    Part,
    RemoteStage,
    RunStage,
    Stage,
    StandStage,
    TogetherStage,
)

UNREAD = "_"
"""The target of a result nobody reads."""

Known = Mapping[str, str]
"""What main.py calls the user's modules."""

_Awaitable = CallStage | EachStage | ChooseStage | StandStage | RemoteStage


@dataclass(frozen=True, slots=True)
class _Inner:
    """What a function in the making consists of: an arm that returns, or a choice that overlaps with others."""

    stages: tuple[Stage, ...]
    result: tuple[Argument, ...]
    returns_tuple: bool


_Function = Endpoint | Part | EachStage | Branch | _Inner
"""What has stages and a result."""


def function_lines(function: _Function, known: Known, depth: int) -> list[str]:
    """The lines of the stages, the last one behind `return` when its result is the answer."""
    if not function.stages or not _is_answer(function.stages[-1], function):
        lines = _block(function.stages, known, depth)
        return lines + laid_out(Statement("return ", _result(function)), depth)
    *before, last = function.stages
    lines = _block(before, known, depth)

    def returning(arm: Arm | Combination, deeper: int) -> list[str]:
        """The lines of a function with this arm's statements."""
        return function_lines(_Inner(arm.stages, arm.result, function.returns_tuple), known, deeper)

    if isinstance(last, ChooseStage):
        return lines + choice_lines(last, depth, returning, returns=True)
    lines += _functions(last, known, depth, after=lines)
    if _is_quorum(last):
        return lines + quorum_lines(last, known, depth, returning)
    return lines + laid_out(Statement("return ", _expression(last, known), cite(_lines(last))), depth)


def _block(stages: Iterable[Stage], known: Known, depth: int) -> list[str]:
    """The lines of stages whose results are assigned to their targets."""
    lines: list[str] = []
    for stage in stages:
        if isinstance(stage, ChooseStage):
            lines += choice_lines(stage, depth, partial(_assigning, stage.targets, known), returns=False)
            continue
        lines += _functions(stage, known, depth, after=lines)
        if _is_quorum(stage):
            lines += quorum_lines(stage, known, depth, partial(_assigning, stage.targets, known))
            continue
        prefix = "" if set(_targets(stage)) == {UNREAD} else targets(_targets(stage), depth)
        lines += laid_out(Statement(prefix, _expression(stage, known), cite(_lines(stage))), depth)
    return lines


def _assigning(wanted: Sequence[str], known: Known, arm: Arm | Combination, depth: int) -> list[str]:
    """An arm whose results become the targets; most are called so where they are computed."""
    lines = _block(arm.stages, known, depth)
    for target, result in zip(wanted, arm.result, strict=True):
        if target not in (UNREAD, result.name) or (result.name == target and (result.path or result.item)):
            lines += laid_out(Statement(f"{target} = ", value(result)), depth)
    return lines


def _functions(stage: Stage, known: Known, depth: int, *, after: Sequence[str]) -> list[str]:
    """The functions that have to stand before the stage, with a blank line around each."""
    lines: list[str] = []
    for one in stage.calls if isinstance(stage, TogetherStage) else [stage]:
        if isinstance(one, EachStage | ChooseStage | StandStage):
            before = lines or after
            lines += [*([""] if before and before[-1] else []), *_function(one, known, depth), ""]
    return lines


def _function(stage: EachStage | ChooseStage | StandStage, known: Known, depth: int) -> list[str]:
    if isinstance(stage, EachStage):
        head = f"async def {stage.function}({stage.item}):  # {cite([stage.line])}"
        return [*indented([head], depth), *function_lines(stage, known, depth + 1)]
    if isinstance(stage, StandStage) and stage.function is None:
        return branch_lines(stage, depth, lambda branch, deeper: function_lines(branch, known, deeper))
    name, stage = stage.function, stage.model_copy(update={"function": None})
    inner = _Inner((stage,), tuple(Argument(name=target) for target in stage.targets), len(stage.targets) > 1)
    return [*indented([f"async def {name}():"], depth), *function_lines(inner, known, depth + 1)]


def _is_quorum(stage: Stage) -> TypeGuard[StandStage]:
    """Whether the stage is a `match` of its own, and not awaited as a function of its own."""
    return isinstance(stage, StandStage) and bool(stage.combinations) and stage.function is None


def _is_answer(stage: Stage, function: _Function) -> bool:
    wanted = tuple(Argument(name=target) for target in _targets(stage))
    one = len(wanted) == 1 and not function.returns_tuple
    several = len(wanted) > 1 and function.returns_tuple and not isinstance(stage, TogetherStage)
    return function.result == wanted and (one or several)


def _targets(stage: Stage) -> tuple[str, ...]:
    match stage:
        case CallStage() | RunStage() | ChooseStage() | StandStage() | RemoteStage():
            return stage.targets
        case TogetherStage():
            return tuple(_spread(_targets(one)) for one in stage.calls)
        case EachStage():
            return (stage.target,)


def _spread(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"({', '.join(names)})"


def _lines(stage: Stage) -> Iterable[str]:
    return [line for one in stage.calls for line in one.lines] if isinstance(stage, TogetherStage) else stage.lines


def _expression(stage: Stage, known: Known) -> Group:
    match stage:
        case CallStage():
            return _awaitable(stage, known, "await " if stage.waits or stage.batch else "")
        case EachStage() | ChooseStage() | StandStage() | RemoteStage():
            return _awaitable(stage, known, "await ")
        case TogetherStage():
            return call("await together", [_awaitable(one, known, "") for one in stage.calls])
        case RunStage():
            return call(f"await {stage.session}", [value(argument) for argument in stage.arguments])


def _awaitable(stage: _Awaitable, known: Known, awaited: str) -> Group:
    if isinstance(stage, ChooseStage) or (isinstance(stage, StandStage) and stage.function is not None):
        return call(f"{awaited}{stage.function}", [])
    if isinstance(stage, StandStage):
        return standing_call(stage, known, awaited)
    if isinstance(stage, RemoteStage):
        return call(f"{awaited}{stage.remote}", [value(argument) for argument in stage.arguments])
    if isinstance(stage, EachStage):
        return call(f"{awaited}each", [stage.function, value(stage.items), f"max_items={stage.max_items}"])
    given = [
        _named("" if at < stage.positional else f"{name}=", value(argument))
        for at, (name, argument) in enumerate(stage.arguments)
    ]
    return call(f"{awaited}{stage.guard or f'{known[stage.module]}.{stage.qualname}'}", given)


def _named(name: str, given: Expression) -> Expression:
    return (
        f"{name}{given}" if isinstance(given, str) else Group(f"{name}{given.opening}", given.items, given.closing)
    )


def _result(function: _Function) -> Expression:
    values = tuple(value(argument) for argument in function.result)
    if not function.returns_tuple:
        return values[0]
    if len(values) == 1:
        return Group("(", values, ",)")
    return Group("(", values, ")", bare=True)
