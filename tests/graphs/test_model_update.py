"""`model_update`: a challenger changes no answer, its disagreements are counted, a promotion loses nothing."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree

import httpx
import pytest

from dagc.artifacts.write import write
from dagc.compile import compile_file
from dagc.diagnostics import Report
from tests.graphs.conftest import Build, Built
from tests.running import ROOT, door, near, ready_address, serving

pytestmark = [pytest.mark.ort, pytest.mark.port]

FOLDER = ROOT / "graphs" / "model_update"


def cases(graph: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in (FOLDER / "requests" / f"{graph}.jsonl").read_text().splitlines()]


WATCHED, PROMOTED, CANARY = cases("watched"), cases("promoted"), cases("canary")


@pytest.fixture(scope="module")
def built(build: Build) -> Built:
    return build(FOLDER)


def counted(client: httpx.Client, outcomes: set[str], total: int) -> dict[str, int]:
    """How often each outcome came about, once they are as many as were asked for."""
    found: dict[str, int] = {}
    until = time.monotonic() + 60
    while sum(found.values()) < total and time.monotonic() < until:
        text = client.get("/metrics").text
        lines = [line for line in text.splitlines() if line.startswith("dagc_shadow_total{")]
        counts = {line.split('outcome="')[1].split('"')[0]: int(line.split()[-1]) for line in lines}
        found = {outcome: count for outcome, count in counts.items() if count}
        time.sleep(0.05)
    assert set(found) <= outcomes
    return found


def test_the_metric_counts_the_disagreements_that_are_counted_offline(built: Built) -> None:
    pairs = zip(WATCHED, PROMOTED, strict=True)
    differ = sum(one["response"]["band"] != other["response"]["band"] for one, other in pairs)
    assert differ > 0
    with serving(built.service) as address, httpx.Client(base_url=address) as client:
        for case in WATCHED:
            answer = client.post("/v1/watched", json=case["request"])
            assert near(answer.json(), case["response"], 1e-5)
        found = counted(client, {"same", "different"}, len(WATCHED))
    assert found == {"same": len(WATCHED) - differ, "different": differ}


@pytest.mark.parametrize(
    ("drill", "outcomes"), [("slow", {"same", "different", "dropped"}), ("broken", {"failed"})]
)
def test_a_challenger_that_is_slow_or_broken_changes_no_answer(
    built: Built, drill: str, outcomes: set[str]
) -> None:
    environment = {**os.environ, "DAGC_ACCESS_LOG": "off", "DRILL": drill}
    with (
        serving(built.service, environment=environment) as address,
        httpx.Client(base_url=address, headers={"x-request-timeout-ms": "1500"}) as client,
    ):
        for case in WATCHED:
            answer = client.post("/v1/watched", json=case["request"])
            assert answer.status_code == 200 and near(answer.json(), case["response"], 1e-5)
            assert "x-dagc-degraded" not in answer.headers
        found = counted(client, outcomes, len(WATCHED))
    assert sum(found.values()) == len(WATCHED)


def test_the_canary_answers_its_dealers_and_no_others(built: Built) -> None:
    """The stored answers say which model each dealer gets, by the documented hash; every build proves them."""
    chosen = [case["response"] == new["response"] for case, new in zip(CANARY, PROMOTED, strict=True)]
    assert 0.05 < sum(chosen) / len(chosen) < 0.15


@pytest.fixture
def promoted(tmp_path: Path) -> Path:
    """The service of the next release: the challenger is the champion."""
    folder = tmp_path / "next"
    copytree(FOLDER, folder)
    (folder / "dagc.lock").unlink()
    for file in (folder / "requests").iterdir():
        file.unlink()
    source = folder / "graph.py"
    source.write_text(source.read_text().replace("models/champion.onnx", "models/challenger.onnx"))
    write(compile_file(source, Report(), lambda _words: None).tree, tmp_path / "build")
    return tmp_path / "build" / "services" / "graph"


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """A port behind a door that holds it while releases come and go."""
    with door(tmp_path / "door") as found:
        yield found


def released(service: Path, door: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "main.py", "--port", "0", "--drain-s", "0"],
        cwd=service,
        env={**os.environ, "DAGC_DOOR": str(door), "DAGC_ACCESS_LOG": "off"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    ready_address(process)
    return process


def test_a_promotion_under_load_loses_no_request(built: Built, promoted: Path, port: int, tmp_path: Path) -> None:
    wrong: list[object] = []
    models: list[str] = []
    enough = threading.Event()

    def ask(at: int) -> None:
        while not enough.is_set():
            at = (at + 1) % len(WATCHED)
            answer = httpx.post(f"http://127.0.0.1:{port}/v1/watched", json=WATCHED[at]["request"], timeout=30)
            by_old = answer.status_code == 200 and near(answer.json(), WATCHED[at]["response"], 1e-5)
            by_new = answer.status_code == 200 and near(answer.json(), PROMOTED[at]["response"], 1e-5)
            if not by_old and not by_new:
                wrong.append(answer)
            models.append("new" if by_new else "old")

    old = released(built.service, tmp_path / "door")
    asking = [threading.Thread(target=ask, args=(100 * number,)) for number in range(3)]
    for thread in asking:
        thread.start()
    new = released(promoted, tmp_path / "door")
    old.terminate()
    assert old.wait(30) == 0
    before = len(models)
    while len(models) < before + 30:
        time.sleep(0.05)
    enough.set()
    for thread in asking:
        thread.join()
    new.terminate()
    assert new.wait(30) == 0
    assert wrong == []
    assert "old" in models and set(models[before + 10 :]) == {"new"}
