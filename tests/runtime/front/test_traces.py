"""Spans as a collector gets them: the service as a process, and an HTTP server that reads OTLP's protobuf."""

import json
import os
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from dagc.runtime.answer import Answer
from dagc.runtime.framing import read_wish
from tests.running import ready_address

pytestmark = [pytest.mark.port, pytest.mark.ort]

GRAPH = """
from pydantic import BaseModel

import dagc


class Pick(BaseModel):
    index: int
    act: str = ""


@dagc.step(run="thread")
def checked(pick: Pick) -> int:
    if pick.act == "fail":
        raise ValueError("secret " + pick.act)
    return pick.index


@dagc.step
def scale(index: int) -> float:
    return 2.0


@dagc.graph
def waited(pick: Pick) -> float: ...


@dagc.graph
def turned(pick: Pick) -> float: ...
"""
MAIN = """
service = Service(__file__)
picker = service.session("picker")
checked_step = service.step(graph.checked)


@service.endpoint(graph.waited)
async def waited(pick):
    index = await checked_step(pick)
    return (await picker(index, graph.scale(index))).item()


@service.endpoint(graph.turned)
async def turned(pick):
    return (await picker(pick.index, graph.scale(pick.index))).item()


if __name__ == "__main__":
    service.run()
"""
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"


class Collector(ThreadingHTTPServer):
    """What an operator's collector would get."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Received)
        self.spans: list[Span] = []
        self.services: set[str] = set()
        self.bodies: list[bytes] = []

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]


class _Received(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        assert self.path == "/v1/traces"
        self.server.bodies.append(body)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            attributes = {each.key: each.value.string_value for each in resource.resource.attributes}
            self.server.services.add(attributes["service.name"])
            self.server.spans += [span for scope in resource.scope_spans for span in scope.spans]
        self.send_response(200)
        self.end_headers()

    def log_message(self, *words: object) -> None: ...


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def built(kit, folder, picker) -> Path:
    ends = [
        kit.endpoint("waited", parameters=["pick"], body="pick", waits=True),
        kit.endpoint("turned", parameters=["pick"], body="pick"),
    ]
    settings = kit.session("picker", {"index": ("i64", ()), "scale": ("f32", ())}, {"score": ("f32", ())})
    steps = ["graph.checked", "graph.scale"]
    guards = [{"step": "graph.checked", "timeout_s": None, "retries": 0, "run": "thread"}]
    return folder.write(GRAPH, MAIN, ends, [(settings, picker)], steps, guards).path


@contextmanager
def running(built: Path, workers: int = 1, **environment: str) -> Iterator[tuple[str, list[str]]]:
    """The address of the service, and what it wrote to stderr once it has ended."""
    clean = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "DAGC_ACCESS_LOG": "all", **environment}
    command = [sys.executable, "main.py", "--port", "0", "--drain-s", "0", "--workers", str(workers)]
    errors: list[str] = []
    with subprocess.Popen(
        command, cwd=built, env=clean, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield ready_address(process), errors
        finally:
            process.terminate()
            errors += process.communicate(timeout=30)[1].splitlines()
        assert process.returncode == 0, errors


def ask(address: str, route: str, body: object, **headers: str) -> int:
    asked = urllib.request.Request(
        f"{address}/v1/{route}",
        json.dumps(body).encode(),
        {"content-type": "application/json", **headers},
    )
    try:
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code


def test_a_request_its_steps_and_its_session_are_spans_of_the_trace_it_came_with(built, collector) -> None:
    with running(built, OTEL_EXPORTER_OTLP_ENDPOINT=collector.endpoint) as (address, errors):
        assert ask(address, "waited", {"index": 1}, traceparent=f"00-{TRACE}-{PARENT}-01") == 200
    (request,) = collector.named("POST /v1/waited")
    assert request.kind == Span.SPAN_KIND_SERVER
    assert (request.trace_id.hex(), request.parent_span_id.hex()) == (TRACE, PARENT)
    attributes = {each.key: each.value for each in request.attributes}
    assert attributes["http.response.status_code"].int_value == 200
    for name in ("step graph.checked", "step graph.scale", "session picker"):
        (child,) = collector.named(name)
        assert (child.trace_id, child.parent_span_id) == (request.trace_id, request.span_id)
        assert request.start_time_unix_nano <= child.start_time_unix_nano
        assert child.end_time_unix_nano <= request.end_time_unix_nano
    (session,) = collector.named("session picker")
    (batch,) = collector.named("batch picker")
    assert [(link.trace_id, link.span_id) for link in batch.links] == [(session.trace_id, session.span_id)]
    assert batch.trace_id != request.trace_id
    assert collector.services == {"test"}
    (line,) = [json.loads(line) for line in errors if "/v1/waited" in line]
    assert line["trace_id"] == TRACE


def test_requests_of_one_loop_turn_share_a_batch_that_is_linked_to_each(built, collector) -> None:
    many = 24
    with (
        running(built, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=f"{collector.endpoint}/v1/traces") as (address, _),
        ThreadPoolExecutor(many) as clients,
    ):
        found = list(clients.map(lambda index: ask(address, "turned", {"index": index}), range(many)))
    assert found == [200] * many
    requests = {span.span_id: span for span in collector.named("POST /v1/turned")}
    sessions = collector.named("session picker")
    assert len({span.trace_id for span in requests.values()}) == many == len(sessions)
    assert {span.parent_span_id for span in sessions} == set(requests)
    assert {span.parent_span_id for span in collector.named("step graph.scale")} == set(requests)
    linked = [link.span_id for batch in collector.named("batch picker") for link in batch.links]
    assert sorted(linked) == sorted(span.span_id for span in sessions)


def test_a_failure_is_in_its_span_without_what_it_said(built, collector) -> None:
    with running(built, OTEL_EXPORTER_OTLP_ENDPOINT=collector.endpoint) as (address, errors):
        assert ask(address, "waited", {"index": 1, "act": "fail"}) == 500
        assert ask(address, "waited", {"index": "none"}) == 422
    failed, refused = collector.named("POST /v1/waited")
    (step,) = collector.named("step graph.checked")
    assert (failed.status.code, refused.status.code) == (2, 0)
    assert (step.status.code, step.status.message) == (2, "ValueError")
    assert not step.events
    assert not [1 for body in collector.bodies if b"secret" in body]
    assert not [1 for line in errors if "secret" in line]


JOINED = """
from opentelemetry import trace


def told(pick: Pick) -> None:
    with trace.get_tracer("user").start_as_current_span("own") as span:
        context = span.get_span_context()
        raise dagc.Refuse(f"{context.trace_id:032x} {context.span_id:016x} {int(context.trace_flags)}")


@dagc.step(run="thread")
def checked(pick: Pick) -> int:
    told(pick)


@dagc.step
def scale(index: int) -> float:
    told(index)


@dagc.graph
def waited"""


def test_spans_that_a_step_makes_with_opentelemetrys_api_join_the_trace(built, collector) -> None:
    """Without a provider of the user's the API hands its parent on, which is what is looked at."""
    graph = built / "graph.py"
    graph.write_text(graph.read_text().replace("\n\n@dagc.graph\ndef waited", JOINED))
    found: dict[str, str] = {}
    with running(built, OTEL_EXPORTER_OTLP_ENDPOINT=collector.endpoint) as (address, _):
        for route in ("waited", "turned"):
            for sampled in (1, 0):
                headers = {"content-type": "application/json", "traceparent": f"00-{TRACE}-{PARENT}-0{sampled}"}
                asked = urllib.request.Request(f"{address}/v1/{route}", b'{"index":1}', headers)
                with pytest.raises(urllib.error.HTTPError) as refused:
                    urllib.request.urlopen(asked, timeout=30)
                trace, span, flags = json.load(refused.value)["error"]["message"].split()
                assert (trace, flags) == (TRACE, str(sampled))
                assert span != PARENT
                if sampled:
                    name = "step graph.checked" if route == "waited" else "step graph.scale"
                    found[name] = span
    assert found == {name: collector.named(name)[0].span_id.hex() for name in found}


def test_the_sampler_is_the_operators(built, collector) -> None:
    environment = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
        "OTEL_TRACES_SAMPLER": "parentbased_always_off",
        "OTEL_SERVICE_NAME": "mine",
    }
    with running(built, 2, **environment) as (address, _):
        assert ask(address, "turned", {"index": 1}) == 200
        assert ask(address, "turned", {"index": 2}, traceparent=f"00-{TRACE}-{PARENT}-00") == 200
        assert ask(address, "turned", {"index": 3}, traceparent=f"00-{TRACE}-{PARENT}-01") == 200
    assert len(collector.named("POST /v1/turned")) == 1
    assert collector.services == {"mine"}


def test_a_collector_that_is_not_there_delays_and_fails_nothing(built) -> None:
    with running(built, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9") as (address, _):
        assert [ask(address, "turned", {"index": index}) for index in range(5)] == [200] * 5


def test_another_protocol_is_told_and_not_spoken(built) -> None:
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    with running(built, **environment) as (address, errors):
        assert ask(address, "turned", {"index": 1}) == 200
    assert [line for line in errors if "`http/protobuf`, not `grpc`" in line]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (f"00-{TRACE}-{PARENT}-01", f"00-{TRACE}-{PARENT}-01"),
        (f"01-{TRACE}-{PARENT}-03-more", f"00-{TRACE}-{PARENT}-03"),
        (f"00-{TRACE}-{PARENT}-01-more", ""),
        (f"ff-{TRACE}-{PARENT}-01", ""),
        (f"00-{TRACE.upper()}-{PARENT}-01", ""),
        (f"00-{'0' * 32}-{PARENT}-01", ""),
        (f"00-{TRACE}-{'0' * 16}-01", ""),
        (f"00-{TRACE}-{PARENT}", ""),
        ("", ""),
        ("00-" + "a" * 10_000, ""),
        (f"00-{TRACE}-{PARENT}-01\r\nx: y", ""),
        (f"00-{TRACE}-{PARENT}-\xff\xff", ""),
    ],
)
def test_a_traceparent_is_read_or_ignored(given: str, kept: str) -> None:
    wish = read_wish({b"traceparent": given.encode("latin-1")})
    assert not isinstance(wish, Answer)
    assert wish.trace.parent == kept.encode()
