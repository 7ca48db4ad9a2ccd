"""`graphs/selection`: only the arm taken runs, a cascade is as right for a tenth of the calls, all are met."""

import base64
import re
from collections import Counter
from collections.abc import Iterator, Mapping

import httpx
import numpy as np
import pytest
from magika import Magika
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from dagc.evaluate.evaluate import evaluate
from dagc.evaluate.inputs import seeded_requests
from dagc.ir.graph import Choosing, Node
from dagc.ir.ops import RunModel
from dagc.ir.regions import every_node
from tests.graphs.conftest import Build, Built
from tests.running import ROOT, serving

FOLDER = ROOT / "graphs" / "selection"
pytestmark = [pytest.mark.ort, pytest.mark.port]


@pytest.fixture(scope="module")
def built(build: Build) -> Built:
    return build(FOLDER)


@pytest.fixture(scope="module")
def client(built: Built) -> Iterator[httpx.Client]:
    with serving(built.service) as address, httpx.Client(base_url=address) as client:
        yield client


def rows(client: httpx.Client) -> Mapping[str, int]:
    """The rows each session has run so far."""
    text = client.get("/metrics").text
    found = re.findall(r'^dagc_batch_size_sum\{.*session="(\w+)".*\} (\d+)', text, re.MULTILINE)
    return {session: int(count) for session, count in found}


def since(client: httpx.Client, before: Mapping[str, int]) -> dict[str, int]:
    changes = {session: count - before.get(session, 0) for session, count in rows(client).items()}
    return {session: count for session, count in changes.items() if count}


@pytest.mark.parametrize(("market", "session"), [("DE", "germany"), ("FR", "france"), ("US", "america")])
def test_only_the_model_of_the_market_runs(client: httpx.Client, market: str, session: str) -> None:
    before = rows(client)
    stone = {"carat": 0.7, "depth": 61.8, "table": 57.0, "x": 5.7, "y": 5.7, "z": 3.5, "market": market}
    for _ in range(5):
        assert client.post("/v1/price", json=stone).status_code == 200
    assert since(client, before) == {session: 5}


def test_the_cascade_is_as_right_as_the_big_model_for_less_than_half_its_calls(
    built: Built, client: httpx.Client
) -> None:
    images, truth = load_digits(return_X_y=True)
    _, images, _, truth = train_test_split(
        images.astype(np.float32), truth, test_size=0.3, random_state=0, stratify=truth
    )
    before = rows(client)
    said = [client.post("/v1/digit", json={"pixels": image.tolist()}).json() for image in images]
    called = since(client, before)
    (traced,) = (one for one in built.compilation.planned.traced if one.graph.name == "digit")
    key = traced.models["models/big.onnx"]
    big = traced.store.runner(key).run({"row": images}, ["label"])[0]
    cascade_is_right, big_is_right = np.mean(said == truth), np.mean(big == truth)
    assert abs(cascade_is_right - big_is_right) <= 0.005 and cascade_is_right > 0.97
    assert called["small"] == len(images) and called["big"] < len(images) / 2


FILES = {
    "text": b"Nothing here that anybody would take for an image or for a table of stones.\n" * 3,
    "python": b"import os\n\nfor name in os.listdir('.'):\n    print(name)\n",
    "json": b'{"carat": 0.4, "depth": 62.8, "table": 61.0, "cut": "Premium"}',
    "short": b"a,b",
    "bytes": bytes(range(256)) * 4,
}


@pytest.mark.parametrize("name", FILES)
def test_what_is_neither_an_image_nor_a_table_is_refused_and_runs_no_model_of_theirs(
    client: httpx.Client, name: str
) -> None:
    before = rows(client)
    content = FILES[name]
    answer = client.post("/v1/sort", content=content, headers={"content-type": "application/octet-stream"})
    assert answer.status_code == 415, answer.text
    assert set(since(client, before)) == {"kinds"}


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"first,second,third\n1,2,3\n4,5,6\n7,8,9\n10,11,12\n", 422),
        (
            b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x40\x00\x00\x00\x40\x08\x02\x00\x00\x00" + bytes(60),
            422,
        ),
    ],
)
def test_a_table_without_stones_and_an_image_that_is_none_are_told_apart(
    client: httpx.Client, content: bytes, status: int
) -> None:
    body = {"file": base64.b64encode(content).decode()}
    assert client.post("/v1/sort", json=body).status_code == status


def test_a_file_is_what_magika_says_it_is(built: Built) -> None:
    (traced,) = (one for one in built.compilation.planned.traced if one.graph.name == "sort")
    labels = vars(traced.folder.modules["graph"])["LABELS"]
    magika = Magika()
    for content in FILES.values():
        if len(content) < 8:
            continue
        with traced.importable():
            seen = vars(traced.folder.modules["graph"])["ends"](content)
            scores = vars(traced.folder.modules["graph"])["kinds"](seen)
        wanted = magika.identify_bytes(content)
        assert labels[int(np.argmax(scores))] == wanted.dl.label
        assert float(scores.max()) == pytest.approx(wanted.score, abs=0.02)


def test_stored_and_invented_requests_reach_every_arm(built: Built) -> None:
    planned = built.compilation.planned
    for traced in planned.traced:
        met: Counter[str] = Counter()

        def watch(node: Node, inputs: object, outputs: object, met: Counter[str] = met) -> None:
            met[node.name] += 1

        bodies = [r.stored.request for r in planned.requests if r.stored.graph == traced.graph.name][:60]
        bodies += list(seeded_requests(traced.request_schema(), 20, 7))
        for body in bodies:
            try:
                with traced.importable():
                    arguments = traced.arguments(body)
                    evaluate(traced.graph, arguments, store=traced.store, steps=traced.steps, watch=watch)
            except Exception as refused:
                assert type(refused).__name__ in ("Refuse", "ValidationError"), refused
        arms = [arm for node in every_node(traced.graph) if isinstance(node.op, Choosing) for arm in node.op.arms]
        for arm in arms:
            models = [node.name for node in arm.nodes if isinstance(node.op, RunModel)]
            assert all(met[name] for name in models), (traced.graph.name, arm.name)
