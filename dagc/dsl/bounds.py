"""The bounds a declaration gives a number: `Field(ge=1, le=5)`, `conint(ge=1)`, `annotated_types.Interval`."""

from collections.abc import Iterator, Sequence

from pydantic.fields import FieldInfo

from dagc.ir.types import Bounds


def bounds(extras: Sequence[object]) -> Bounds | None:
    """The narrowest bounds among the extras of an annotation; `None` where there are none."""
    lows = [*_ends(extras, "ge", is_open=False), *_ends(extras, "gt", is_open=True)]
    highs = [*_ends(extras, "le", is_open=False), *_ends(extras, "lt", is_open=True)]
    if not lows and not highs:
        return None
    low, low_is_open = max(lows, default=(None, False))
    high, high_is_open = min(((end, not is_open) for end, is_open in highs), default=(None, True))
    return Bounds(low, high, low_is_open, not high_is_open)


def _ends(extras: Sequence[object], name: str, *, is_open: bool) -> Iterator[tuple[float, bool]]:
    for extra in extras:
        if isinstance(extra, FieldInfo):
            yield from _ends(extra.metadata, name, is_open=is_open)
        end = getattr(extra, name, None)
        if isinstance(end, int | float) and not isinstance(end, bool):
            yield float(end) if isinstance(end, float) else end, is_open
