"""What a service's resources do with their breakers, their deadline and those who give up."""

import asyncio
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from dagc.resources import Http, ResourceTimeout, ResourceUnavailable
from dagc.runtime.breaker import CLOSED, FAILURES, OPEN, Breaker
from tests.resources.misbehaving import Misbehaving


class Watching:
    """The surroundings of a service, whose requests have so many seconds left."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.left_s: float | None = 5.0
        self.calls: list[tuple[str, str]] = []
        self.states: list[int] = []

    def setting(self, name: str) -> str | None:
        return self.url

    def remaining_s(self) -> float | None:
        return self.left_s

    def passed_on(self) -> Mapping[str, str]:
        return {"x-request-id": "r1", "traceparent": "00-" + "1" * 32 + "-" + "2" * 16 + "-01"}

    @contextmanager
    def call(self, resource: str, operation: str) -> Iterator[None]:
        self.calls.append((resource, operation))
        yield

    def breaker(self, resource: str) -> Breaker:
        return Breaker(self.states.append, 1.0)


@pytest.mark.port
def test_a_service_that_hangs_is_left_alone_and_found_again(service: Misbehaving, tmp_path: Path) -> None:
    risks = Http("RISK_URL", folder=tmp_path, timeout_s=0.2)
    watching = Watching(service.url)
    assert risks.settle(watching)

    async def asked() -> None:
        service.mode = "hung"
        for _ in range(FAILURES):
            with pytest.raises(ResourceTimeout):
                await risks.get("/x")
        asked_before = len(service.asked)
        with pytest.raises(ResourceUnavailable, match="several times in a row"):
            await risks.get("/x")
        assert len(service.asked) == asked_before
        service.mode = "good"
        healed, until = False, time.monotonic() + 60
        while not healed and time.monotonic() < until:
            await asyncio.sleep(0.1)
            try:
                healed = await risks.get("/x") is not None
            except (ResourceUnavailable, ResourceTimeout):
                continue
        assert healed and watching.states[0] == OPEN and watching.states[-1] == CLOSED

    asyncio.run(asked())


@pytest.mark.port
def test_a_call_is_made_on_behalf_of_its_request_and_within_its_time(service: Misbehaving, tmp_path: Path) -> None:
    risks = Http("RISK_URL", folder=tmp_path)
    watching = Watching(service.url)
    risks.settle(watching)

    async def asked() -> None:
        assert await risks.get("/x") == {"risk": 0.25}
        assert b"x-request-id: r1\r\n" in service.asked[0] and b"traceparent: 00-1" in service.asked[0]
        service.mode, watching.left_s = "hung", 1.0
        with pytest.raises(ResourceTimeout, match=r"within 1 s"):
            await risks.get("/x")
        watching.left_s = 0.0
        with pytest.raises(ResourceTimeout, match="no time was left"):
            await risks.get("/x")
        assert len(service.asked) == 2 and watching.calls == [("RISK_URL", "get")] * 3

    asyncio.run(asked())


@pytest.mark.port
def test_a_call_that_is_given_up_says_nothing_of_the_service(service: Misbehaving, tmp_path: Path) -> None:
    risks = Http("RISK_URL", folder=tmp_path)
    watching = Watching(service.url)
    risks.settle(watching)
    service.mode = "hung"

    async def asked() -> None:
        for left_s, states in ((5.0, []), (0.0005, [OPEN])):
            watching.left_s = 5.0
            for _ in range(FAILURES):
                task = asyncio.create_task(risks.get("/x"))
                await asyncio.sleep(0.02)
                watching.left_s = left_s
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                watching.left_s = 5.0
            assert watching.states == states

    asyncio.run(asked())
