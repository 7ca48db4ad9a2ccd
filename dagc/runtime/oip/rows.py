"""The tensors of a request to its rows: what each example would be as a body of JSON, with arrays for lists."""

from collections.abc import Mapping, Sequence

from ..feed import Array
from ..settings import InferenceSettings, InferenceTensor
from .tensors import Given, read_tensor, refuse

Row = dict[str, object]
"""One example: members by name, records as further ones."""


def read_rows(inference: InferenceSettings, given: Sequence[Given]) -> list[Row]:
    """The rows of a request, at least one.

    Raises:
        BadRequest: an input is missing, unknown, given twice or no such tensor, or they differ in their rows.
    """
    by_name = {tensor.name: tensor for tensor in given}
    _check_names(inference, given, by_name)
    count = _count(inference, given)
    rows: list[Row] = [{} for _ in range(count)]
    for port in inference.inputs:
        if (tensor := by_name.get(port.name)) is not None:
            _fill(rows, port, read_tensor(port, tensor))
    return rows


def _check_names(inference: InferenceSettings, given: Sequence[Given], by_name: Mapping[str, Given]) -> None:
    known = {port.name for port in inference.inputs}
    if len(by_name) < len(given):
        refuse("an input is given twice", "inputs")
    if unknown := by_name.keys() - known:
        wanted = ", ".join(f"`{port.name}`" for port in inference.inputs[:20])
        refuse(f"{len(unknown)} of the inputs are unknown, there are {wanted}", "inputs")
    for port in inference.inputs:
        if not port.optional and port.name not in by_name:
            refuse(f"input `{port.name}` is missing", port.name)


def _count(inference: InferenceSettings, given: Sequence[Given]) -> int:
    """How many rows the request has; looked at before any data is."""
    sizes = {tensor.shape[0] if tensor.shape else 0 for tensor in given}
    if not given:
        refuse("a request needs at least one input", "inputs")
    if len(sizes) > 1:
        refuse("the inputs differ in their first axis, which is the number of examples", "inputs")
    count = sizes.pop()
    if not 1 <= count <= inference.max_rows:
        refuse(f"the first axis of each input must be 1 to {inference.max_rows} examples", given[0].name)
    return count


def _fill(rows: Sequence[Row], port: InferenceTensor, array: Array) -> None:
    *records, member = map(str, port.path)
    values: Sequence[object] = array.ravel().tolist() if port.scalar else list(_each(array))
    for row, value in zip(rows, values, strict=True):
        inner = row
        for record in records:
            found = inner.setdefault(record, {})
            assert isinstance(found, dict)
            inner = found
        inner[member] = value


def _each(array: Array) -> Sequence[Array]:
    """The rows of an array as arrays, also where one is a single element."""
    return [array[number : number + 1].reshape(array.shape[1:]) for number in range(len(array))]
