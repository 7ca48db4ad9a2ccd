"""Lines of the user's files in the short form a person writes: `graph.py:31, 34-37`."""

import re
from collections.abc import Iterable

_LINE = re.compile(r"(?P<file>[^\s:]+):(?P<line>\d+)")
_PLAIN = re.compile(r"[^\w .+/-]")
_PARTS_SHOWN = 6


def cite(lines: Iterable[str]) -> str:
    """`graph.py:31`, `graph.py:32` as `graph.py:31, 32`; three lines in a row or more as a range."""
    found = (match for line in lines if (match := _LINE.fullmatch(line)))
    by_file: dict[str, set[int]] = {}
    for match in found:
        by_file.setdefault(plain(match["file"]), set()).add(int(match["line"]))
    return "; ".join(f"{file}:{', '.join(_ranges(sorted(numbers)))}" for file, numbers in sorted(by_file.items()))


def joined_parts(parts: Iterable[str]) -> str:
    """`scaler + boosted + mean`: the user's models and expressions in one session, the first six of many."""
    names = [plain(part) for part in parts]
    shown = " + ".join(names[:_PARTS_SHOWN])
    rest = len(names) - _PARTS_SHOWN
    return f"{shown} + {rest} more" if rest > 0 else shown


def plain(text: str) -> str:
    """`text` with nothing left in it that means something to Python, Markdown or a terminal."""
    return _PLAIN.sub("_", text)


def _ranges(numbers: list[int]) -> list[str]:
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return [text for run in runs for text in ([f"{run[0]}-{run[-1]}"] if len(run) > 2 else map(str, run))]
