"""Recurrent networks: time is walked in order, every row for itself; `layout` says where the batch lies."""

from collections.abc import Mapping, Sequence

from dagc.models.rows.call import Call, Rule
from dagc.models.rows.size import Size, number
from dagc.models.rows.value import Mixes, Place, Value, placed


def _recurrent(call: Call) -> Sequence[Value]:
    """From `[time, rows, input]` to `[time, directions, rows, hidden]`; last states lack the time.

    With `layout` 1 the rows come first in all of them. Weights, recurrence, bias and peepholes are constants.
    """
    call.constants(1, 2, 3, 7)
    tensor, dims = call.tensor(0), call.dims(0)
    first = call.flag("layout", 0)
    axis = 0 if first else 1
    if len(dims) != 3:
        raise Mixes("has an input that is not time, rows and features")
    place = tensor.place
    if place is not None and place.axis != axis:
        raise Mixes(f"over axis {place.axis} mixes rows")
    _goes_with(call, 4, place, 0)
    for index in (5, 6):
        _goes_with(call, index, place, axis)
    directions = number(2 if call.text("direction", "forward") == "bidirectional" else 1)
    hidden = number(call.number("hidden_size", 0)) if "hidden_size" in call.attributes else call.new_size()
    time, rows = (dims[1], dims[0]) if first else (dims[0], dims[1])
    whole: list[Size] = [rows, time, directions, hidden] if first else [time, directions, rows, hidden]
    last: list[Size] = [rows, directions, hidden] if first else [directions, rows, hidden]
    state = placed(_at(place, axis), last)
    return [placed(_at(place, 0 if first else 2), whole), state, state]


def _goes_with(call: Call, index: int, place: Place | None, axis: int) -> None:
    """Lengths and first states have one entry for every row."""
    if call.given(index) and call.tensor(index).place != _at(place, axis):
        raise Mixes("begins rows with the states or lengths of others")


def _at(place: Place | None, axis: int) -> Place | None:
    return None if place is None else Place(axis, place.outer, place.inner)


RULES: Mapping[str, Rule] = dict.fromkeys(("GRU", "LSTM", "RNN"), _recurrent)
