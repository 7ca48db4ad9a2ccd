"""What `/metrics` says is what happened, in a form a scraper reads."""

import re

import pytest

from dagc.runtime.logs import AccessLog, read_share
from dagc.runtime.metrics import SECONDS, Metrics
from dagc.runtime.settings import StartError
from tests.running import until

LINE = re.compile(r'[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? [0-9.e+-]+')


def samples(text: bytes) -> dict[str, float]:
    found = {}
    for line in text.decode().splitlines():
        if not line.startswith("#"):
            assert LINE.fullmatch(line), line
            name, _, value = line.rpartition(" ")
            found[name] = float(value)
    return found


@pytest.mark.port
def test_answers_are_counted_by_route_and_status(start) -> None:
    served = start("--drain-s", "0")
    wire = served.wire()
    for _ in range(3):
        wire.ask("/v1/echo", 1)
    wire.ask("/v1/echo", b"{")
    wire.ask("/v1/%65cho", 1)
    wire.ask("/v1/echo", 1, "x-request-timeout-ms: 0")
    wire.get("/nowhere")
    scrape = wire.get("/metrics")
    assert scrape.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    found = samples(scrape.body)
    assert found['dagc_requests_total{route="/v1/echo",code="200"}'] == 4
    assert found['dagc_requests_total{route="/v1/echo",code="400"}'] == 1
    assert found['dagc_requests_total{route="/v1/echo",code="504"}'] == 1
    assert found['dagc_requests_total{route="other",code="404"}'] == 1
    assert found['dagc_deadline_exceeded_total{stage="accept"}'] == 1
    assert found['dagc_request_seconds_count{route="/v1/echo"}'] == 6


@pytest.mark.port
def test_clients_that_left_are_counted_as_499(start) -> None:
    served = start("--drain-s", "0")
    gone = served.wire().post("/v1/slow", {"ms": 600_000})
    until(lambda: served.state()["open"])
    gone.close()
    until(lambda: not served.state()["open"])
    wire = served.wire()
    assert samples(wire.get("/metrics").body)['dagc_requests_total{route="/v1/slow",code="499"}'] == 1


def test_a_histogram_is_cumulative_and_its_sum_is_the_sum() -> None:
    metrics = Metrics(("/v1/a",), ("scoring",))
    for size, seconds in ((1, 0.0001), (3, 0.002), (300, 9.0)):
        metrics.batch("scoring", size, seconds)
    found = samples(metrics.text())
    buckets = [
        found[f'dagc_batch_size_bucket{{session="scoring",le="{le}"}}'] for le in ("1", "2", "4", "256", "+Inf")
    ]
    assert buckets == [1, 1, 2, 2, 3]
    assert found['dagc_batch_size_sum{session="scoring"}'] == 304
    assert found['dagc_node_seconds_count{node="scoring"}'] == 3
    assert found['dagc_node_seconds_sum{node="scoring"}'] == pytest.approx(9.0021)


def test_a_value_on_a_bound_belongs_to_its_bucket() -> None:
    metrics = Metrics(("/v1/a",))
    metrics.meters["/v1/a"].answered(200, SECONDS[3])
    assert samples(metrics.text())['dagc_request_seconds_bucket{route="/v1/a",le="0.005"}'] == 1


def test_what_may_happen_is_0_before_it_does_so_that_its_first_time_is_a_step() -> None:
    metrics = Metrics(("/v1/a",), events=(("dagc_fallbacks_total", "first"),))
    found = samples(metrics.text())
    assert found['dagc_shed_total{reason="queue_full"}'] == 0
    assert found['dagc_deadline_exceeded_total{stage="session"}'] == 0
    assert found['dagc_fallbacks_total{node="first"}'] == 0
    assert not any(name.startswith("dagc_requests_total") for name in found)


def test_gauges_rise_and_fall_and_strange_codes_have_a_place() -> None:
    metrics = Metrics(("/v1/a",))
    metrics.in_flight(5)
    metrics.in_flight(-2)
    metrics.queue_depth(7)
    metrics.meters["/v1/a"].answered(418, 0.1)
    metrics.shed("queue_full")
    found = samples(metrics.text())
    assert (found["dagc_inflight"], found["dagc_queue_depth"]) == (3, 7)
    assert found['dagc_requests_total{route="/v1/a",code="other"}'] == 1
    assert found['dagc_shed_total{reason="queue_full"}'] == 1


def test_label_values_are_escaped() -> None:
    metrics = Metrics((), ('a"b\\c\nd',))
    assert b'dagc_batch_size_count{session="a\\"b\\\\c\\nd"} 0' in metrics.text()


def test_the_access_log_takes_all_errors_and_a_share_of_the_rest() -> None:
    log = AccessLog(0.25)
    assert sum(log.wants(200) for _ in range(100)) == 25
    assert all(log.wants(status) for status in (400, 404, 500))
    assert not AccessLog(None).wants(500)
    assert [read_share(text) for text in (None, "", "off", "all", "0.5", "0")] == [0.01, 0.01, None, 1.0, 0.5, 0.0]
    for text in ("some", "2", "-0.1", "nan"):
        with pytest.raises(StartError):
            read_share(text)
