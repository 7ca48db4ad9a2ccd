"""How an output's size follows from the sizes of the inputs, found from runs and put to the test by further ones.

One free size: `scale*((size + shift)//step) + offset`, which holds what slices, strides, paddings, poolings and
upsamplings make of it (a floor division of a floor division is one floor division). Several: products and sums.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod

Point = tuple[int, int]
"""A size that was fed and the size that came out."""

_STEPS = (*range(2, 65), 80, 96, 100, 128, 160, 192, 200, 256, 320, 400, 512)
"""Strides of whole networks: 64 and less, and those of audio fronts (hops of 10 ms at 16 kHz are 160)."""

_MOST_COMPARED = 64


@dataclass(frozen=True, slots=True)
class Form:
    """A function of one size."""

    scale: int = 1
    shift: int = 0
    step: int = 1
    offset: int = 0

    def at(self, size: int) -> int:
        """What comes out for `size`."""
        return self.scale * ((size + self.shift) // self.step) + self.offset

    def text(self, name: str) -> str:
        """The function as dims are written: `W`, `2*W+1`, `(W+7)//8`."""
        inner = name if not self.shift else f"({name}{self.shift:+d})"
        inner = inner if self.step == 1 else f"{inner}//{self.step}"
        if self.scale != 1:
            inner = f"{self.scale}*{inner}" if self.step == 1 else f"{self.scale}*({inner})"
        return f"{inner}{self.offset:+d}" if self.offset else inner


def forms(points: Sequence[Point]) -> list[Form]:
    """The functions through all points (two at least, of different sizes), the simplest first."""
    straight = _straight(points)
    if straight is not None:
        return [straight]
    low, high = min(points), max(points)
    slope = (high[1] - low[1]) / (high[0] - low[0])
    found = [form for form in _stepped(slope) if all(form.at(size) == value for size, value in points)]
    return sorted(found, key=_complexity)


def dividing_sizes(candidates: Sequence[Form], sizes: Iterable[int]) -> list[int]:
    """The sizes among `sizes` at which candidates differ, those at which they differ most first."""
    differing = {size: len({form.at(size) for form in candidates[:_MOST_COMPARED]}) for size in sizes}
    return sorted((size for size, values in differing.items() if values > 1), key=lambda size: -differing[size])


@dataclass(frozen=True, slots=True)
class Relation:
    """A function of several sizes: the forms' product times `factor`, or their sum plus `factor`."""

    forms: Mapping[str, Form]
    factor: int
    summed: bool

    def at(self, sizes: Mapping[str, int]) -> int:
        """What comes out for `sizes`."""
        values = [form.at(sizes[name]) for name, form in self.forms.items()]
        return sum(values) + self.factor if self.summed else prod(values) * self.factor

    def text(self) -> str:
        """The function as dims are written: `2*H*W`, `(H//8)*(W//8)`, `A+B+1`."""
        if self.summed:
            return "+".join(form.text(name) for name, form in self.forms.items()) + (
                f"{self.factor:+d}" if self.factor else ""
            )
        terms = [_factor(form.text(name)) for name, form in self.forms.items()]
        return "*".join([str(self.factor), *terms] if self.factor != 1 else terms)


def relations(single: Mapping[str, Form], base: Mapping[str, int], value: int) -> Iterator[Relation]:
    """What may hold of several sizes, given each one's form while the others stand at `base`, giving `value`."""
    unscaled = {name: Form(1, form.shift, form.step) for name, form in single.items()}
    product = prod(form.at(base[name]) for name, form in unscaled.items())
    if product and value % product == 0:
        yield Relation(unscaled, value // product, summed=False)
    if all(form.step == 1 for form in single.values()):
        slopes = {name: Form(form.scale) for name, form in single.items()}
        rest = value - sum(form.at(base[name]) for name, form in slopes.items())
        yield Relation(slopes, rest, summed=True)


def _straight(points: Sequence[Point]) -> Form | None:
    (size, value), (other, changed) = min(points), max(points)
    slope, rest = divmod(changed - value, other - size)
    form = Form(slope, 0, 1, value - slope * size)
    fits = not rest and slope > 0 and all(form.at(a) == b for a, b in points)
    return form if fits else None


def _stepped(slope: float) -> Iterator[Form]:
    for step in _STEPS:
        around = round(slope * step)
        for scale in {around - 1, around, around + 1}:
            if scale > 0:
                yield from (Form(scale, shift, step) for shift in range(-2 * step, 2 * step))


def _complexity(form: Form) -> tuple[int, int, int, int]:
    """Plain floor and ceiling divisions come first, then small numbers."""
    usual = 0 if form.shift == 0 else 1 if form.shift == form.step - 1 else 2
    return (form.scale, usual, form.step, abs(form.shift))


def _factor(text: str) -> str:
    return text if text.isidentifier() else f"({text})"
