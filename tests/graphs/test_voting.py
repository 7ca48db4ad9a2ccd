"""`voting`: each ensemble is one session; a quorum answers on time without its late member and says 4/5."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.graphs.conftest import Build, Built, unhurried
from tests.running import ROOT, serving

pytestmark = pytest.mark.ort

FOLDER = ROOT / "graphs" / "voting"
ROWS = [json.loads(line) for line in (FOLDER / "requests" / "consulted.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def built(build: Build) -> Built:
    return build(FOLDER)


def test_each_ensemble_is_one_session(built: Built) -> None:
    (service,) = built.compilation.planned.plan.services
    runs = {endpoint.name: [stage.kind for stage in endpoint.stages] for endpoint in service.endpoints}
    assert {name: runs[name] for name in ("averaged", "stacked", "majority")} == {
        "averaged": ["run"],
        "stacked": ["run"],
        "majority": ["run"],
    }


def test_a_tie_is_broken_as_scikit_learn_does() -> None:
    """Two votes for one cultivar, two for another: the stored answer, proven by every build, is the lower."""
    case = json.loads((FOLDER / "requests" / "tie.json").read_text())
    lines = (FOLDER / "requests" / "majority.jsonl").read_text().splitlines()
    assert case["response"] in {0, 1}
    assert {**case} in [json.loads(line) for line in lines]


@pytest.fixture
def slow_lab() -> Iterator[None]:
    os.environ["LAB_DELAY_S"] = "600"  # beyond the deadline: who waits for it is answered 504
    yield
    del os.environ["LAB_DELAY_S"]


@pytest.mark.port
def test_with_a_late_lab_the_other_four_decide_on_time_and_say_so(
    built: Built, slow_lab: None, tmp_path: Path
) -> None:
    with (
        serving(unhurried(built, tmp_path, within_s=1.0)) as address,
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        answers = [client.post("/v1/consulted", json=case["request"]) for case in ROWS[:5]]
        counted = client.get("/metrics").text
    assert [answer.status_code for answer in answers] == [200] * 5
    assert {answer.headers["x-dagc-degraded"] for answer in answers} == {"consulted.quorum=4/5"}
    assert 'dagc_quorum_total{node="consulted.quorum",answered="4"} 5' in counted


@pytest.mark.port
def test_with_a_prompt_lab_nothing_is_degraded(built: Built, tmp_path: Path) -> None:
    with serving(unhurried(built, tmp_path)) as address, httpx.Client(base_url=address, timeout=60) as client:
        answer = client.post("/v1/consulted", json=ROWS[0]["request"])
    assert answer.json() == ROWS[0]["response"] and "x-dagc-degraded" not in answer.headers
