"""The nearest spelling, for messages about names that do not exist."""

import difflib
from collections.abc import Iterable


def closest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate most like `word`, or nothing when none is near enough to be a misspelling (ratio 0.6)."""
    near = difflib.get_close_matches(word, sorted(candidates), n=1, cutoff=0.6)
    return near[0] if near else None


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """`did you mean `x`?`, or else the names there are: the text of a `help`."""
    names = sorted(candidates)
    near = closest(word, names)
    if near is not None:
        return f"did you mean `{near}`?"
    return f"there is {', '.join(f'`{name}`' for name in names)}" if names else "there is none"
