"""Readable unique names for values and nodes: the first `row` is `row`, the next `row_2`."""

import keyword
import re


class Names:
    """Gives each stem once as it is and then with a number."""

    def __init__(self, outer: "Names | None" = None) -> None:
        """`outer` are the names around a region: none of them is given in it, two regions may give the same."""
        self._taken: set[str] = set(outer._taken) if outer else set()
        self._counts: dict[str, int] = dict(outer._counts) if outer else {}

    def unique(self, stem: str) -> str:
        """A Python identifier not given before, as close to `stem` as possible."""
        base = _identifier(stem)
        name, count = base, self._counts.get(base, 1)
        while name in self._taken:
            count += 1
            name = f"{base}_{count}"
        self._counts[base] = count
        self._taken.add(name)
        return name


def _identifier(stem: str) -> str:
    if stem.isidentifier() and not keyword.iskeyword(stem):
        return stem
    name = re.sub(r"\W+", "_", stem).strip("_") or "value"
    if name[0].isdigit():
        name = f"value_{name}"
    return f"{name}_" if keyword.iskeyword(name) else name
