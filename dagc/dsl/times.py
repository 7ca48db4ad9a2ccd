"""What the combinators that take times and functions to run beside each other are given, and what they are not."""

import math
from collections.abc import Sequence

from dagc.dsl.branches import Branch, tell
from dagc.dsl.handle import Handle


def is_time(combinator: str, within_s: object, *, optional: bool = False) -> bool:
    """Whether it is a number of seconds above 0; reports E0197 for what is not."""
    if (within_s is None and optional) or seconds(within_s):
        return True
    shown = f"`{within_s!r}`" if isinstance(within_s, int | float | str) else f"a `{type(within_s).__name__}`"
    tell(
        "E0197",
        f"`within_s` of `{combinator}` is no time: it is {shown}",
        "write seconds above 0: `within_s=0.05`",
    )
    return False


def seconds(value: object) -> bool:
    """Whether a value is a finite number above 0."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf


def are_functions(combinator: str, branches: Sequence[Branch], example: str) -> bool:
    """Whether no branch is a value, which is computed before the call, so that nobody guards it; reports E0190."""
    values = [title for title, branch in branches if isinstance(branch, Handle) or not callable(branch)]
    for title in values:
        message = f"{title} of `{combinator}` is a value, which is there or has failed before the call"
        tell("E0190", message, f"write a function without parameters: `{example}`")
    return not values
