"""A graph with `dagc.each` from its file to the port: what main.py says, and who shares a run with whom."""

import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dagc.compile import Compilation
from tests.built import compiled, running
from tests.runtime.front.conftest import Process, Wire

pytestmark = [pytest.mark.ort, pytest.mark.port]

GRAPH = '''"""Read the lines of pages."""

import asyncio
import os
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

import dagc
from dagc import f32

Row = Annotated[NDArray[np.float32], f32(30)]

scaler = dagc.onnx("models/scaler.onnx")
score = dagc.onnx("models/score.onnx")


class Line(BaseModel):
    ink: float = Field(ge=-1000, le=1000)
    text: str = Field(max_length=20)


class Page(BaseModel):
    canary: str = Field(max_length=20)
    factor: float = Field(ge=-1000, le=1000)
    lines: list[Line]


class Reading(BaseModel):
    canary: str
    texts: list[str]


@dagc.step
def encode(line: Line) -> Row:
    if line.text == "refused":
        raise dagc.Refuse("this line cannot be read", field="lines", status=409)
    if line.text == "broken":
        raise ValueError("a fault of a step")
    return np.full(30, line.ink, np.float32)


@dagc.step
def decode(line: Line, canary: str, ink: float) -> str:
    return f"{canary}/{line.text} {ink:.3f}"


@dagc.step
def reading(page: Page, texts: list[str]) -> Reading:
    return Reading(canary=page.canary, texts=texts)


@dagc.step
async def price(text: str, canary: str) -> str:
    await asyncio.sleep(float(os.environ.get("NAP_S", "0")))
    return f"{canary}/{text}"


@dagc.step
async def title(canary: str) -> str:
    await asyncio.sleep(float(os.environ.get("NAP_S", "0")))
    return canary.upper()


@dagc.graph(deadline_s=60)
def read(page: Page) -> Reading:
    def of_line(line: Line) -> str:
        ink = score(scaler(encode(line))) * page.factor
        return decode(line, page.canary, ink)

    texts = dagc.each(page.lines, of_line, max_items=8)
    return reading(page, texts)


@dagc.graph(deadline_s=60)
def read_book(pages: list[Page]) -> list[Reading]:
    return dagc.each(pages, read, max_items=4)


@dagc.graph(deadline_s=60)
def priced(page: Page) -> tuple[list[tuple[str, float]], str]:
    prices = dagc.each(
        page.lines, lambda line: (price(line.text, page.canary), line.ink * page.factor), max_items=64
    )
    return prices, title(page.canary)
'''


@pytest.fixture(scope="module")
def compilation(tmp_path_factory: pytest.TempPathFactory) -> Compilation:
    return compiled(tmp_path_factory.mktemp("graph"), GRAPH)


@pytest.fixture(scope="module")
def service(compilation: Compilation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    with running(compilation, tmp_path_factory.mktemp("out") / "build", nap_s=1.0) as process:
        yield process


@pytest.fixture
def wire(service: Process) -> Iterator[Wire]:
    made = service.wire()
    yield made
    made.close()


def page(canary: str, *inks: float, factor: float = 2.0, text: str | None = None) -> dict[str, object]:
    lines = [{"ink": ink, "text": text if text and at == 1 else f"t{at}"} for at, ink in enumerate(inks)]
    return {"canary": canary, "factor": factor, "lines": lines}


def answer(canary: str, *inks: float, factor: float = 2.0) -> dict[str, object]:
    # the scaler halves, the score is the mean
    return {"canary": canary, "texts": [f"{canary}/t{at} {ink / 2 * factor:.3f}" for at, ink in enumerate(inks)]}


def ask_at_once(wire: Wire, path: str, *bodies: object) -> list[tuple[int, object]]:
    return [(reply.status, reply.json) for reply in wire.ask_at_once(path, *bodies)]


def batches(wire: Wire) -> tuple[int, int]:
    """Session runs so far, and the rows in them."""
    return tuple(map(sum, zip((0, 0), *wire.runs().values(), strict=True)))


@pytest.fixture
def counted(wire: Wire) -> Callable[[], tuple[int, int]]:
    """How many runs, with how many rows, there were since the test began."""
    before = batches(wire)

    def since() -> tuple[int, int]:
        after = batches(wire)
        return after[0] - before[0], after[1] - before[1]

    return since


def test_main_py_holds_a_function_for_every_region(compilation: Compilation, golden, tmp_path: Path) -> None:
    text = compilation.tree.files["services/graph/main.py"].decode()
    golden("each_main.py.txt", text)
    file = tmp_path / "main.py"
    file.write_text(text)
    ruff = Path(sys.executable).with_name("ruff")
    done = subprocess.run(
        [ruff, "format", "--check", "--line-length", "115", file], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout
    checked = subprocess.run([ruff, "check", "--select", "F,B", file], capture_output=True, check=False)
    assert checked.returncode == 0, checked.stdout


def test_the_readme_shows_what_is_done_for_each_item(compilation: Compilation) -> None:
    text = compilation.tree.files["README.md"].decode()
    assert re.search(r"texts +<- +for each line in page\.lines, at most 8 +graph\.py:73", text)
    assert re.search(r"\+-- +decode\w* +<- +step decode", text)


def test_the_proof_covers_every_item_of_every_request(compilation: Compilation) -> None:
    for proof in compilation.proofs:
        assert proof.verdict == "equal"
    read = compilation.proofs[0]
    assert [batch.node for batch in read.batches] == ["scaler_score_mul"]
    assert read.batches[0].rows > read.cases


def test_items_of_all_requests_form_one_batch_and_come_back_in_order(wire: Wire, counted) -> None:
    pages = [(f"c{n}", tuple(float(n + at) for at in range(n))) for n in range(6)]
    found = ask_at_once(wire, "/v1/read", *(page(canary, *inks) for canary, inks in pages))
    assert found == [(200, answer(canary, *inks)) for canary, inks in pages]
    assert counted() == (1, 15)


def test_more_items_than_a_run_takes_share_as_few_runs_as_hold_them(wire: Wire, counted) -> None:
    pages = [(f"c{n}", tuple(float(at) for at in range(8))) for n in range(20)]
    found = ask_at_once(wire, "/v1/read", *(page(canary, *inks) for canary, inks in pages))
    assert found == [(200, answer(canary, *inks)) for canary, inks in pages]
    runs, rows = counted()
    assert (runs, rows) == (3, 160)


def test_a_page_without_lines_is_fine(wire: Wire, counted) -> None:
    assert ask_at_once(wire, "/v1/read", page("empty")) == [(200, answer("empty"))]
    assert counted() == (0, 0)


def test_a_fan_out_in_a_fan_out_is_one_batch_too(wire: Wire, counted) -> None:
    books = [[page(f"b{n}p{at}", *map(float, range(at)), factor=float(n)) for at in range(4)] for n in range(3)]
    found = ask_at_once(wire, "/v1/read_book", *({"pages": pages} for pages in books))
    assert found == [
        (200, [answer(f"b{n}p{at}", *map(float, range(at)), factor=float(n)) for at in range(4)]) for n in range(3)
    ]
    assert counted() == (1, 18)


@pytest.mark.parametrize(
    ("route", "body"),
    [
        ("/v1/read", page("many", *[1.0] * 9)),
        ("/v1/read_book", {"pages": [page("few", 1.0)] * 5}),
        ("/v1/read_book", {"pages": [page("few", 1.0), page("many", *[1.0] * 9)]}),
        ("/v1/priced", page("many", *[1.0] * 65)),
    ],
)
def test_too_many_items_are_refused_and_nobody_else_is(wire: Wire, route: str, body: object) -> None:
    refused, *others = ask_at_once(wire, route, body) + ask_at_once(wire, "/v1/read", page("a", 1.0, 2.0))
    assert refused[0] == 422
    assert refused[1]["error"]["code"] == "too_many_items"
    assert others == [(200, answer("a", 1.0, 2.0))]


@pytest.mark.parametrize(("text", "status"), [("refused", 409), ("broken", 500)])
def test_an_item_that_fails_fails_its_request_only(wire: Wire, text: str, status: int) -> None:
    bad = page("bad", 1.0, 2.0, 3.0, text=text)
    found = ask_at_once(wire, "/v1/read", page("a", 1.0), bad, page("b", 2.0, 3.0))
    assert [status for status, _ in found] == [200, status, 200]
    assert found[0][1] == answer("a", 1.0) and found[2][1] == answer("b", 2.0, 3.0)


def test_waits_of_all_items_and_of_the_rest_overlap(wire: Wire) -> None:
    began = time.monotonic()
    ((status, found),) = ask_at_once(wire, "/v1/priced", page("w", *range(40), factor=0.5))
    assert (status, found) == (200, [[[f"w/t{at}", at / 2] for at in range(40)], "W"])
    assert time.monotonic() - began < 20  # one after the other: 40 s


def test_no_answer_holds_anything_of_another_request(service: Process) -> None:
    wrong: list[object] = []

    def ask(worker: int) -> None:
        wire = service.wire()
        for turn in range(30):
            canary, inks = f"w{worker}t{turn}", tuple(float(worker * 7 + at) for at in range(turn % 8))
            route, body, wanted = "/v1/read", page(canary, *inks), answer(canary, *inks)
            if turn % 5 == 0:
                route, body, wanted = "/v1/read_book", {"pages": [body] * 2}, [wanted] * 2  # type: ignore[assignment]
            reply = wire.ask(route, body)
            if (reply.status, reply.json) != (200, wanted):
                wrong.append((json.dumps(wanted), reply))
        wire.close()

    threads = [threading.Thread(target=ask, args=(worker,)) for worker in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
