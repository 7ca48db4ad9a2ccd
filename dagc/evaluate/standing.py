"""Whose answer counts, on Python values: one meaning for the plain call and for the graph node by node.

Nothing is late here: times run in a service only.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

R = TypeVar("R")


class TooManyItems(ValueError):
    """A list is longer than `dagc.each` declares; the service refuses the request (422)."""


class QuorumShort(RuntimeError):
    """Fewer members have answered than `dagc.quorum` needs."""


def is_refusal(error: BaseException) -> bool:
    """Whether the error answers the request (4xx), so that no backup stands in for it.

    A step's `Refuse` is known by its name, since a service's is another class than the language's.
    """
    return isinstance(error, TooManyItems) or any(kind.__name__ == "Refuse" for kind in type(error).__mro__)


def answers_of(members: Sequence[Callable[[], R]], need: int) -> list[R]:
    """What the members give that do not fail, in their order.

    Raises:
        QuorumShort: those are fewer than `need`.
    """
    answers: list[R] = []
    for member in members:
        try:
            answers.append(member())
        except Exception as error:
            if is_refusal(error):
                raise
    if len(answers) < need:
        raise QuorumShort(f"{len(answers)} of {len(members)} members answered, {need} are needed")
    return answers
