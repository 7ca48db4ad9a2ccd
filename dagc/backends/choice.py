"""A choice as a person writes it: `match` for values and shares, `if` for conditions and truth values."""

from collections.abc import Callable, Iterator, Sequence

from dagc.backends.citations import cite
from dagc.backends.layout import Group, Statement, call, fits, flat, indented, laid_out, literal
from dagc.backends.values import value
from dagc.plan.service_plan import Argument, Arm, ChooseStage

Write = Callable[[Arm, int], list[str]]
"""The lines of an arm at an indentation."""

_UNHANDLED = 'raise LookupError("no case of `dagc.switch` holds the value, and there is no default")'


def choice_lines(stage: ChooseStage, depth: int, write: Write, *, returns: bool) -> list[str]:
    """The lines of a choice. Arms that return need no `else` behind them."""
    if stage.how == "split":
        return _match(stage, depth, write, _shares(stage))
    if stage.how == "switch" and not _is_of_truth(stage):
        return _match(stage, depth, write, _cases(stage))
    return _if(stage, depth, write, list(_conditions(stage)), returns=returns)


def _match(stage: ChooseStage, depth: int, write: Write, patterns: Sequence[str]) -> list[str]:
    subject = flat(value(stage.by)) if stage.by is not None else "None"
    if stage.how == "split":
        shares = Group("(", tuple(literal(arm.share) for arm in stage.arms), ")")
        subject = flat(
            call("share_of", [subject, shares, *([f"seed={flat(literal(stage.seed))}"] if stage.seed else [])])
        )
    lines = laid_out(Statement("match ", f"{subject}:", cite(stage.lines)), depth)
    for pattern, arm in zip(patterns, stage.arms, strict=True):
        lines += [*_case(pattern, depth + 1), *_filled(write, arm, depth + 2)]
    if "_" not in patterns:
        lines += [*indented(["case _:"], depth + 1), *indented([_UNHANDLED], depth + 2)]
    return lines


def _cases(stage: ChooseStage) -> list[str]:
    return [" | ".join(flat(literal(held)) for held in arm.case) or "_" for arm in stage.arms]


def _shares(stage: ChooseStage) -> list[str]:
    return [*map(str, range(len(stage.arms) - 1)), "_"]


def _case(pattern: str, depth: int) -> list[str]:
    """The line of a case, its values below each other where they are many."""
    (line,) = indented([f"case {pattern}:"], depth)
    if fits(line):
        return [line]
    first, *others = pattern.split(" | ")
    return indented(["case (", f"    {first}", *(f"    | {other}" for other in others), "):"], depth)


def _if(
    stage: ChooseStage, depth: int, write: Write, arms: Sequence[tuple[str, Arm]], *, returns: bool
) -> list[str]:
    """One `if` for each arm but the last, whose condition is that no other holds."""
    *asked, (_, last) = arms
    lines: list[str] = []
    for number, (condition, arm) in enumerate(asked):
        word, comment = ("elif ", "") if number and not returns else ("if ", "" if number else cite(stage.lines))
        lines += laid_out(Statement(word, f"{condition}:", comment), depth)
        lines += _filled(write, arm, depth + 1)
    if returns or not asked:
        return lines + _filled(write, last, depth)
    return [*lines, *indented(["else:"], depth), *_filled(write, last, depth + 1)]


def _conditions(stage: ChooseStage) -> Iterator[tuple[str, Arm]]:
    """Each arm with its condition; what follows the arm that is always taken is never reached."""
    left = {True, False}
    for arm in stage.arms:
        taken = left & set(map(bool, arm.case)) if arm.case else left
        if stage.how != "switch":
            yield flat(value(arm.condition)) if arm.condition else "", arm
        elif taken:
            left -= taken
            yield _truth(stage.by, taken), arm


def _truth(by: Argument | None, taken: set[bool]) -> str:
    asked = by or Argument(constant=True)
    return flat(value(asked if True in taken else Argument(operation="not", operands=(asked,))))


def _is_of_truth(stage: ChooseStage) -> bool:
    return all(isinstance(held, bool) for arm in stage.arms for held in arm.case)


def _filled(write: Write, arm: Arm, depth: int) -> list[str]:
    """The lines of an arm; a function that it begins with stands apart."""
    lines = write(arm, depth) or indented(["pass"], depth)
    return ["", *lines] if lines[0].lstrip().startswith("async def ") else lines
