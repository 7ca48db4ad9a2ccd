"""What an expression of a graph body may hold while the body runs: a symbolic value, Python values, or both.

The body rules follow these through assignments and calls. `Maybe` is for what came through code nobody looked
into: only mistakes that a symbolic value cannot refuse by itself when the body runs are reported for it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from typing import final


@final
@dataclass(frozen=True, slots=True)
class Plain:
    """An ordinary Python value, known while the graph is built."""


@final
@dataclass(frozen=True, slots=True)
class Maybe:
    """A symbolic value or an ordinary one."""


@final
@dataclass(frozen=True, slots=True)
class Handle:
    """A symbolic value. `unpacks`: it may be the several outputs of a model, which can be gone through."""

    unpacks: bool = False


@final
@dataclass(frozen=True, slots=True)
class Several:
    """A Python tuple or list of known length."""

    items: "tuple[Kind, ...]"


@final
@dataclass(frozen=True, slots=True)
class Box:
    """A Python container of any length."""

    item: "Kind"


Kind = Plain | Maybe | Handle | Several | Box


def joined(a: Kind, b: Kind) -> Kind:
    """What is one or the other, on two ways through the code."""
    match a, b:
        case _ if a == b:
            return a
        case (Handle(), Handle()):
            return Handle(a.unpacks or b.unpacks)
        case (Several(first), Several(second)) if len(first) == len(second):
            return Several(tuple(joined(x, y) for x, y in zip(first, second, strict=True)))
        case (Several() | Box(), Several() | Box()):
            return Box(any_of((*_items(a), *_items(b))))
        case (Several() | Box() as container, Plain()) | (Plain(), Several() | Box() as container):
            return container
    return Maybe()


def any_of(kinds: Iterable[Kind]) -> Kind:
    """What is one of several; `Plain` of none."""
    found = tuple(kinds)
    return reduce(joined, found) if found else Plain()


def holds(kind: Kind) -> bool:
    """Whether a symbolic value may be in it, however deep."""
    match kind:
        case Handle() | Maybe():
            return True
        case Several(items):
            return any(map(holds, items))
        case Box(item):
            return holds(item)
    return False


def holds_surely(kind: Kind) -> bool:
    """Whether it is a symbolic value, or a container with one in it."""
    match kind:
        case Handle():
            return True
        case Several(items):
            return any(map(holds_surely, items))
        case Box(item):
            return holds_surely(item)
    return False


def element(kind: Kind) -> Kind:
    """What going through it, or indexing it, yields."""
    match kind:
        case Handle():
            return Handle()
        case Several(items):
            return any_of(items)
        case Box(item):
            return item
    return kind


def _items(kind: Several | Box) -> tuple[Kind, ...]:
    return kind.items if isinstance(kind, Several) else (kind.item,)
