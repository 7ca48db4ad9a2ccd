"""The search for the highest rate that holds, on services whose limit is known."""

import pytest

from dagc.bench.client import Outcome
from dagc.bench.saturation import saturation, why_not


def outcome(rate: float, good: float, latency_s: float = 0.001) -> Outcome:
    found = Outcome(due=int(rate), seconds=1.0)
    found.latencies_s = [latency_s] * int(good)
    found.statuses = {200: int(good)}  # type: ignore[assignment]
    return found


@pytest.mark.parametrize("limit", [300.0, 700.0, 1000.0, 1900.0])
def test_the_limit_is_found_to_a_quarter(limit):
    found = saturation(lambda rate: outcome(rate, min(rate, limit)), 1000.0, deadline_s=1.0, p99_ms=50.0)
    assert 0.6 * limit <= found.rate <= 1.02 * limit


def test_latency_breaks_a_rate_as_well():
    found = saturation(
        lambda rate: outcome(rate, rate, 0.001 if rate < 650 else 0.2), 1000.0, deadline_s=1.0, p99_ms=50.0
    )
    assert 500 <= found.rate < 650
    assert any(each.why and "p99" in each.why for each in found.tried)


def test_a_service_that_never_holds_has_no_rate():
    found = saturation(lambda rate: outcome(rate, 0), 1000.0, deadline_s=1.0, p99_ms=50.0)
    assert found.rate == 0.0


def test_a_client_that_was_the_limit_is_named():
    slow = outcome(100, 50)
    slow.idle_share = 0.01
    assert "client" in (why_not(slow, 1.0, 50.0) or "")
    assert why_not(outcome(100, 100), 1.0, 50.0) is None
