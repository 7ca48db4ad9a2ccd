"""Elementwise operators on values that were met before: in a chain of thousands nearly all of them are.

What such an operator makes of rows and constants follows from its operands alone, not from which node it is.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

from dagc.models.rows.broadcast import RULES, elementwise, unary
from dagc.models.rows.call import Call
from dagc.models.rows.value import MISFITS, Dims, Mixes, Place, Tensor, Value

if TYPE_CHECKING:
    import onnx

_ALIKE = {name: rule for name, rule in RULES.items() if rule in (elementwise, unary)}
"""Their rules read no attributes and no names."""

Operands = tuple[Value | None, ...]


class Repeats:
    """Results by operator and operands, which are told apart as objects: equal results are one object."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], tuple[Tensor, Operands]] = {}
        self._distinct: dict[tuple[Dims | None, Place | None], Tensor] = {}

    def result(self, node: "onnx.NodeProto", operands: Operands) -> Tensor | None:
        """What an operator of the default domain makes of rows and constants; `None` if that is not so simple."""
        kind = node.op_type
        rule = _ALIKE.get(kind)
        if rule is None:
            return None
        key = (kind, *map(id, operands))
        if key in self._known:
            return self._known[key][0]
        if len(node.output) != 1 or not _plain(operands):
            return None
        try:
            (found,) = rule(Call(node, operands, 1, "", _no_bodies))
        except (Mixes, *MISFITS):
            return None
        if not isinstance(found, Tensor):
            return None
        result = self._distinct.setdefault((found.dims, found.place), found)
        self._known[key] = (result, operands)  # the operands stay, so that no other object gets their place
        return result


def _plain(operands: Operands) -> bool:
    """Whether all are tensors and one has rows: sizes are followed, and row numbers counted, only without."""
    tensors = [value for value in operands if value is not None]
    return all(isinstance(value, Tensor) for value in tensors) and any(
        isinstance(value, Tensor) and value.place is not None for value in tensors
    )


def _no_bodies(_body: "onnx.GraphProto", _given: Sequence[Value], _visit: str) -> NoReturn:
    raise AssertionError("an elementwise operator has no body")
