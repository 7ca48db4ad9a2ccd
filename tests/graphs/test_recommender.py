"""A thousand users get the same ten items with the same scores from NumPy, unfused, fused and over HTTP."""

import json
import os
import sys
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import httpx
import numpy as np
import pytest

from dagc.artifacts.write import write
from dagc.compile import Compilation, compile_file
from dagc.diagnostics import Report
from dagc.evaluate.evaluate import evaluate
from dagc.ir.ops import RunModel
from dagc.plan.service_plan import RunStage
from tests.running import ROOT, serving

pytestmark = pytest.mark.ort

FOLDER = ROOT / "graphs" / "recommender"
CASES = [
    json.loads(line) for line in (FOLDER / "requests" / "users.jsonl").read_text(encoding="utf-8").splitlines()
]
NO_CONNECTIONS = """
import sys

def refuse(event, arguments):
    if event in ("socket.connect", "socket.sendto"):
        raise RuntimeError(f"{event}: the service asks the network")

sys.addaudithook(refuse)
"""


@pytest.fixture(scope="module")
def compilation() -> Compilation:
    return compile_file(FOLDER / "graph.py", Report(), lambda _words: None)


@pytest.fixture(scope="module")
def reference() -> Iterator[ModuleType]:
    spec = spec_from_file_location("recommender_reference", FOLDER / "reference.py")
    assert spec and spec.loader
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclass looks itself up there
    spec.loader.exec_module(module)
    yield module
    sys.modules.pop(spec.name, None)


def columns(reference: ModuleType) -> list[np.ndarray]:
    requests = [case["request"] for case in CASES]
    devices = [reference.DEVICES.index(request["device"]) for request in requests]
    return [np.array([r["user"] for r in requests]), np.array([r["hour"] for r in requests]), np.array(devices)]


def test_a_thousand_users_get_numpys_ten_items_and_scores_fused_and_unfused(
    compilation: Compilation, reference: ModuleType
) -> None:
    (traced,), (after,) = compilation.planned.traced, compilation.planned.optimised
    items, scores = reference.recommend(reference.read_weights(), *columns(reference))
    assert len({case["request"]["user"] for case in CASES}) == len(CASES) == 1000
    with traced.importable():
        for case, ten, best in zip(CASES, items.tolist(), scores.tolist(), strict=True):
            picks = [{"item": item, "score": score} for item, score in zip(ten, best, strict=True)]
            assert case["response"]["picks"] == picks
            arguments = traced.arguments(case["request"])
            for graph in (traced.graph, after.graph):
                result = evaluate(graph, arguments, store=traced.store, steps=traced.steps)
                assert traced.answer(result) == case["response"], (graph.name, case["request"])


def test_rows_of_one_batch_get_the_same_bits_as_alone(compilation: Compilation, reference: ModuleType) -> None:
    (traced,), (after,) = compilation.planned.traced, compilation.planned.optimised
    (op,) = [node.op for node in after.graph.nodes if isinstance(node.op, RunModel)]
    users, hours, _ = columns(reference)
    devices = np.array([case["request"]["device"] for case in CASES], dtype=object)
    feeds = dict(zip(("user", "hour", "device"), (users, hours, devices), strict=True))
    assert set(op.feeds) == set(feeds)
    whole = [
        traced.store.runner(op.model).run({n: f[s] for n, f in feeds.items()}, op.fetches) for s in chunks(64)
    ]
    items, scores = (np.concatenate(parts) for parts in zip(*whole, strict=True))
    wanted = [[(pick["item"], pick["score"]) for pick in case["response"]["picks"]] for case in CASES]
    assert [list(zip(*row, strict=True)) for row in zip(items.tolist(), scores.tolist(), strict=True)] == wanted


def chunks(size: int) -> Iterator[slice]:
    return (slice(start, start + size) for start in range(0, len(CASES), size))


def test_no_sum_can_reach_what_float32_rounds(reference: ModuleType) -> None:
    weights = reference.read_weights()
    assert weights.user.shape == (5_000, 32)
    assert weights.items.shape == (20_000, 32)
    assert max(reference.largest_sums(weights).values()) < reference.EXACT


def test_equal_scores_among_the_neighbours_of_some_users_are_in_the_order_of_ids(reference: ModuleType) -> None:
    weights = reference.read_weights()
    ids, similarities = reference.neighbours(weights, reference.queries(weights, *columns(reference)))
    ties = np.diff(similarities, axis=1) == 0
    assert ties.any(), "no tie was tried"
    assert (np.diff(ids, axis=1)[ties] > 0).all()


def test_the_fused_form_is_one_run_of_one_session_with_one_item_table(
    compilation: Compilation, tmp_path: Path
) -> None:
    (service,) = compilation.planned.plan.services
    (endpoint,) = service.endpoints
    assert len(service.sessions) == 1
    assert sum(isinstance(stage, RunStage) for stage in endpoint.stages) == 1
    (model,) = [content for name, content in compilation.tree.files.items() if name.endswith(".onnx")]
    assert 20_000 * 32 * 4 < len(model) < 1.2 * 20_000 * 32 * 4


@pytest.mark.port
def test_a_service_that_may_not_ask_the_network_answers(compilation: Compilation, tmp_path: Path) -> None:
    write(compilation.tree, tmp_path / "build")
    (tmp_path / "hook").mkdir()
    (tmp_path / "hook" / "sitecustomize.py").write_text(NO_CONNECTIONS, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "hook"), "DAGC_ACCESS_LOG": "off"}
    service = tmp_path / "build" / "services" / "recommender"
    with serving(service, environment=environment) as address, httpx.Client(base_url=address) as client:
        for case in CASES[:50]:
            assert client.post("/v1/recommender", json=case["request"]).json() == case["response"]
