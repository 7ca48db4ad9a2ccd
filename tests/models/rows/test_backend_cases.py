"""ONNX's own cases of every operator as an oracle: what is proven, with the first axis as the batch, holds.

Each case is tried with its first input as rows, and with all that are as long; the others are stored.
"""

from collections.abc import Iterator

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from onnx.backend.test.case.node import collect_testcases

from dagc.models.model_error import ModelError
from dagc.models.rowwise import mixing
from dagc.models.runner import Runner
from tests.models.rows.apart import TOLERANCES, Array, close, row_of

pytestmark = [pytest.mark.ort, pytest.mark.filterwarnings("ignore")]


def cases() -> Iterator[tuple[str, onnx.ModelProto, dict[str, Array]]]:
    """Those of arrays, which are run again; the others take sequences, optional values or odd element types."""
    for case in collect_testcases(None):
        if not case.data_sets or case.model is None:
            continue
        given = dict(zip((port.name for port in case.model.graph.input), case.data_sets[0][0], strict=False))
        arrays = [value for value in given.values() if isinstance(value, np.ndarray)]
        if len(arrays) == len(given) and all(_followed(array) for array in arrays):
            yield case.name, case.model, given


def _followed(array: Array) -> bool:
    """Whether the tolerances know its type, and it has elements."""
    return array.size > 0 and (array.dtype.kind in "iubO" or array.dtype.name in TOLERANCES)


def variants(
    model: onnx.ModelProto, given: dict[str, Array]
) -> Iterator[tuple[onnx.ModelProto, dict[str, Array]]]:
    """The model with some inputs as rows and the others stored, and these rows."""
    long = [name for name, array in given.items() if array.ndim]
    if not long:
        return
    alike = tuple(name for name in long if len(given[name]) == len(given[long[0]]))
    for rows in dict.fromkeys(((long[0],), alike)):
        changed = onnx.ModelProto()
        changed.CopyFrom(model)
        ports = list(changed.graph.input)
        del changed.graph.input[:], changed.graph.value_info[:], changed.graph.output[1:]
        changed.graph.output[0].type.tensor_type.ClearField("shape")
        for port in ports:
            if port.name in rows:
                dims = ["N", *given[port.name].shape[1:]]
                changed.graph.input.append(
                    helper.make_tensor_value_info(port.name, port.type.tensor_type.elem_type, dims)
                )
            elif port.name in given:
                changed.graph.initializer.append(_stored(port.name, given[port.name]))
        yield changed, {name: given[name] for name in rows}


def _stored(name: str, array: Array) -> onnx.TensorProto:
    if array.dtype.kind != "O":
        return numpy_helper.from_array(array, name)
    texts = [str(text).encode() for text in array.reshape(-1)]
    return helper.make_tensor(name, onnx.TensorProto.STRING, array.shape, texts)


def test_what_is_proven_of_an_operator_holds_when_it_runs() -> None:
    compared = 0
    for name, model, given in cases():
        for changed, rows in variants(model, given):
            content = changed.SerializeToString()
            if mixing(content) is None:
                compared += _holds(name, content, rows)
    assert compared > 400


def _holds(name: str, content: bytes, rows: dict[str, Array]) -> bool:
    """Whether it runs here at all; fails if a row differs from the same row alone, for two sizes of batch."""
    try:
        runner = Runner(content)
        alone = runner.run(row_of(rows, 0), runner.outputs)[0]
    except ModelError:
        return False  # an operator or an opset this runtime has not, or one that only runs at the case's own size
    for count in (2, 3):
        batch = {key: np.concatenate([array[:1], array[-1:], array[:1]])[:count] for key, array in rows.items()}
        together = runner.run(batch, runner.outputs)[0]
        assert len(together) == count, name
        assert close(together[0], alone[0], slack=10), f"{name}: {together[0]} and alone {alone[0]}"
    return True
