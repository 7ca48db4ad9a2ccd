"""`shared_encoder`: the encoder is in a service once, and runs once for a request that asks all three heads."""

import json
import re

import httpx
import pytest

from tests.graphs.conftest import Build, Built
from tests.running import ROOT, serving

pytestmark = pytest.mark.ort

FOLDER = ROOT / "graphs" / "shared_encoder"
TEXTS = [
    json.loads(line)["request"] for line in (FOLDER / "requests" / "described.jsonl").read_text().splitlines()
]


@pytest.fixture(scope="module")
def built(build: Build) -> Built:
    return build(FOLDER)


def rows(text: str) -> dict[str, int]:
    """How many examples each session has run."""
    found = re.findall(r'^dagc_batch_size_sum\{session="(\w+)"\} (\d+)$', text, re.MULTILINE)
    return {session: int(count) for session, count in found}


def test_four_endpoints_share_one_encoder(built: Built) -> None:
    (service,) = built.compilation.planned.plan.services
    encoders = [session for session in service.sessions if "encoder" in session.parts]
    assert len(encoders) == 1
    used = [{stage.session for stage in endpoint.stages if stage.kind == "run"} for endpoint in service.endpoints]
    assert len(used) == 4 and all(encoders[0].name in sessions for sessions in used)
    large = [file for file in (built.service / "models").iterdir() if file.stat().st_size > 1024 * 1024]
    assert [file.name for file in large] == [f"{encoders[0].name}.onnx"]


@pytest.mark.port
def test_a_request_for_all_three_heads_runs_the_encoder_once(built: Built) -> None:
    (service,) = built.compilation.planned.plan.services
    (encoder,) = (session.name for session in service.sessions if "encoder" in session.parts)
    with serving(built.service) as address, httpx.Client(base_url=address) as client:
        for request in TEXTS[:5]:
            assert client.post("/v1/described", json=request).status_code == 200
        after_all = rows(client.get("/metrics").text)
        for name in ("language", "family", "digits"):
            assert client.post(f"/v1/{name}", json=TEXTS[0]).status_code == 200
        after_each = rows(client.get("/metrics").text)
    assert after_all[encoder] == 5 and sum(after_all.values()) == 10, "the encoder, and the heads as one"
    assert after_each[encoder] == 8
