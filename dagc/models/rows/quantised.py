"""Quantisation: by element, so safe where the scales are given and the same for every row."""

from collections.abc import Mapping, Sequence

from dagc.models.rows.call import Call, Rule, from_front
from dagc.models.rows.size import ONE
from dagc.models.rows.value import Mixes, Tensor, Value


def _scaled(call: Call) -> Sequence[Value]:
    """One scale for all elements, or one for each index of `axis`, or for each block along `axis`."""
    call.constants_from(1)
    tensor, scale = call.tensor(0), call.tensor(1)
    result = [Tensor(tensor.dims, tensor.place)]
    if tensor.place is None or scale.dims in ((), (ONE,)):
        return result
    rank = call.rank(0)
    axis = from_front(call.number("axis", 1), rank)
    if scale.dims is None or len(scale.dims) != 1 or tensor.place.axis == axis:
        raise Mixes("scales rows by elements of a constant")
    return result


def _scaled_by_itself(call: Call) -> Sequence[Value]:
    if call.tensor(0).place is not None:
        raise Mixes("takes its scale from the largest elements of the whole batch")
    return [Tensor(call.tensor(0).dims), Tensor(()), Tensor(())]


RULES: Mapping[str, Rule] = {
    "DequantizeLinear": _scaled,
    "DynamicQuantizeLinear": _scaled_by_itself,
    "QuantizeLinear": _scaled,
}
