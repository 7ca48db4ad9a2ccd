"""Messages, heads and frames that lie, over gRPC: a status that says what is wrong, and a service that goes on."""

import socket
import struct
import time
import zlib
from collections.abc import Iterator

import grpc
import httpx
import numpy as np
import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, Event, ResponseReceived, StreamReset, TrailersReceived
from hyperframe.frame import PingFrame
from tritonclient.grpc import service_pb2 as pb

from tests.runtime.oip.conftest import Running, metric

pytestmark = pytest.mark.port

ROW = np.array([1, 2, 3], "<f4").tobytes()
SERVICE = "/inference.GRPCInferenceService"
Code = grpc.StatusCode


@pytest.fixture(scope="module")
def channel(service: Running) -> Iterator[grpc.Channel]:
    largest = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
    with grpc.insecure_channel(service.grpc, options=largest) as channel:
        yield channel


def call(channel: grpc.Channel, method: str, message: object, **options: object) -> bytes:
    content = message if isinstance(message, bytes) else message.SerializeToString()
    return channel.unary_unary(method)(content, timeout=20, **options)


def infer(channel: grpc.Channel, message: object, **options: object) -> pb.ModelInferResponse:
    return pb.ModelInferResponse.FromString(call(channel, f"{SERVICE}/ModelInfer", message, **options))


def tensor(name: str, shape: tuple[int, ...] = (1, 3), datatype: str = "FP32", **contents: list) -> object:
    made = pb.ModelInferRequest.InferInputTensor(name=name, datatype=datatype, shape=shape)
    if contents:
        made.contents.CopyFrom(pb.InferTensorContents(**contents))
    return made


def request(*tensors: object, raw: tuple[bytes, ...] = (), model: str = "total", **more: object) -> object:
    return pb.ModelInferRequest(model_name=model, inputs=tensors, raw_input_contents=raw, **more)


FULL = [1.0, 2.0, 3.0]


def test_typed_contents_are_answered_by_typed_contents(channel: grpc.Channel) -> None:
    answer = infer(channel, request(tensor("a", fp32_contents=FULL), tensor("b", fp32_contents=FULL), id="mine"))
    assert (answer.model_name, answer.model_version, answer.id) == ("total", "1.2.0", "mine")
    assert answer.outputs[0].contents.fp32_contents == [12] and not answer.raw_output_contents
    counts = tensor("counts", (2, 2), "INT64", int64_contents=[1, 2, 3, 2**40])
    assert infer(channel, request(counts, model="double")).outputs[0].contents.int64_contents == [2, 4, 6, 2**41]
    image = tensor("image", (1,), "BYTES", bytes_contents=[b"\xff\x00"])
    assert infer(channel, request(image, model="weigh")).outputs[0].contents.int64_contents == [2]


def test_fp16_has_no_typed_contents_and_is_answered_as_bytes(channel: grpc.Channel) -> None:
    others = (
        tensor("pixels", (1, 2, 2), "UINT8", uint_contents=[1, 2, 3, 255]),
        tensor("flags", (1, 2), "BOOL", bool_contents=[True, False]),
        tensor("words", (1, 2), "BYTES", bytes_contents=[b"a", b"bc"]),
    )
    with pytest.raises(grpc.RpcError) as refused:
        infer(channel, request(tensor("half", (1, 2), "FP16", fp32_contents=[1, 2]), *others, model="turn"))
    assert refused.value.code() == Code.INVALID_ARGUMENT


LYING = {
    "no message": b"\xff\xff\xff\xff",
    "a field that is cut off": b"\x0a\x7f",
    "a group that does not end": b"\x0b" * 200,
    "no inputs": request(),
    "no contents": request(tensor("a"), tensor("b", fp32_contents=FULL)),
    "less contents": request(tensor("a", fp32_contents=FULL[:2]), tensor("b", fp32_contents=FULL)),
    "more contents": request(tensor("a", fp32_contents=FULL * 2), tensor("b", fp32_contents=FULL)),
    "contents of another type": request(tensor("a", fp64_contents=FULL), tensor("b", fp32_contents=FULL)),
    "NaN": request(tensor("a", fp32_contents=[1, float("nan"), 3]), tensor("b", fp32_contents=FULL)),
    "infinity": request(tensor("a", fp32_contents=[1, float("inf"), 3]), tensor("b", fp32_contents=FULL)),
    "a negative size": request(tensor("a", (-1, 3), fp32_contents=FULL), tensor("b", fp32_contents=FULL)),
    "a huge batch": request(tensor("a", (2**62, 3), fp32_contents=FULL), tensor("b", (2**62, 3))),
    "an input twice": request(tensor("a", fp32_contents=FULL), tensor("a", fp32_contents=FULL)),
    "one piece of bytes for two": request(tensor("a"), tensor("b"), raw=(ROW,)),
    "three pieces for two": request(tensor("a"), tensor("b"), raw=(ROW, ROW, ROW)),
    "bytes of another size": request(tensor("a"), tensor("b"), raw=(ROW, ROW[:-1])),
    "bytes and contents": request(tensor("a", fp32_contents=FULL), tensor("b"), raw=(ROW, ROW)),
    "a datatype nobody has": request(tensor("a", datatype="FP7", fp32_contents=FULL), tensor("b")),
    "no UTF-8": request(
        tensor("word", (1, 1), "BYTES", bytes_contents=[b"\xff"]), tensor("row", fp32_contents=FULL), model="quote"
    ),
    "an id without end": request(tensor("a", fp32_contents=FULL), tensor("b", fp32_contents=FULL), id="x" * 2000),
    "an output nobody has": request(
        tensor("a", fp32_contents=FULL),
        tensor("b", fp32_contents=FULL),
        outputs=[pb.ModelInferRequest.InferRequestedOutputTensor(name="sum")],
    ),
}


@pytest.mark.parametrize("what", LYING)
def test_a_message_that_lies_is_an_invalid_argument(channel: grpc.Channel, what: str) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        infer(channel, LYING[what])
    assert refused.value.code() == Code.INVALID_ARGUMENT, refused.value.details()
    assert refused.value.details() and len(refused.value.details()) < 500


def test_what_is_too_large_is_refused_before_it_is_read(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        infer(channel, b"\x00" * (17 * 1024 * 1024))
    assert refused.value.code() == Code.RESOURCE_EXHAUSTED


def test_a_message_that_inflates_without_end_is_cut_off(service: Running) -> None:
    bomb = zlib.compress(bytes(40_000_000))
    found = Raw(service).ask([(b"grpc-encoding", b"deflate")], b"\x01" + struct.pack(">I", len(bomb)) + bomb)
    assert found[b"grpc-status"] == b"8"
    found = Raw(service).ask([(b"grpc-encoding", b"br")], b"\x01\x00\x00\x00\x01x")
    assert found[b"grpc-status"] == b"12"


@pytest.mark.parametrize(
    "method", [f"{SERVICE}/Nothing", "/grpc.health.v1.Health/Watch", f"{SERVICE}/RepositoryModelLoad", "/x", "/"]
)
def test_other_methods_are_unimplemented(channel: grpc.Channel, method: str) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        call(channel, method, b"")
    assert refused.value.code() == Code.UNIMPLEMENTED


def test_the_standard_health_check_is_answered(channel: grpc.Channel) -> None:
    assert call(channel, "/grpc.health.v1.Health/Check", b"") == b"\x08\x01"
    assert call(channel, "/grpc.health.v1.Health/Check", b"\x0a\x1einference.GRPCInferenceService") == b"\x08\x01"
    with pytest.raises(grpc.RpcError) as refused:
        call(channel, "/grpc.health.v1.Health/Check", b"\x0a\x01x")
    assert refused.value.code() == Code.NOT_FOUND


class Raw:
    """An HTTP/2 connection that says what it is told to."""

    def __init__(self, service: Running) -> None:
        host, port = service.grpc.split(":")
        self.pipe = socket.create_connection((host, int(port)), timeout=20)
        self.state = H2Connection(H2Configuration(header_encoding=None, validate_outbound_headers=False))
        self.state.initiate_connection()
        self.flush()

    def flush(self) -> None:
        self.pipe.sendall(self.state.data_to_send())

    def head(self, *more: tuple[bytes, bytes], path: bytes = b"", method: bytes = b"POST", **fields: bytes) -> int:
        stream = self.state.get_next_available_stream_id()
        known = {b":method": method, b":scheme": b"http", b":path": path or f"{SERVICE}/ModelInfer".encode()}
        known |= {b":authority": b"a", b"te": b"trailers", b"content-type": b"application/grpc"}
        known |= {name.replace("_", "-").encode(): value for name, value in fields.items()}
        self.state.send_headers(stream, [(name, value) for name, value in known.items() if value] + list(more))
        self.flush()
        return stream

    def ask(self, more: list[tuple[bytes, bytes]], content: bytes, **fields: bytes) -> dict[bytes, bytes]:
        stream = self.head(*more, **fields)
        for at in range(0, len(content), 16_000):
            self.state.send_data(stream, content[at : at + 16_000])
        self.state.end_stream(stream)
        self.flush()
        return self.fields()

    def fields(self) -> dict[bytes, bytes]:
        """All fields of an answer."""
        found: dict[bytes, bytes] = {}
        for event in self.events():
            if isinstance(event, ResponseReceived | TrailersReceived):
                found |= dict(event.headers)
            if isinstance(event, StreamReset) or getattr(event, "stream_ended", None) is not None:
                break
        self.pipe.close()
        return found

    def events(self) -> Iterator[Event]:
        while content := self.pipe.recv(65536):
            for event in self.state.receive_data(content):
                if isinstance(event, DataReceived):
                    self.state.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                yield event
            self.flush()

    def is_closed(self) -> bool:
        try:
            while self.pipe.recv(65536):
                pass
        except ConnectionError:
            pass
        return True


def test_a_message_that_ends_too_soon_is_refused(service: Running) -> None:
    for content in (b"", b"\x00", b"\x00\x00\x00", b"\x00\x00\x00\x00\x09abc"):
        assert Raw(service).ask([], content)[b"grpc-status"] == b"3"


@pytest.mark.parametrize("timeout", [b"", b"1", b"S", b"-1S", b"1.5S", b"123456789S", b"1s", b"\xff"])
def test_a_time_limit_that_is_none_is_refused(service: Running, timeout: bytes) -> None:
    assert Raw(service).ask([(b"grpc-timeout", timeout)], b"")[b"grpc-status"] == b"3"


def test_what_is_not_grpc_is_refused_in_http(service: Running) -> None:
    assert Raw(service).ask([], b"", content_type=b"application/json")[b":status"] == b"415"
    assert Raw(service).ask([], b"", method=b"GET")[b":status"] == b"405"


def test_a_head_that_is_too_large_ends_the_connection(service: Running) -> None:
    raw = Raw(service)
    raw.head(*[(b"x-%d" % number, b"y" * 4000) for number in range(20)])
    assert raw.is_closed()


def test_what_is_not_http_2_ends_the_connection(service: Running, own: httpx.Client) -> None:
    host, port = service.grpc.split(":")
    for content in (
        b"GET / HTTP/1.1\r\nhost: a\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 200_000,
    ):
        pipe = socket.create_connection((host, int(port)), timeout=20)
        pipe.sendall(content)
        try:
            while pipe.recv(65536):
                pass
        except ConnectionError:
            pass
    assert own.get("/ready").status_code == 200


def test_frames_that_nobody_knows_are_ignored(service: Running) -> None:
    raw = Raw(service)
    raw.pipe.sendall(b"\x00\x00\x01\xee\x00\x00\x00\x00\x00?")
    assert raw.ask([], b"\x00\x00\x00\x00\x00", path=f"{SERVICE}/ServerLive".encode())[b"grpc-status"] == b"0"


def test_calls_that_are_begun_and_reset_without_end_cost_the_connection(
    service: Running, own: httpx.Client
) -> None:
    raw = Raw(service)
    try:
        for _ in range(2000):
            stream = raw.head()
            raw.state.reset_stream(stream)
            raw.flush()
    except ConnectionError:
        pass
    assert raw.is_closed()
    assert own.get("/ready").status_code == 200


def test_pings_whose_answers_nobody_reads_do_not_pile_up(service: Running, own: httpx.Client) -> None:
    """The service stops to read such a client, whose own pings then have nowhere to go."""
    raw = Raw(service)
    raw.pipe.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.pipe.settimeout(1.0)
    ping = PingFrame(0, opaque_data=b"12345678").serialize() * 4096
    with pytest.raises((TimeoutError, ConnectionError)):
        for _ in range(2000):
            raw.pipe.sendall(ping)
    raw.pipe.close()
    assert own.get("/ready").status_code == 200


def test_a_call_that_is_given_up_stops(service: Running, own: httpx.Client, channel: grpc.Channel) -> None:
    seconds = request(tensor("seconds", (1,), "FP64", fp64_contents=[1.9]), model="wait")
    pending = channel.unary_unary(f"{SERVICE}/ModelInfer").future(seconds.SerializeToString())
    until = time.monotonic() + 10
    while not sum(_inflight(own)):
        assert time.monotonic() < until
        time.sleep(0.02)
    pending.cancel()
    while sum(_inflight(own)):
        assert time.monotonic() < until
        time.sleep(0.02)


def _inflight(own: httpx.Client) -> Iterator[float]:
    for line in own.get("/metrics").text.splitlines():
        if line.startswith("dagc_inflight"):
            yield float(line.rpartition(" ")[2])


def test_refusals_are_counted_by_their_status(own: httpx.Client, channel: grpc.Channel) -> None:
    route = "/inference.GRPCInferenceService/ModelInfer/total"
    before = metric(own, "dagc_requests_total", route=route, code="400")
    with pytest.raises(grpc.RpcError):
        infer(channel, request(tensor("a", fp32_contents=FULL)))
    assert metric(own, "dagc_requests_total", route=route, code="400") == before + 1
