"""Branches beside each other as functions inside the function they stand in, and the one call that has them."""

from collections.abc import Callable, Mapping, Sequence

from dagc.backends.citations import cite
from dagc.backends.layout import Expression, Group, Statement, call, flat, indented, laid_out, literal
from dagc.plan.service_plan import Branch, Combination, StandStage

WriteBranch = Callable[[Branch, int], list[str]]
"""The lines of a branch's body at an indentation, its `return` included."""

WriteCombination = Callable[[Combination, int], list[str]]
"""The lines of what is made of so many answers."""


def branch_lines(stage: StandStage, depth: int, write: WriteBranch) -> list[str]:
    """The functions of the branches, with a blank line between them."""
    lines: list[str] = []
    for branch in stage.branches:
        head = f"async def {branch.function}():  # {cite([branch.line])}"
        lines += [*([""] if lines else []), *indented([head], depth), *write(branch, depth + 1)]
    return lines


def quorum_lines(stage: StandStage, known: Mapping[str, str], depth: int, write: WriteCombination) -> list[str]:
    """What is made of the answers, by how many there are."""
    subject = standing_call(stage, known, "await ")
    asked = Group(subject.opening, subject.items, f"{subject.closing}:")
    lines = laid_out(Statement("match ", asked, cite(stage.lines)), depth)
    for combination in stage.combinations:
        lines += indented([f"case [{', '.join(combination.answers)}]:"], depth + 1)
        lines += write(combination, depth + 2)
    return lines


def standing_call(stage: StandStage, known: Mapping[str, str], awaited: str) -> Group:
    """`await fallback(primary, backup, node="fraud.score", within_s=0.05)`."""
    functions: Sequence[Expression] = [branch.function for branch in stage.branches]
    given = [Group("[", tuple(functions), "]")] if stage.how == "quorum" else functions
    named = [f"node={flat(literal(stage.node))}"]
    if stage.how == "quorum":
        named.append(f"need={stage.need}")
    if stage.within_s is not None:
        named.append(f"within_s={flat(literal(stage.within_s))}")
    if stage.compare is not None:
        module, name = stage.compare
        named.append(f"compare={known[module]}.{name}")
    return call(f"{awaited}{stage.how}", [*given, *named])
