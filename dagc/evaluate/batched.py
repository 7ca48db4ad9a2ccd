"""Steps of many items: what they return, held against what they were given."""

from collections.abc import Sequence


class WrongLength(TypeError):
    """A step of many items returned another number of results."""

    def __init__(self, items: int, results: object) -> None:
        found = f"{len(results)} results" if isinstance(results, Sequence) else f"a `{type(results).__name__}`"
        super().__init__(f"a step with `batch=True` was given {items} items and returned {found}")


def results_of(items: int, results: object) -> Sequence[object]:
    """The results, one for each item.

    Raises:
        WrongLength: there are more, or fewer, or it is no list.
    """
    if not isinstance(results, Sequence) or isinstance(results, str | bytes) or len(results) != items:
        raise WrongLength(items, results)
    return results


def only_result(results: object) -> object:
    """What a step of many items gave for one.

    Raises:
        WrongLength: it gave none, or several.
    """
    return results_of(1, results)[0]
