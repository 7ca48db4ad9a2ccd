"""Rows together against rows alone, by running the model: for the outputs, and for every value on the way.

Independence is not bit equality. A matrix product adds in another order for many rows than for one, so floats may
differ by a few roundings; what the last layer makes of them is bounded by the tolerances. Integers, bools and
strings are equal.
"""

from collections.abc import Mapping

import numpy as np
import onnx
from numpy.typing import NDArray

from dagc.models.rows.proof import Proof, batch_input
from dagc.models.rows.size import Size
from dagc.models.rows.value import Counts, Mixed, Numbered, Padded, Tensor, Value
from dagc.models.runner import Runner

Array = NDArray[np.generic]

FREE = 6
"""The size every free axis but the batch gets."""

TOLERANCES = {
    "float16": (2e-2, 2e-2),  # 11 bits of mantissa, a few roundings, one cancellation
    "float32": (1e-4, 1e-5),  # 24 bits: sums of some hundred terms in another order
    "float64": (1e-9, 1e-11),  # 53 bits, likewise
}
"""Relative and absolute, by dtype."""


def feeds(content: bytes, rows: int, seed: int) -> dict[str, Array]:
    """Random rows for every input of the model."""
    random = np.random.default_rng(seed)
    graph = onnx.load_model_from_string(content).graph
    stored = {tensor.name for tensor in graph.initializer}
    found: dict[str, Array] = {}
    words = _words(graph)
    for value in graph.input:
        if value.name in stored:
            continue
        tensor = value.type.tensor_type
        dims = [max(dim.dim_value, 0) or FREE for dim in tensor.shape.dim]
        shape = (rows, *dims[1:])
        if tensor.elem_type == onnx.TensorProto.STRING:
            found[value.name] = random.choice(words.get(value.name, ["a", "b", "c"]), shape).astype(object)
            continue
        dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)
        drawn = random.normal(size=shape) if dtype.kind == "f" else random.integers(0, 2, shape)
        found[value.name] = drawn.astype(dtype)
    return found


def _words(graph: onnx.GraphProto) -> dict[str, list[str]]:
    """The categories an operator knows of an input: most operators fail at any other."""
    return {
        name: [word.decode() for word in attribute.strings]
        for node in graph.node
        for attribute in node.attribute
        if attribute.name in ("cats_strings", "keys_strings")
        for name in node.input[:1]
    }


def row_of(given: Mapping[str, Array], row: int) -> dict[str, Array]:
    return {name: array[row : row + 1] for name, array in given.items()}


def close(left: Array, right: Array, *, slack: float = 1.0) -> bool:
    left, right = np.asarray(left), np.asarray(right)
    if left.shape != right.shape:
        return False
    if left.dtype.kind != "f":
        return bool(np.array_equal(left, right))
    relative, absolute = TOLERANCES[left.dtype.name]
    return bool(np.allclose(left, right, rtol=relative * slack, atol=absolute * slack, equal_nan=True))


def assert_rows_stay_apart(content: bytes, *, rows: int = 5, seed: int = 0, given: object = None) -> None:
    runner = Runner(content)
    batch = given if isinstance(given, dict) else feeds(content, rows, seed)
    together = runner.run(batch, runner.outputs)
    for row in range(rows):
        alone = runner.run(row_of(batch, row), runner.outputs)
        for name, whole, single in zip(runner.outputs, together, alone, strict=True):
            assert len(whole) == rows, f"`{name}` has {len(whole)} rows of {rows}"
            assert close(whole[row], single[0]), f"row {row} of `{name}`: {whole[row]} and alone {single[0]}"


def assert_a_poisoned_row_stays_alone(content: bytes, *, rows: int = 4, seed: int = 0) -> None:
    """Zero times infinity is not zero: a neighbour that is only multiplied by nothing shows all the same."""
    runner = Runner(content)
    batch = feeds(content, rows, seed)
    for poison in (np.inf, np.nan):
        poisoned = {name: array.copy() for name, array in batch.items()}
        for array in poisoned.values():
            if array.dtype.kind == "f":
                array[1] = poison
        together = runner.run(poisoned, runner.outputs)
        for row in (0, 2, 3):
            alone = runner.run(row_of(poisoned, row), runner.outputs)
            for name, whole, single in zip(runner.outputs, together, alone, strict=True):
                assert close(whole[row], single[0]), f"row 1 shows in row {row} of `{name}`: {whole[row]}"


def mixes(content: bytes, *, rows: int = 4, seed: int = 0) -> bool:
    """Whether some row of some output visibly differs from the same row alone, or has no counterpart at all."""
    runner = Runner(content)
    batch = feeds(content, rows, seed)
    together = runner.run(batch, runner.outputs)
    for row in range(rows):
        alone = runner.run(row_of(batch, row), runner.outputs)
        for whole, single in zip(together, alone, strict=True):
            if whole.shape[:1] != (rows,) or not close(whole[row], single[0], slack=100):
                return True
    return False


def values_of(content: bytes) -> Mapping[str, Value]:
    """What the proof holds of every value of the outermost graph."""
    proto = onnx.load_model_from_string(content)
    stored = {tensor.name for tensor in proto.graph.initializer}
    inputs = {value.name: batch_input(value) for value in proto.graph.input if value.name not in stored}
    assert not any(isinstance(known, str) for known in inputs.values())
    return Proof(proto).values(proto.graph, inputs)  # type: ignore[arg-type]


def assert_every_value_holds(content: bytes, *, rows: int = 3, seed: int = 0) -> int:
    """Compare every value's shape and rows with what the proof says of it; the number of values compared."""
    known = values_of(content)
    names = [name for name, value in known.items() if not isinstance(value, Mixed | Padded)]
    runner = _exposing(content, names)
    batch = feeds(content, rows, seed)
    names = [name for name in names if name in runner.outputs]
    if not names:
        return 0
    together = dict(zip(names, runner.run(batch, names), strict=True))
    sizes: dict[object, int] = {}
    for row in range(rows):
        alone = dict(zip(names, runner.run(row_of(batch, row), names), strict=True))
        for name in names:
            value = known[name]
            if isinstance(together[name], np.ndarray) and not isinstance(value, Mixed):
                _check(name, value, (together[name], alone[name]), (row, rows), sizes)
    return len(names)


def _exposing(content: bytes, names: list[str]) -> Runner:
    proto = onnx.load_model_from_string(content)
    computed = {name for node in proto.graph.node for name in node.output}
    declared = {value.name for value in proto.graph.output}
    for name in names:
        if name in computed and name not in declared:
            proto.graph.output.append(onnx.ValueInfoProto(name=name))
    return Runner(proto.SerializeToString(), optimised=False)


def _check(
    name: str, value: Tensor | Numbered, arrays: tuple[Array, Array], at: tuple[int, int], sizes: dict[object, int]
) -> None:
    tensor = value.tensor if isinstance(value, Numbered) else value
    (together, alone), (row, rows) = arrays, at
    for array, count in ((together, rows), (alone, 1)):
        if tensor.dims is None:
            break
        assert array.ndim == len(tensor.dims), f"`{name}` has rank {array.ndim}, not {len(tensor.dims)}"
        for axis, size in enumerate(tensor.dims):
            expected = evaluated(size, count)
            actual = array.shape[axis]
            if expected is None:
                expected = sizes.setdefault((size, count), actual)
            assert actual == expected, f"axis {axis} of `{name}` is {actual}, not {expected}"
    if tensor.counts is not None:
        _check_counts(name, tensor.counts, together, rows)
        _check_counts(name, tensor.counts, alone, 1)
        return
    if tensor.place is None:
        assert close(together, alone), f"`{name}` is not the same in a batch"
        return
    slices = _slice(tensor, together, row, rows), _slice(tensor, alone, 0, 1)
    if slices[0] is None or slices[1] is None:
        return
    if isinstance(value, Numbered):
        _check_numbers(name, value, (slices[0], slices[1]), row)
        return
    assert close(slices[0], slices[1]), f"row {row} of `{name}` is {slices[0]}, alone {slices[1]}"


def evaluated(size: Size, rows: int) -> int | None:
    """The number, if it has no unknowns but the rows."""
    if any(name != "N" for monomial, _ in size.terms for name in monomial):
        return None
    return sum(coefficient * rows ** len(monomial) for monomial, coefficient in size.terms)


def _check_counts(name: str, counts: Counts, array: Array, rows: int) -> None:
    assert array.shape == counts.shape
    for size, element in zip(counts.flat, array.reshape(-1).tolist(), strict=True):
        expected = evaluated(size, rows)
        assert expected is None or expected == element, f"`{name}` holds {element}, not {expected}"


def _slice(tensor: Tensor, array: Array, row: int, rows: int) -> Array | None:
    """Slice `row` of a tensor by the place it has; `None` if the place has unknowns on both sides."""
    assert tensor.place is not None
    axis, length = tensor.place.axis, array.shape[tensor.place.axis]
    outer, inner = evaluated(tensor.place.outer, rows), evaluated(tensor.place.inner, rows)
    if outer is None and inner is None:
        return None
    outer = outer if outer is not None else length // rows // (inner or 1)
    split = array.reshape(*array.shape[:axis], outer, rows, -1, *array.shape[axis + 1 :])
    return np.asarray(np.take(split, row, axis=axis + 1), array.dtype)


def _check_numbers(name: str, value: Numbered, slices: tuple[Array, Array], row: int) -> None:
    steps = [evaluated(position.step, 1) for position in value.positions]
    if None in steps:
        return
    expected = slices[1] + row * np.array(steps if len(steps) > 1 else steps[0])
    assert np.array_equal(slices[0], expected), f"row {row} of index `{name}` is {slices[0]}, not {expected}"
