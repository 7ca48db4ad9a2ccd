"""What a choice is made by: Python values of few kinds, or one-element tensors that hold such a value."""

from collections.abc import Sequence
from dataclasses import dataclass

from dagc.dsl.branches import tell
from dagc.dsl.handle import as_value
from dagc.ir.graph import Value
from dagc.ir.promotion import SCALAR_KINDS
from dagc.ir.types import Scalar, ScalarKind, Tensor, Type, Unknown
from dagc.trace.conversions import has_item, kind_of
from dagc.trace.recorder import Recorder


@dataclass(frozen=True, slots=True)
class Wanted:
    """The kinds of value a choice is made by, how a sentence says so, its code, and what to do with others."""

    rule: str
    kinds: Sequence[ScalarKind]
    help: str
    code: str = "E0194"


def selector(recorder: Recorder, item: object, wanted: Wanted) -> Value | None:
    """The value a choice is made by, a one-element tensor as its item; reports anything else."""
    value = as_value(recorder, item)
    if value is None:
        tell(wanted.code, f"{wanted.rule}, and this is a `{type(item).__name__}`", wanted.help)
        return None
    if isinstance(value.type, Unknown):
        return value
    kind = _kind(value.type)
    if kind is None or kind not in wanted.kinds:
        tell(wanted.code, f"{wanted.rule}, and `{value.id}` is `{value.type}`", wanted.help)
        return None
    return recorder.item(value, Scalar(kind)) if isinstance(value.type, Tensor) else value


def _kind(type: Type) -> ScalarKind | None:
    if not isinstance(type, Tensor):
        return kind_of(type)
    kind: ScalarKind = SCALAR_KINDS.get(type.dtype, "int")
    return kind if has_item(type, Scalar(kind)) else None
