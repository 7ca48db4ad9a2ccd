"""Other services: what comes back, what is refused, and a service that misbehaves in every way there is."""

import asyncio
import json
import time
from pathlib import Path

import pytest
from pydantic import BaseModel

from dagc.resources import (
    Http,
    HttpRequest,
    ResourceError,
    ResourceGarbled,
    ResourceRefused,
    ResourceTimeout,
    ResourceUnavailable,
)
from tests.resources.misbehaving import Misbehaving
from tests.running import free_port

pytestmark = pytest.mark.port


class Risk(BaseModel):
    risk: float


@pytest.fixture
def risks(service: Misbehaving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Http:
    monkeypatch.setenv("RISK_URL", service.url)
    return Http("RISK_URL", folder=tmp_path, timeout_s=2.0, max_answer_bytes=10_000)


def test_json_comes_back_plain_or_as_the_type_that_is_wanted(risks: Http, service: Misbehaving) -> None:
    async def asked() -> None:
        assert await risks.get("/score", params={"user": "a b&c", "n": 1, "new": True, "no": None}) == {
            "risk": 0.25
        }
        assert await risks.post("/score", Risk, json={"user": "u1"}) == Risk(risk=0.25)

    asyncio.run(asked())
    first, second = service.asked
    assert first.startswith(b"GET /base/score?user=a+b%26c&n=1&new=true HTTP/1.1\r\n")
    assert second.startswith(b"POST /base/score HTTP/1.1\r\n") and second.endswith(b'\r\n\r\n{"user":"u1"}')


@pytest.mark.parametrize(
    ("mode", "error"),
    [
        ("slow 60", ResourceTimeout),
        ("hung", ResourceTimeout),
        ("trickle", ResourceTimeout),
        ("reset", ResourceUnavailable),
        ("garbage", ResourceUnavailable),
        ("truncated", ResourceUnavailable),
        ("status 500", ResourceUnavailable),
        ("status 429", ResourceUnavailable),
        ("status 404", ResourceRefused),
        ("redirect http://127.0.0.1:1/elsewhere", ResourceRefused),
        ("gzip", ResourceGarbled),
    ],
)
def test_a_misbehaving_service_is_told_by_kind_and_in_time(
    risks: Http, service: Misbehaving, mode: str, error: type[ResourceError]
) -> None:
    service.mode = mode

    async def asked() -> None:
        begun = time.perf_counter()
        with pytest.raises(error) as failed:
            await risks.get("/score", Risk)
        assert time.perf_counter() - begun < 30
        assert "127.0.0.1" not in str(failed.value)
        service.mode = "good"
        assert await risks.get("/score", Risk) == Risk(risk=0.25)

    asyncio.run(asked())


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"no json", ResourceGarbled),
        (b"\xff\xfe", ResourceGarbled),
        (b'{"risk": "canary"}', ResourceGarbled),
        (b'{"risk":' + b" " * 20_000 + b"1}", ResourceGarbled),
        (b"[" * 5_000, ResourceGarbled),
    ],
)
def test_an_answer_that_is_none_is_told_without_repeating_it(
    risks: Http, service: Misbehaving, body: bytes, error: type[ResourceError]
) -> None:
    service.body = body

    async def asked() -> None:
        with pytest.raises(error) as failed:
            await risks.get("/score", Risk)
        assert "canary" not in str(failed.value)

    asyncio.run(asked())


@pytest.mark.parametrize(
    "path", ["score", "/../x", "//other.host/x", "/a?b=c", "/a#b", "/a b", "/%2e%2e", "/a\\b", "@x"]
)
def test_a_path_leads_nowhere_but_behind_the_base_url(risks: Http, service: Misbehaving, path: str) -> None:
    async def asked() -> None:
        with pytest.raises(ResourceRefused, match="params"):
            await risks.get(path)

    asyncio.run(asked())
    assert service.asked == []


def test_a_closed_port_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RISK_URL", f"http://app:canary@127.0.0.1:{free_port()}")

    async def asked() -> None:
        with pytest.raises(ResourceUnavailable, match="refused") as failed:
            await Http("RISK_URL", folder=tmp_path).get("/x")
        assert "canary" not in str(failed.value)

    asyncio.run(asked())


def test_a_function_stands_in_where_no_setting_says_otherwise(
    service: Misbehaving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stand_in(asked: HttpRequest) -> object:
        return {"risk": len(asked.params["user"]), "body": json.loads(asked.body or b"null")}

    async def waits(asked: HttpRequest) -> object:
        return Risk(risk=1)

    async def asked() -> None:
        risks = Http("RISK_URL", default=stand_in, folder=tmp_path)
        assert await risks.get("/x", Risk, params={"user": "abc"}) == Risk(risk=3)
        assert await Http("RISK_URL", default=waits, folder=tmp_path).post("/x", Risk) == Risk(risk=1)
        monkeypatch.setenv("RISK_URL", service.url)
        assert await risks.get("/x", Risk, params={"user": "abc"}) == Risk(risk=0.25)

    asyncio.run(asked())
