"""Names for the values and nodes of a model: each is given once."""

from collections.abc import Iterable


class UniqueNames:
    """Hands out each name once; a taken one gets the next free number."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)
        self._next_numbers: dict[str, int] = {}

    def unique(self, wanted: str) -> str:
        """`wanted`, or `wanted_2`, `wanted_3`, ... whichever is free."""
        name, number = wanted, self._next_numbers.get(wanted, 2)
        while name in self._taken:
            name, number = f"{wanted}_{number}", number + 1
        self._next_numbers[wanted] = number
        self._taken.add(name)
        return name
