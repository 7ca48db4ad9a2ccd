"""The one type that values of several types all are: what a node gives whose arms give different ones."""

from collections.abc import Sequence

from dagc.ir.agree import disagreement
from dagc.ir.types import Choice, Dim, ListOf, Scalar, Tensor, TupleOf, Type, Unknown


def meeting(types: Sequence[Type]) -> Type | None:
    """The narrowest type that all of them may be given as; `None` where there is none.

    Sizes that differ or are not known in every arm are not known of the result. `Literal["a"]` and `Literal["b"]`
    meet in `Literal["a", "b"]`; a tensor and a number do not meet.
    """
    found: Type | None = types[0]
    for type in types[1:]:
        found = None if found is None else _both(found, type)
    return found


def _both(a: Type, b: Type) -> Type | None:
    match a, b:
        case (Scalar(bounds=one), Scalar(bounds=other)) if a == b:
            return a if one == other else Scalar(a.kind)
        case _ if a == b:
            return a
        case (Unknown(), _) | (_, Unknown()):
            return Unknown()
        case (Tensor(), Tensor()):
            return _tensor(a, b) if disagreement(a, b) is None else None
        case (Choice(), Choice()) if a.name == b.name and a.name is None:
            return Choice(tuple(dict.fromkeys((*a.values, *b.values))))
        case (ListOf(), ListOf()):
            item = _both(a.item, b.item)
            return None if item is None else ListOf(item)
        case (TupleOf(), TupleOf()) if len(a.items) == len(b.items):
            items = [_both(x, y) for x, y in zip(a.items, b.items, strict=True)]
            known = tuple(item for item in items if item is not None)
            return TupleOf(known) if len(known) == len(items) else None
    if disagreement(a, b) is None:
        return b
    return a if disagreement(b, a) is None else None


def _tensor(a: Tensor, b: Tensor) -> Tensor:
    if a.dims is None or b.dims is None:
        return Tensor(a.dtype, None)
    return Tensor(a.dtype, tuple(_size(x, y) for x, y in zip(a.dims, b.dims, strict=True)))


def _size(a: Dim, b: Dim) -> Dim:
    return a if a == b else None
