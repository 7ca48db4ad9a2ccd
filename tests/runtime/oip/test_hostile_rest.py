"""Bodies that lie about their lengths, shapes and types, over HTTP: a 4xx that says what is wrong, no more."""

import json
import socket
import struct
import time
import zlib

import httpx
import numpy as np
import pytest

from tests.runtime.oip.conftest import Running, metric, post

pytestmark = pytest.mark.port

A = {"name": "a", "datatype": "FP32", "shape": [1, 3], "data": [1, 2, 3]}
B = {"name": "b", "datatype": "FP32", "shape": [1, 3], "data": [1, 2, 3]}


def changed(**members: object) -> dict:
    return {"inputs": [{name: value for name, value in (A | members).items() if value is not ...}, B]}


HOSTILE = {
    "no body": b"",
    "no JSON": b"{",
    "a list": b"[]",
    "null": b"null",
    "no UTF-8": b'{"inputs": [], "id": "\xff"}',
    "no inputs": {},
    "inputs that are an object": {"inputs": {}},
    "an empty list of inputs": {"inputs": []},
    "an input that is a number": {"inputs": [1]},
    "an input twice": {"inputs": [A, A, B]},
    "a key twice": b'{"inputs": [], "inputs": []}',
    "deep nesting": b'{"inputs": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep parameters": b'{"inputs": [], "parameters": {"a": ' + b"[" * 30 + b"]" * 30 + b"}}",
    "deep data": json.dumps(changed(data=...)).replace('"shape"', '"data": ' + "[" * 31 + "]" * 31 + ', "shape"'),
    "no name": changed(name=...),
    "no shape": changed(shape=...),
    "no data": changed(data=...),
    "no datatype": changed(datatype=...),
    "a datatype nobody has": changed(datatype="FP7"),
    "a datatype of another input": changed(datatype="INT64"),
    "a shape that is empty": changed(shape=[]),
    "a shape of another rank": changed(shape=[1, 1, 3]),
    "a shape with no example": changed(shape=[0, 3], data=[]),
    "a negative size": changed(shape=[-1, 3]),
    "two negative sizes": changed(shape=[-1, -3]),
    "a size that is a float": changed(shape=[1.5, 3]),
    "a size that is a text": changed(shape=["1", 3]),
    "a huge batch": changed(shape=[10**9, 3]),
    "sizes whose product overflows": changed(shape=[2**62, 2**62]),
    "a size of thousands of digits": changed(shape=[1, int("9" * 4000)]),
    "a rank of thousands": changed(shape=[1] * 5000),
    "less data than the shape says": changed(data=[1, 2]),
    "more data than the shape says": changed(data=[1, 2, 3, 4]),
    "lists nested otherwise": changed(data=[[1, 2], [3]]),
    "lists nested too far": changed(data=[[[1, 2, 3]]]),
    "a list among numbers": changed(data=[1, [2], 3]),
    "data that is a text": changed(data="abc"),
    "data that is an object": changed(data={"0": 1}),
    "data that is null": changed(data=None),
    "a text among numbers": changed(data=[1, "2", 3]),
    "a truth among numbers": changed(data=[1, True, 3]),
    "null among numbers": changed(data=[1, None, 3]),
    "a number that is too large": changed(data=[1, 1e39, 3]),
    "a number JSON cannot say": json.dumps(changed(data=[1, float("nan"), 3])).encode(),
    "a number without end": json.dumps(changed(data=[1, 7, 3])).replace("7", "9" * 5000).encode(),
    "an integer that is too large": {
        "inputs": [{"name": "counts", "datatype": "INT64", "shape": [1, 1], "data": [2**63]}]
    },
    "shared memory": changed(data=..., parameters={"shared_memory_region": "x", "shared_memory_byte_size": 12}),
    "a size of bytes that are not there": changed(data=..., parameters={"binary_data_size": 12}),
    "a negative size of bytes": changed(data=..., parameters={"binary_data_size": -4}),
    "a size of bytes that is a truth": changed(data=..., parameters={"binary_data_size": True}),
    "a size of bytes that is a text": changed(data=..., parameters={"binary_data_size": "12"}),
    "data and bytes": changed(parameters={"binary_data_size": 0}),
    "an output twice": {"inputs": [A, B], "outputs": [{"name": "output"}, {"name": "output"}]},
    "an output nobody has": {"inputs": [A, B], "outputs": [{"name": "__class__"}]},
    "a class of an output": {
        "inputs": [A, B], "outputs": [{"name": "output", "parameters": {"classification": 3}}]
    },
    "an id without end": {"inputs": [A, B], "id": "x" * 2000},
    "an id that is a number": {"inputs": [A, B], "id": 7},
    "half of a surrogate pair": b'{"inputs": [], "id": "\\ud800"}',
}  # fmt: skip


@pytest.mark.parametrize("what", HOSTILE)
def test_a_body_that_lies_is_refused_in_words(own: httpx.Client, what: str) -> None:
    body = HOSTILE[what]
    model = "double" if what == "an integer that is too large" else "total"
    answer = post(own, model, body.encode() if isinstance(body, str) else body)
    assert 400 <= answer.status_code < 500, answer.text
    assert set(answer.json()) == {"error"} and isinstance(answer.json()["error"], str)
    assert len(answer.text) < 1000


def binary(head: dict, *pieces: bytes, length: object = None) -> tuple[bytes, dict[str, str]]:
    text = json.dumps(head).encode()
    return text + b"".join(pieces), {
        "inference-header-content-length": str(len(text) if length is None else length)
    }


def sized(size: int, name: str = "a", datatype: str = "FP32", shape: tuple[int, ...] = (1, 3)) -> dict:
    return {"name": name, "datatype": datatype, "shape": list(shape), "parameters": {"binary_data_size": size}}


ROW = np.array([1, 2, 3], "<f4").tobytes()
LYING = {
    "less bytes": binary({"inputs": [sized(12), sized(12, "b")]}, ROW),
    "more bytes": binary({"inputs": [sized(12), sized(12, "b")]}, ROW, ROW, b"x"),
    "bytes of another size": binary({"inputs": [sized(8), sized(16, "b")]}, ROW, ROW),
    "a head longer than the body": binary({"inputs": [sized(12), sized(12, "b")]}, ROW, ROW, length=10**6),
    "a head of no length": binary({"inputs": [sized(12), sized(12, "b")]}, ROW, ROW, length=0),
    "a negative length": binary({"inputs": [sized(12), sized(12, "b")]}, ROW, ROW, length=-1),
    "a length that is a text": binary({"inputs": [sized(12), sized(12, "b")]}, ROW, ROW, length="abc"),
    "a length of many digits": binary({"inputs": [sized(12), sized(12, "b")]}, ROW, ROW, length="9" * 5000),
    "a head cut off": binary({"inputs": [sized(12), sized(12, "b")]}, ROW, ROW, length=20),
    "NaN": binary({"inputs": [sized(12), sized(12, "b")]}, np.full(3, np.nan, "<f4").tobytes(), ROW),
}


@pytest.mark.parametrize("what", LYING)
def test_bytes_that_are_not_what_the_head_says_are_refused(own: httpx.Client, what: str) -> None:
    body, headers = LYING[what]
    answer = post(own, "total", body, **headers)
    assert answer.status_code in (400, 422), answer.text


TEXTS = {
    "a length beyond the end": struct.pack("<I", 9) + b"abc",
    "the largest length": b"\xff\xff\xff\xff",
    "half a length": b"\x01\x00",
    "one text too many": struct.pack("<I", 1) + b"a" + struct.pack("<I", 1) + b"a",
    "no UTF-8": struct.pack("<I", 2) + b"\xff\xfe",
    "half of a surrogate pair": struct.pack("<I", 3) + b"\xed\xa0\x80",
}


@pytest.mark.parametrize("what", TEXTS)
def test_texts_that_lie_about_their_length_are_refused(own: httpx.Client, what: str) -> None:
    content = TEXTS[what]
    names = ("stone.carat", "stone.number of facets")
    numbers = [
        {"name": name, "datatype": kind, "shape": [1], "data": [1]}
        for name, kind in zip(names, ("FP64", "INT64"), strict=True)
    ]
    texts = {
        "name": "stone.cut", "datatype": "BYTES", "shape": [1, 1], "parameters": {"binary_data_size": len(content)}
    }  # fmt: skip
    body, headers = binary({"inputs": [*numbers, A | {"name": "row"}, texts]}, content)
    answer = post(own, "quote", body, **headers)
    assert answer.status_code in (400, 422) and "`stone.cut`" in answer.json()["error"], answer.text


def test_a_truth_that_is_neither_0_nor_1_is_refused(own: httpx.Client) -> None:
    inputs = [
        {"name": "half", "datatype": "FP16", "shape": [1, 2], "data": [1, 2]},
        {"name": "pixels", "datatype": "UINT8", "shape": [1, 2, 2], "data": [[[1, 2], [3, 4]]]},
        {"name": "words", "datatype": "BYTES", "shape": [1, 2], "data": ["a", "b"]},
        {"name": "flags", "datatype": "BOOL", "shape": [1, 2], "parameters": {"binary_data_size": 2}},
    ]
    for content, status in ((b"\x00\x01", 200), (b"\x00\x02", 400)):
        body, headers = binary({"inputs": inputs}, content)
        assert post(own, "turn", body, **headers).status_code == status
    inputs[1]["data"] = [[[1, 2], [3, 256]]]
    assert post(own, "turn", {"inputs": [*inputs[:3], {**A, "name": "flags"}]}).status_code in (400, 422)


def test_a_request_that_inflates_without_end_is_cut_off(own: httpx.Client) -> None:
    bomb = zlib.compress(b" " * 100_000_000)
    answer = post(own, "total", bomb, **{"content-encoding": "deflate"})
    assert answer.status_code == 413
    for content in (b"no zlib", zlib.compress(b"{}")[:-3], zlib.compress(b"{}") + b"x"):
        assert post(own, "total", content, **{"content-encoding": "deflate"}).status_code == 400
    assert post(own, "total", b"{}", **{"content-encoding": "br"}).status_code == 415


def test_a_body_over_the_cap_is_refused_in_the_protocols_words(own: httpx.Client) -> None:
    answer = post(own, "total", b" " * (17 * 1024 * 1024))
    assert answer.status_code == 413
    assert isinstance(answer.json()["error"], str)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v2/models/total/infer", 405), ("GET", "/v2/models/nobody/infer", 404),
        ("POST", "/v2/models/nobody/infer", 404), ("POST", "/v2/models/total/versions/9/infer", 404),
        ("DELETE", "/v2/models/total", 405), ("POST", "/v2/health/live", 405), ("GET", "/v2/models", 404),
        ("GET", "/v2/models/total/config", 404), ("GET", "/v2/models/../../etc/passwd", 404),
        ("GET", "/v2/models/%2e%2e/ready", 404), ("POST", "/v2/repository/models/a/unload", 403),
        ("GET", "/v2/repository/index", 405), ("GET", "/v2/nothing", 404), ("GET", "/v2/models/a/infer/x", 404),
        ("POST", "/v2/systemsharedmemory/region/x/register", 404), ("POST", "/v2/models/total/infer/", 400),
        ("GET", "/v22", 404), ("GET", "/v2/models/%F0%9F%92%A9", 404), ("GET", "/v2/models//ready", 404),
    ],
)  # fmt: skip
def test_paths_that_are_none_are_refused(own: httpx.Client, method: str, path: str, status: int) -> None:
    assert own.request(method, path).status_code == status


def test_a_head_request_has_no_body(own: httpx.Client) -> None:
    answer = own.head("/v2/models/total")
    assert (answer.status_code, answer.content) == (200, b"")


def test_a_clients_own_time_limit_and_id_are_heard(own: httpx.Client) -> None:
    body = {"inputs": [{"name": "seconds", "datatype": "FP64", "shape": [1], "data": [1.5]}]}
    late = post(own, "wait", body, **{"x-request-timeout-ms": "100", "x-request-id": "mine"})
    assert (late.status_code, late.headers["x-request-id"]) == (504, "mine")
    assert post(own, "wait", body, **{"x-request-timeout-ms": "soon"}).status_code == 400
    assert post(own, "wait", body, **{"x-request-timeout-ms": "0"}).status_code == 504


def test_a_request_without_room_for_all_its_rows_is_refused_whole(service: Running, own: httpx.Client) -> None:
    """4 x 256 rows fill the queue of 1,024 of one worker, whose rows all wait."""
    body = json.dumps(
        {"inputs": [{"name": "seconds", "datatype": "FP64", "shape": [256], "data": [1.9] * 256}]}
    ).encode()
    head = f"POST /v2/models/wait/infer HTTP/1.1\r\nhost: a\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    host, port = service.http.split(":")
    before = metric(own, "dagc_shed_total", reason="queue_full")
    pipes = [socket.create_connection((host, int(port)), timeout=30) for _ in range(14)]
    for pipe in pipes:
        pipe.sendall(head + body)
    found = [int(pipe.recv(65536).split()[1]) for pipe in pipes]
    for pipe in pipes:
        pipe.close()
    assert set(found) <= {200, 503} and 503 in found and 200 in found
    assert metric(own, "dagc_shed_total", reason="queue_full") > before


def test_a_client_that_leaves_is_counted_and_its_rows_stop(service: Running, own: httpx.Client) -> None:
    route = "/v2/models/wait/infer"
    before = metric(own, "dagc_requests_total", route=route, code="499")
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(
            f"http://{service.http}{route}",
            json={"inputs": [{"name": "seconds", "datatype": "FP64", "shape": [2], "data": [1.9, 1.9]}]},
            timeout=0.3,
        )
    until = time.monotonic() + 10
    while metric(own, "dagc_requests_total", route=route, code="499") == before:
        assert time.monotonic() < until
        time.sleep(0.05)
