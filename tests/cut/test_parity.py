"""Every graph of the repository with each model and each step on a service of its own: the answers are as stored.

`tests/graphs` asks the same of one service and of plain calls, so all three agree.
"""

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree

import httpx
import pytest

from dagc.compile import Planned
from dagc.evaluate.requests import NamedRequest
from tests.cut.conftest import each_apart, planned, running
from tests.running import KEY, KEYS, ROOT, near

pytestmark = pytest.mark.ort

UNBUILT = {"ocr"} if sys.version_info >= (3, 13) else set()
GRAPHS = sorted(p.parent for p in (ROOT / "graphs").glob("*/graph.py") if p.parent.name not in UNBUILT)
ASKED = 4
"""Stored requests of each graph; all of them are asked of one service elsewhere."""


def sample(made: Planned) -> Iterator[tuple[str, NamedRequest]]:
    asked: Counter[str] = Counter()
    for named in made.requests:
        for traced in made.traced:
            name = traced.graph.name
            if named.stored.graph in (None, name) and named.stored.response is not None and asked[name] < ASKED:
                asked[name] += 1
                yield name, named


def unhurried(folder: Path, copy: Path) -> Path:
    """The graph in a folder of its own, its quorum with time for calls on a slow machine."""
    source = copytree(folder, copy, symlinks=False) / "graph.py"
    text = source.read_text(encoding="utf-8").replace("within_s=0.05", "within_s=20")
    text = text.replace('@dagc.graph(version="1.0.0")\ndef consulted', "@dagc.graph(deadline_s=30)\ndef consulted")
    source.write_text(text, encoding="utf-8")
    return source


@pytest.mark.parametrize("folder", GRAPHS, ids=lambda folder: folder.name)
def test_a_graph_in_as_many_services_as_it_has_models_and_steps_answers_as_stored(
    folder: Path, tmp_path: Path
) -> None:
    made = planned(unhurried(folder, tmp_path / folder.name), each_apart, tmp_path / "build")
    front, *others = made.plan.services
    assert set(front.calls) == {service.name for service in others}
    assert others
    with (
        running(tmp_path / "build", front.name, **KEYS) as services,
        httpx.Client(base_url=services.address, headers=KEY) as client,
    ):
        for name, named in sample(made):
            found = client.post(f"/v1/{name}", json=named.stored.request, timeout=30)
            assert found.status_code == 200, (named.name, found.text)
            assert near(found.json(), named.stored.response, named.stored.tolerance or 1e-4), named.name
