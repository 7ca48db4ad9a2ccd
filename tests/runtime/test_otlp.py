"""Spans as OpenTelemetry's own classes read them, its variables, and collectors that do not take everything."""

import gzip
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from dagc.runtime.otlp_message import message
from dagc.runtime.otlp_sender import Destination, Sender, pairs
from dagc.runtime.spans import SERVER, Sampler, Span, SpanContext, Tracer, read_header, sampler

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def span(name: str = "work") -> Span:
    ended: list[Span] = []
    tracer = Tracer(Sampler(), ended.append)
    tracer.end(tracer.start(name, None, {}))
    return ended[0]


def test_every_field_arrives() -> None:
    tracer = Tracer(Sampler(), lambda _: None)
    attributes = {"text": "größe", "whole": -5, "large": 2**62, "share": 0.25, "flag": True}
    linked = SpanContext(2**128 - 1, 2**64 - 1, sampled=True)
    found = tracer.start("x" * 300, read_header(PARENT), attributes, kind=SERVER, began_ns=10**18, links=[linked])
    found.failed = "ValueError"
    tracer.end(found, 10**18 + 5)
    read = ExportTraceServiceRequest.FromString(message([found, span()], {"service.name": "s"}, "1.2"))
    (of_service,) = read.resource_spans
    assert [(each.key, each.value.string_value) for each in of_service.resource.attributes] == [
        ("service.name", "s")
    ]
    (of_scope,) = of_service.scope_spans
    assert (of_scope.scope.name, of_scope.scope.version) == ("dagc", "1.2")
    first, second = of_scope.spans
    assert (first.trace_id.hex(), first.parent_span_id.hex()) == tuple(PARENT.split("-")[1:3])
    assert (first.name, first.kind, first.flags) == ("x" * 300, 2, 1)
    assert (first.start_time_unix_nano, first.end_time_unix_nano) == (10**18, 10**18 + 5)
    assert (first.status.code, first.status.message) == (2, "ValueError")
    values = {each.key: getattr(each.value, str(each.value.WhichOneof("value"))) for each in first.attributes}
    assert values == attributes
    assert [(link.trace_id, link.span_id) for link in first.links] == [(b"\xff" * 16, b"\xff" * 8)]
    assert len(second.trace_id) == 16 and second.parent_span_id == b"" and second.status.code == 0


@pytest.mark.parametrize(
    ("name", "share", "alone", "with_kept", "with_dropped"),
    [
        ("", "", True, True, False),
        ("always_on", "", True, True, True),
        ("always_off", "", False, False, False),
        ("parentbased_always_off", "", False, True, False),
        ("traceidratio", "0.4", False, False, False),
        ("traceidratio", "0.6", True, True, True),
        ("parentbased_traceidratio", "0.4", False, True, False),
    ],
)
def test_a_sampler_keeps_what_it_says(
    name: str, share: str, alone: bool, with_kept: bool, with_dropped: bool
) -> None:
    found = sampler({"OTEL_TRACES_SAMPLER": name, "OTEL_TRACES_SAMPLER_ARG": share})
    half = 1 << 63
    parents = (None, SpanContext(half, 1, sampled=True), SpanContext(half, 1, sampled=False))
    assert [found.keeps(half, parent) for parent in parents] == [alone, with_kept, with_dropped]


@pytest.mark.parametrize("name", ["sometimes", "parentbased_", "parentbased_jaeger_remote"])
def test_an_unknown_sampler_or_share_is_told(name: str) -> None:
    with pytest.raises(ValueError, match="no sampler"):
        sampler({"OTEL_TRACES_SAMPLER": name})
    for share in ("2", "-1", "x", "nan"):
        with pytest.raises(ValueError):
            sampler({"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": share})


@pytest.mark.parametrize(
    "wrong",
    [
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "file:///etc/passwd"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318"},
        {"OTEL_EXPORTER_OTLP_COMPRESSION": "zstd"},
        {"OTEL_EXPORTER_OTLP_TIMEOUT": "soon"},
        {"OTEL_BSP_MAX_QUEUE_SIZE": "0"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "https://a", "OTEL_EXPORTER_OTLP_CERTIFICATE": "/nowhere"},
    ],
)
def test_a_wrong_variable_is_told(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError):
        Destination.of({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", **wrong})


def test_the_variable_for_traces_goes_before_the_general_one() -> None:
    given = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://general:4318/",
        "OTEL_EXPORTER_OTLP_HEADERS": "a=1, key=%C3%A9%20x",
        "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": "1500",
    }
    found = Destination.of(given)
    assert found.url == "http://general:4318/v1/traces" and found.timeout_s == 1.5
    assert found.headers == pairs(given["OTEL_EXPORTER_OTLP_HEADERS"]) == {"a": "1", "key": "é x"}
    own = Destination.of({**given, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://own/otlp"})
    assert own.url == "http://own/otlp"


class Collector(ThreadingHTTPServer):
    """Answers with each of `statuses` in turn, and 200 from then on."""

    def __init__(self, *statuses: int, retry_after: str = "") -> None:
        super().__init__(("127.0.0.1", 0), _Received)
        self.statuses = list(statuses)
        self.retry_after = retry_after
        self.at: list[float] = []
        self.got: list[tuple[int, dict[str, str], bytes]] = []


class _Received(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        self.server.at.append(time.monotonic())
        self.server.got.append((status, {key.lower(): value for key, value in self.headers.items()}, body))
        self.send_response(status)
        if self.server.retry_after:
            self.send_header("retry-after", self.server.retry_after)
        self.end_headers()

    def log_message(self, *words: object) -> None: ...


@contextmanager
def sending(collector: Collector, **more: str) -> Iterator[Sender]:
    endpoint = f"http://127.0.0.1:{collector.server_address[1]}"
    destination = Destination.of(
        {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_BSP_SCHEDULE_DELAY": "20", **more}
    )
    threading.Thread(target=collector.serve_forever, daemon=True).start()
    sender = Sender(destination, lambda spans: message(spans, {}, ""))
    yield sender
    sender.close(30)
    collector.shutdown()
    collector.server_close()


def until(what: Callable[[], object]) -> None:
    ends = time.monotonic() + 60
    while not what() and time.monotonic() < ends:
        time.sleep(0.01)


def names(body: bytes) -> list[str]:
    read = ExportTraceServiceRequest.FromString(body)
    return [
        span.name for resource in read.resource_spans for scope in resource.scope_spans for span in scope.spans
    ]


@pytest.mark.port
def test_a_batch_that_is_not_taken_now_is_sent_again() -> None:
    collector = Collector(503)
    more = {"OTEL_EXPORTER_OTLP_HEADERS": "api-key=k", "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip"}
    with sending(collector, **more) as sender:
        sender.put(span("once"))
        until(lambda: len(collector.got) == 2)
    assert [status for status, _, _ in collector.got] == [503, 200]
    assert all(headers["api-key"] == "k" for _, headers, _ in collector.got)
    assert all(names(gzip.decompress(body)) == ["once"] for _, _, body in collector.got)


@pytest.mark.port
def test_a_collector_says_how_long_it_wants_to_be_left_alone() -> None:
    collector = Collector(429, retry_after="2")
    with sending(collector) as sender:
        sender.put(span("once"))
        until(lambda: len(collector.got) == 2)
    first, second = collector.at
    assert second - first >= 1.9, "its own pause would be one second at most"


@pytest.mark.port
def test_a_batch_that_is_refused_is_dropped_and_told(caplog: pytest.LogCaptureFixture) -> None:
    collector = Collector(400)
    with sending(collector) as sender:
        sender.put(span("first"))
        until(lambda: collector.got)
        sender.put(span("second"))
    assert [(status, names(body)) for status, _, body in collector.got] == [(400, ["first"]), (200, ["second"])]
    assert "1 spans were dropped: the collector answered 400" in caplog.text


@pytest.mark.port
def test_too_many_spans_are_dropped_and_the_rest_leaves_in_batches(caplog: pytest.LogCaptureFixture) -> None:
    collector = Collector()
    more = {
        "OTEL_BSP_MAX_QUEUE_SIZE": "5",
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "6",
        "OTEL_BSP_SCHEDULE_DELAY": "60000",
    }
    with sending(collector, **more) as sender:  # which looks when 6 wait, and so not before it is closed
        for number in range(9):
            sender.put(span(str(number)))
    assert [name for _, _, body in collector.got for name in names(body)] == ["0", "1", "2", "3", "4"]
    assert "4 spans were dropped" in caplog.text


@pytest.mark.port
def test_spans_leave_in_batches() -> None:
    collector = Collector()
    with sending(collector, OTEL_BSP_MAX_EXPORT_BATCH_SIZE="3") as sender:
        for number in range(9):
            sender.put(span(str(number)))
    assert sorted(name for _, _, body in collector.got for name in names(body)) == list("012345678")
    assert all(len(names(body)) <= 3 for _, _, body in collector.got)
