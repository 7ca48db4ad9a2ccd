"""The one spelling of JSON in what dagc writes: two spaces, UTF-8, a final line break, keys as they are given.

What fits on a line stands on one, as a person would write it: the port of a model is one line and not six, and a
diff shows the number that changed.
"""

import json
from collections.abc import Sequence

from pydantic import JsonValue

_COLUMNS = 100
_LEAF = json.JSONEncoder(ensure_ascii=False, allow_nan=False)


def json_bytes(value: JsonValue) -> bytes:
    """`value` as a file's content; values that are equal, keys in the same order, give equal bytes.

    Raises:
        ValueError: a number JSON does not have (NaN, infinity), which no floor above lets through.
    """
    return (_text(value, depth=0, before=0) + "\n").encode()


def _text(value: JsonValue, depth: int, before: int) -> str:
    """The value behind `before` characters of a line that is indented `depth` times."""
    match value:
        case dict():
            named = ((f"{_LEAF.encode(name)}: ", member) for name, member in value.items())
            members = [f"{name}{_text(member, depth + 1, len(name))}" for name, member in named]
            return _laid_out("{", members, "}", depth, before)
        case list():
            return _laid_out("[", [_text(item, depth + 1, 0) for item in value], "]", depth, before)
        case _:
            return _LEAF.encode(value)


def _laid_out(opening: str, members: Sequence[str], closing: str, depth: int, before: int) -> str:
    """The members on one line where they fit on it, else one a line."""
    room = _COLUMNS - 2 * depth - before - len("[],")
    if sum(map(len, members)) + 2 * len(members) - 2 <= room and not any("\n" in member for member in members):
        return f"{opening}{', '.join(members)}{closing}"
    indent = "\n" + "  " * (depth + 1)
    return f"{opening}{indent}{f',{indent}'.join(members)}\n{'  ' * depth}{closing}"
