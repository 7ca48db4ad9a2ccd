"""The sizes a model is tried with: first ones that most nets take, then ones that tell functions apart."""

from collections.abc import Iterator
from itertools import chain, islice, product

from dagc.models.free_dims import FreeDims

Sizes = dict[str, int]

_STARTS = (48, 32, 64, 16, 8, 4, 3, 2, 1, 96, 128, 160, 224, 256, 320, 512, 640, 1024, 16000)
"""Multiples of the usual strides first: a picture net may refuse 7, and gives sizes of 0 or 1 for 8."""

_MIXED_STARTS = (48, 32, 64, 1, 8, 16, 224)
_MOST_MIXED = 100


def first_sizes(free: FreeDims) -> Iterator[Sizes]:
    """Sizes of all free dims but the batch, all equal at first."""
    names = free.names
    if not names:
        yield {}
        return
    equal = (dict.fromkeys(names, size) for size in _STARTS)
    mixed = (dict(zip(names, sizes, strict=True)) for sizes in product(_MIXED_STARTS, repeat=min(len(names), 4)))
    yield from chain(equal, islice(mixed, _MOST_MIXED) if 1 < len(names) <= 4 else ())


def other_sizes(size: int) -> dict[int, None]:
    """Sizes beside the first: odd ones that show a division's rest, then multiples for nets that need them."""
    odd = (size + 1, size - 1, size + 5, 2 * size, 2 * size - 1)
    steps = (*odd, size + 8, size + 16, size + 32, 3 * size, size // 2)
    return dict.fromkeys(step for step in steps if step > 0 and step != size)


def telling_sizes(size: int) -> list[int]:
    """Sizes at which rivals may be told apart; at much smaller ones poolings leave nothing, or 1 at least."""
    return list(range(max(1, size // 2), 3 * size + 8))


def fresh_sizes(size: int) -> tuple[int, int, int]:
    """Sizes that no form has been fitted to, for a last test."""
    return (size + 3, 2 * size + 7, 3 * size - 1)
