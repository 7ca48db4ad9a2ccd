"""Steps in threads, in processes and over lists: plain calls run them at once, a build proves and serves them."""

import json
import sys
import urllib.request

import pytest

from dagc.artifacts.write import write
from dagc.compile import compile_file
from dagc.diagnostics import Report
from dagc.dsl.load import load
from dagc.ir.printer import print_graph
from tests.running import serving

GRAPH = '''"""A text goes through every place where a step may run."""

from pydantic import BaseModel

import dagc


class Text(BaseModel):
    words: str


class Score(BaseModel):
    value: float
    length: int


def unknown() -> str:
    return "?"


@dagc.step(run="thread", timeout_s=0.5, retries=1, fallback=unknown)
def clean(text: Text) -> str:
    return text.words.strip()


@dagc.step(run="process")
def length(words: str) -> int:
    return len(words)


@dagc.step(batch=True)
def score(words: list[str], lengths: list[int], *, most: float = 100.0) -> list[Score]:
    return [Score(value=min(most, len(set(word))), length=n) for word, n in zip(words, lengths, strict=True)]


@dagc.step(batch=True)
async def later(scores: list[Score]) -> list[Score]:
    return scores


@dagc.step
def twice(words: str) -> str:
    return f"{score(words, 1).length} {words}"


@dagc.graph(deadline_s=10)
def demo(text: Text) -> Score:
    words = clean(text)
    return later(score(twice(words), length(words)))
'''


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "graph.py").write_text(GRAPH)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    sys.modules.pop("graph", None)


def test_the_graph_says_where_its_steps_run(folder) -> None:
    (traced,) = load(folder / "graph.py", Report(str(folder)))
    text = print_graph(traced.graph)
    assert "= await graph.clean(text), in a thread, within 0.5 s, 1 retry, else graph.unknown" in text
    assert "= await graph.length(words), in a process" in text
    assert "= call graph.score(" in text
    assert "), in batches" in text
    assert "await graph.later(" in text


@pytest.mark.ort
@pytest.mark.port
def test_the_built_service_answers_as_the_plain_call(folder) -> None:
    compilation = compile_file(folder / "graph.py", Report(str(folder)), lambda _: None)
    (proof,) = compilation.proofs
    assert proof.verdict == "equal"
    write(compilation.tree, folder / "out")
    import graph

    wanted = graph.demo(graph.Text(words="  hello "))
    assert wanted == graph.Score(value=6, length=5)
    with serving(folder / "out" / "services" / "demo") as address:
        body = json.dumps({"words": "  hello "}).encode()
        asked = urllib.request.Request(f"{address}/v1/demo", body, {"content-type": "application/json"})
        with urllib.request.urlopen(asked, timeout=30) as answer:
            assert json.loads(answer.read()) == wanted.model_dump()
