"""Whether a value of one type may be given where another is wanted, with the reason in words when not."""

from dagc.ir.promotion import scalar_kind
from dagc.ir.types import (
    Choice,
    Dim,
    ListOf,
    Opaque,
    Optional,
    Record,
    Scalar,
    ScalarKind,
    Tensor,
    TupleOf,
    Type,
    Unknown,
)

_WIDER: dict[ScalarKind, tuple[ScalarKind, ...]] = {
    "bool": ("bool", "int", "float"),  # as Python's annotations have it (PEP 484, the numeric tower)
    "int": ("int", "float"),
    "float": ("float",),
    "str": ("str",),
}


def disagreement(given: Type, wanted: Type) -> str | None:
    """Why `given` does not fit `wanted`, or `None` when it does or nothing says it does not.

    Fixed sizes must be equal; named and unknown sizes agree with anything, and `unproven` says so. `Unknown`
    agrees silently.
    """
    match given, wanted:
        case (Unknown(), _) | (_, Unknown()):
            return None
        case Tensor(), Tensor():
            return _tensors(given, wanted)
        case Optional(), Optional():
            return disagreement(given.item, wanted.item)
        case Optional(), _:
            return f"`{given}` may be `None`, and `{wanted}` may not"
        case _, Optional():
            return disagreement(given, wanted.item)
        case Scalar(), Scalar():
            return None if wanted.kind in _WIDER[given.kind] else _differ(given, wanted)
        case Choice(), Scalar():
            fits = all(wanted.kind in _WIDER[scalar_kind(value)] for value in given.values)
            return None if fits else _differ(given, wanted)
        case Choice(), Choice():
            return _choices(given, wanted)
        case ListOf(), ListOf():
            return _within(disagreement(given.item, wanted.item), "in the items of the list")
        case TupleOf(), TupleOf():
            return _tuples(given, wanted)
        case Record(), Record():
            return _records(given, wanted)
        case _, Opaque(name="object"):
            return None
    return None if given == wanted else _differ(given, wanted)


def unproven(given: Type, wanted: Type) -> str | None:
    """What agrees only if run-time sizes turn out so (`axis 0: ? against 30`), or `None` when all is proven."""
    match given, wanted:
        case Tensor(), Tensor():
            return _unproven_sizes(given, wanted)
        case Optional(), Optional():
            return unproven(given.item, wanted.item)
        case _, Optional():
            return unproven(given, wanted.item)
        case ListOf(), ListOf():
            return unproven(given.item, wanted.item)
        case TupleOf(), TupleOf():
            pairs = zip(given.items, wanted.items, strict=False)
            return next((text for a, b in pairs if (text := unproven(a, b))), None)
    return None


def _tensors(given: Tensor, wanted: Tensor) -> str | None:
    if given.dtype is not wanted.dtype:
        return f"dtype {given.dtype} is not {wanted.dtype}"
    if given.dims is None or wanted.dims is None:
        return None
    if len(given.dims) != len(wanted.dims):
        return f"`{given}` has {_axes(given.dims)}, `{wanted}` has {_axes(wanted.dims)}"
    for axis, (a, b) in enumerate(zip(given.dims, wanted.dims, strict=True)):
        if isinstance(a, int) and isinstance(b, int) and a != b:
            return f"axis {axis} is {a}, not {b}"
    return None


def _unproven_sizes(given: Tensor, wanted: Tensor) -> str | None:
    if given.dims is None or wanted.dims is None:
        return None if given.dims == wanted.dims else f"the number of axes: `{given}` against `{wanted}`"
    for axis, (a, b) in enumerate(zip(given.dims, wanted.dims, strict=False)):
        if b is not None and not isinstance(b, str) and a != b:
            return f"axis {axis}: {_size(a)} against {_size(b)}"
    return None


def _choices(given: Choice, wanted: Choice) -> str | None:
    if given.name != wanted.name and wanted.name is not None:
        return _differ(given, wanted)
    extra = next((value for value in given.values if value not in wanted.values), None)
    return None if extra is None else f"{extra!r} is not one of {', '.join(map(repr, wanted.values))}"


def _tuples(given: TupleOf, wanted: TupleOf) -> str | None:
    if len(given.items) != len(wanted.items):
        return f"a tuple of {len(given.items)} is not a tuple of {len(wanted.items)}"
    for index, (a, b) in enumerate(zip(given.items, wanted.items, strict=True)):
        if text := _within(disagreement(a, b), f"in item {index} of the tuple"):
            return text
    return None


def _records(given: Record, wanted: Record) -> str | None:
    if given.name != wanted.name:
        return _differ(given, wanted)
    if given == wanted:
        return None
    return f"two different classes are both called `{wanted.name}`"


def _within(text: str | None, where: str) -> str | None:
    return f"{text}, {where}" if text else None


def _differ(given: Type, wanted: Type) -> str:
    return f"`{given}` is not `{wanted}`"


def _axes(dims: tuple[Dim, ...]) -> str:
    return f"{len(dims)} {'axis' if len(dims) == 1 else 'axes'}"


def _size(dim: Dim) -> str:
    return "?" if dim is None else str(dim)
