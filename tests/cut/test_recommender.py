"""The recommender in two services, the table of items in one of them: a thousand users get the very same tens."""

import json
from pathlib import Path
from shutil import copytree

import httpx
import pytest

from tests.cut.conftest import planned, running
from tests.running import ROOT

pytestmark = pytest.mark.ort

FOLDER = ROOT / "graphs" / "recommender"
LINE = 'nearest_neighbours = dagc.onnx("models/nearest_neighbours.onnx", returns=Neighbours)'


def test_a_thousand_users_get_the_same_ten_items_and_scores_from_two_services(tmp_path: Path) -> None:
    source = copytree(FOLDER, tmp_path / "recommender") / "graph.py"
    text = source.read_text(encoding="utf-8")
    assert LINE in text
    placed = LINE.removesuffix(")") + ', on=dagc.service("search", cpu=1))'
    source.write_text(text.replace(LINE, placed), encoding="utf-8")
    made = planned(source, lambda node: node.placement, tmp_path / "build")
    assert [service.name for service in made.plan.services] == ["recommender", "search"]
    cases = (FOLDER / "requests" / "users.jsonl").read_text(encoding="utf-8").splitlines()
    with (
        running(tmp_path / "build", "recommender") as services,
        httpx.Client(base_url=services.address) as client,
    ):
        for case in map(json.loads, cases):
            found = client.post("/v1/recommender", json=case["request"], timeout=30)
            assert found.json() == case["response"], case["request"]
    assert len(cases) == 1000
