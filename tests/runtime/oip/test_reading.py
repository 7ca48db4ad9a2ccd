"""Whatever comes in is rows or a refusal: requests drawn at random, and valid ones with something changed."""

import json
import struct

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagc.runtime.codec import BadRequest
from dagc.runtime.oip.body import read_body
from dagc.runtime.oip.message import read_message
from dagc.runtime.oip.messages import DecodeError, decode, make
from dagc.runtime.oip.paths import in_protocol, message_of
from dagc.runtime.oip.request import check_request
from dagc.runtime.oip.rows import read_rows
from dagc.runtime.oip.tensors import DATATYPES, Given, raw_bytes, read_tensor
from dagc.runtime.settings import InferenceSettings, InferenceTensor

PORTS = (
    InferenceTensor("a", ("record", "a"), "f32", (2, None)),
    InferenceTensor("b", ("record", "b"), "str", (1,), scalar=True),
    InferenceTensor("c", ("c",), "i8", (), optional=True),
)
KNOWN = InferenceSettings(PORTS, (InferenceTensor("output", (), "f32", ()),), max_rows=4, max_body_bytes=10_000)
VALID = {
    "inputs": [
        {"name": "a", "datatype": "FP32", "shape": [2, 2, 1], "data": [1, 2, 3, 4]},
        {"name": "b", "datatype": "BYTES", "shape": [2], "data": ["x", "y"]},
        {"name": "c", "datatype": "INT8", "shape": [2], "parameters": {"binary_data_size": 2}},
    ],
    "outputs": [{"name": "output"}],
}
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
PLACES = [
    ("inputs", 0, "name"), ("inputs", 0, "datatype"), ("inputs", 0, "shape"), ("inputs", 0, "data"), ("inputs", 1),
    ("inputs", 1, "data"), ("inputs", 2, "parameters"), ("inputs", 2, "shape"), ("outputs",), ("id",),
    ("parameters",),
    ("inputs", 0, "shape", 1), ("inputs", 1, "shape", 0), ("inputs", 0, "data", 2), ("inputs", 1, "data", 0),
]  # fmt: skip


def rows_of(body: bytes, fields: dict[bytes, bytes]) -> list | None:
    """The rows of a body, or `None` where it is refused in words."""
    try:
        request = read_body(body, fields, 32)
        check_request(request, KNOWN)
        return read_rows(KNOWN, request.inputs)
    except BadRequest as refused:
        assert 400 <= refused.answer.status < 500
        assert isinstance(json.loads(in_protocol(refused.answer).body)["error"], str)
        assert len(message_of(refused.answer)) < 1000
        return None


def sent(document: object, raw: bytes = b"\x01\xff") -> tuple[bytes, dict[bytes, bytes]]:
    head = json.dumps(document).encode()
    return head + raw, {b"inference-header-content-length": b"%d" % len(head)}


def test_rows_have_the_form_of_bodies() -> None:
    rows = rows_of(*sent(VALID))
    assert rows is not None and [row["record"]["b"] for row in rows] == ["x", "y"]
    assert rows[1]["record"]["a"].tolist() == [[3], [4]] and rows[1]["c"].tolist() == -1
    rows[0]["record"]["a"][0, 0] = 9
    assert rows[1]["record"]["a"].tolist() == [[3], [4]], "rows share nothing that a step may write to"


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(PLACES), ANYTHING)
def test_anything_in_the_place_of_something_is_rows_or_a_refusal(place: tuple, value: object) -> None:
    document = json.loads(json.dumps(VALID))
    *way, last = place
    at = document
    for step in way:
        at = at[step]
    at[last] = value
    rows_of(*sent(document))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60), st.binary(max_size=12) | st.none())
def test_any_bytes_are_rows_or_a_refusal(body: bytes, length: bytes | None) -> None:
    rows_of(body, {} if length is None else {b"inference-header-content-length": length})
    head, fields = sent(VALID, body)
    rows_of(head, fields)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_message_with_bytes_changed_is_rows_or_a_refusal(data: st.DataObject) -> None:
    tensors = [
        make("InferInputTensor", name=each["name"], datatype=each["datatype"], shape=each["shape"])
        for each in VALID["inputs"]
    ]
    raw = [np.ones(4, "<f4").tobytes(), struct.pack("<I", 1) + b"x" + struct.pack("<I", 1) + b"y", b"\x01\xff"]
    whole = make("ModelInferRequest", model_name="m", inputs=tensors, raw_input_contents=raw).SerializeToString()
    changed = bytearray(whole)
    for _ in range(data.draw(st.integers(0, 4))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    try:
        request = read_message(decode("ModelInferRequest", bytes(changed)))
        check_request(request, KNOWN)
        rows = read_rows(KNOWN, request.inputs)
    except DecodeError:
        return
    except BadRequest as refused:
        assert 400 <= refused.answer.status < 500 and message_of(refused.answer)
        return
    assert 1 <= len(rows) <= 4


@pytest.mark.parametrize("dtype", [name for name in DATATYPES if name not in ("str", "bytes", "bool")])
def test_bytes_and_lists_are_the_same_array(dtype: str) -> None:
    port = InferenceTensor("x", ("x",), dtype, (2,))
    values = [[0, 1], [100, 7]]
    listed = read_tensor(port, Given("x", DATATYPES[dtype], (2, 2), None, values))
    assert listed.tolist() == values
    again = read_tensor(port, Given("x", DATATYPES[dtype], (2, 2), raw_bytes(listed)))
    assert again.dtype is listed.dtype and (again == listed).all()


def test_parameters_may_be_what_nobody_knows() -> None:
    head = msgspec.json.encode({**VALID, "parameters": {"priority": 3, "mine": "x"}})
    assert rows_of(head + b"\x01\x02", {b"inference-header-content-length": b"%d" % len(head)})
