"""`shared_encoder`: one encoder in a service, run once for all three heads, each of which is replaced alone."""

import json
import os
import re
import threading
import time
from pathlib import Path

import httpx
import onnx
import pytest

from dagc.runtime.service import Service
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
    assert after_all[encoder] == 5 and sum(after_all.values()) == 20, "the encoder, and the heads one by one"
    assert after_each[encoder] == 8


NEXT = {"code": "data", "data": "markup", "markup": "code"}


def rotated(head: Path) -> bytes:
    """The head as if it had been trained on other words: each family is called by the next one's name."""
    model = onnx.load(head)
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.name == "classlabels_strings":
                attribute.strings[:] = [NEXT[label.decode()].encode() for label in attribute.strings]
    for tensor in model.graph.initializer:
        tensor.string_data[:] = [NEXT[label.decode()].encode() for label in tensor.string_data]
    return model.SerializeToString()


@pytest.mark.port
def test_a_head_is_replaced_under_load_and_no_request_fails(built: Built, tmp_path: Path) -> None:
    asked = [json.loads(line) for line in (FOLDER / "requests" / "family.jsonl").read_text().splitlines()]
    environment = {**os.environ, "DAGC_ACCESS_LOG": "off", "DAGC_WORKERS": "1"}
    environment["DAGC_MODELS_DIR"] = str(tmp_path)
    answers: list[tuple[int, str, str]] = []
    enough = threading.Event()

    def ask(address: str) -> None:
        with httpx.Client(base_url=address, timeout=30) as client:
            while not enough.is_set():
                case = asked[len(answers) % len(asked)]
                answer = client.post("/v1/family", json=case["request"])
                answers.append((answer.status_code, answer.text, json.dumps(case["response"])))

    with serving(built.service, environment=environment) as address:
        client = threading.Thread(target=ask, args=(address,))
        client.start()
        (tmp_path / "next").write_bytes(rotated(FOLDER / "models" / "family.onnx"))
        (tmp_path / "next").rename(tmp_path / "family_head.onnx")
        until = time.monotonic() + 60
        while 'session="family_head",outcome="replaced"} 1' not in httpx.get(f"{address}/metrics").text:
            assert time.monotonic() < until
            time.sleep(0.1)
        replaced = len(answers)
        while len(answers) < replaced + 20:
            time.sleep(0.05)
        enough.set()
        client.join()
        metrics = httpx.get(f"{address}/metrics").text
    assert {status for status, _, _ in answers} == {200}
    was = [wanted == given for _, given, wanted in answers]
    now = [given == json.dumps(NEXT[json.loads(wanted)]) for _, given, wanted in answers]
    turn = now.index(True)
    assert turn > 0 and all(was[:turn]) and all(now[turn:])
    reloads = [line for line in metrics.splitlines() if line.startswith("dagc_model_reloads_total{")]
    assert [line for line in reloads if not line.endswith(" 0")] == [
        'dagc_model_reloads_total{session="family_head",outcome="replaced"} 1'
    ]


def test_the_encoder_and_the_other_heads_stay_the_very_sessions(
    built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Service(str(built.service / "main.py"))
    for session in service._sessions.values():
        session.open()
    before = dict(service._sessions)
    (tmp_path / "family_head.onnx").write_bytes(rotated(FOLDER / "models" / "family.onnx"))
    monkeypatch.setenv("DAGC_MODELS_DIR", str(tmp_path))
    service.watch_models()
    changed = {name for name, session in service._sessions.items() if session is not before[name]}
    assert changed == {"family_head"} and len(before) == 4
