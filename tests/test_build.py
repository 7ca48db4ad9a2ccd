"""Whole builds: the same bytes wherever and whenever, a proof that can fail, and a tree that is replaced whole."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from dagc.artifacts.write import write
from dagc.compile import Compilation, compile_file
from dagc.diagnostics import CompileError, Report
from dagc.dsl.load import load
from dagc.evaluate.inputs import seeded_requests
from tests.dsl.user_files import HEADER, MODELS
from tests.running import DAGC, ROOT, near, serving

pytestmark = pytest.mark.ort

FRAUD = '''
from rules import limit


@dagc.graph(version="1.2.0", deadline_s=5)
def fraud(payment: Payment) -> Decision:
    """Whether a payment goes through."""
    row = scaler(encode(payment))
    return decide(payment, (score(row) + score(row * 2.0)) / limit())
'''
RULES = "def limit() -> float:\n    return 4.0\n"
REQUEST = {"amount": 1.5, "country": "DE", "new": True, "tags": ["a"]}
RESPONSE = {"allow": False, "score": 0.5625}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A user's folder: a graph of two models and an expression, a module beside it, and a stored request."""
    home = tmp_path / "home"
    (home / "models").mkdir(parents=True)
    for make in MODELS:
        (home / "models" / f"{make.__name__}.onnx").write_bytes(make())
    (home / "graph.py").write_text(HEADER + FRAUD, encoding="utf-8")
    (home / "rules.py").write_text(RULES, encoding="utf-8")
    store(home, REQUEST, RESPONSE)
    return home


def store(folder: Path, request: object, response: object) -> None:
    (folder / "requests").mkdir(exist_ok=True)
    stored = {"request": request, "response": response, "tolerance": 1e-6}
    (folder / "requests" / "one.json").write_text(json.dumps(stored), encoding="utf-8")


def compiled(folder: Path, text: str | None = None) -> Compilation:
    if text is not None:
        (folder / "graph.py").write_text(HEADER + text, encoding="utf-8")
    return compile_file(folder / "graph.py", Report(), lambda _words: None)


def files(tree: Path) -> dict[str, bytes]:
    return {str(file.relative_to(tree)): file.read_bytes() for file in tree.rglob("*") if file.is_file()}


def built_elsewhere(source: Path, cwd: Path, environment: Mapping[str, str], umask: int) -> dict[str, bytes]:
    """The files of a build by a process of its own."""
    cwd.mkdir(exist_ok=True)
    done = subprocess.run(
        [*DAGC, "build", os.path.relpath(source, cwd), "-o", "out/deep"],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        umask=umask,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return files(cwd / "out" / "deep")


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONHASHSEED": "0"},
        {"PYTHONHASHSEED": "1", "TZ": "Asia/Tokyo"},
        {"PYTHONHASHSEED": "2", "LC_ALL": "C", "PYTHONUTF8": "0", "HOME": "/nonexistent"},
    ],
    ids=str,
)
def test_a_build_is_the_same_bytes_in_another_place_process_and_environment(
    folder: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    here = compiled(folder).tree
    copy = shutil.copytree(folder, tmp_path / "another parent" / "näme")
    there = built_elsewhere(copy / "graph.py", tmp_path / "cwd", environment, umask=0o077)
    assert there == dict(here.files)


def test_a_second_build_in_the_same_process_is_the_same_bytes(folder: Path) -> None:
    assert compiled(folder).tree.digest() == compiled(folder).tree.digest()


def test_no_file_of_a_build_names_the_place_it_was_made_in(folder: Path) -> None:
    named = [name for name, content in compiled(folder).tree.files.items() if str(folder).encode() in content]
    assert named == []


def test_another_stored_request_changes_the_proof_and_the_example_and_no_more(folder: Path) -> None:
    before = compiled(folder).tree.files
    store(folder, {**REQUEST, "amount": 3.0}, {"allow": False, "score": 1.125})
    after = compiled(folder).tree.files
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    assert "README.md" in changed
    # The image and its name are told by the hash of what is in it, and openapi.json is.
    named_by_content = {"compose.yaml", "services/fraud/Dockerfile"}
    assert changed - named_by_content <= {
        "equivalence.json", "plan.json", "README.md", "services/fraud/openapi.json",
    }  # fmt: skip


TWO = '''
@dagc.graph
def rate(row: Row) -> Score:
    """Rate a row."""
    return score(row)


@dagc.graph
def pay(payment: Payment) -> Score:
    """Rate a payment."""
    return score(encode(payment))
'''


def test_two_graphs_of_one_file_are_one_service_and_equal_models_are_one_session(folder: Path) -> None:
    shutil.rmtree(folder / "requests")
    (service,) = compiled(folder, TWO).planned.plan.services
    assert [endpoint.route for endpoint in service.endpoints] == ["/v1/rate", "/v1/pay"]
    assert len(service.sessions) == 1


def test_a_large_graph_is_proven_with_fewer_invented_requests(folder: Path) -> None:
    shutil.rmtree(folder / "requests")
    lines = "    row = row * 1.0\n" * 250
    text = f"@dagc.graph\ndef long(row: Row) -> Row:\n{lines}    return row\n"
    small, large = compiled(folder, TWO), compiled(folder, text)
    nodes = len(large.planned.traced[0].graph.nodes)
    assert [proof.cases for proof in small.proofs] == [64, 64]
    assert [proof.cases for proof in large.proofs] == [10_000 // nodes]
    assert large.proofs[0].verdict == "equal"


WAITING = '''
import asyncio


@dagc.step
async def looked_up(payment: Payment) -> float:
    await asyncio.sleep(0.001)
    return payment.amount * 2


@dagc.step
async def weight(payment: Payment) -> float:
    await asyncio.sleep(0.001)
    return 0.25 if payment.new else 0.5


@dagc.step
def together(amount: float, weight: float) -> Row:
    return np.full(30, amount * weight, np.float32)


@dagc.graph(deadline_s=5)
def fraud(payment: Payment) -> Decision:
    """Whether a payment goes through, after two look-ups."""
    return decide(payment, score(scaler(together(looked_up(payment), weight(payment)))))
'''


@pytest.mark.port
@pytest.mark.parametrize("text", [FRAUD, WAITING], ids=["computing", "waiting"])
def test_the_built_service_answers_as_plain_calls_do(folder: Path, tmp_path: Path, text: str) -> None:
    store(folder, REQUEST, RESPONSE if text is FRAUD else {"allow": True, "score": 0.375})
    write(compiled(folder, text).tree, tmp_path / "build")
    (traced,) = load(folder / "graph.py", Report())
    plain = vars(traced.folder.modules["graph"])["fraud"]
    with serving(tmp_path / "build" / "services" / "fraud") as address, httpx.Client(base_url=address) as client:
        for body in seeded_requests(traced.request_schema(), 20, seed=7):
            answer = client.post("/v1/fraud", json=body)
            assert answer.status_code == 200, answer.text
            with traced.importable():
                wanted = traced.answer(plain(**traced.arguments(body)))
            assert near(answer.json(), wanted, 1e-5 * (1 + abs(wanted["score"])))


JITTER = """
import random


@dagc.step
def jitter(payment: Payment) -> Row:
    return np.full(30, random.random(), np.float32)


@dagc.graph
def fraud(payment: Payment) -> Decision:
    return decide(payment, score(scaler(jitter(payment))))
"""


def failure(folder: Path, text: str | None = None) -> Iterator[tuple[str, str]]:
    with pytest.raises(CompileError) as caught:
        compiled(folder, text)
    for diagnostic in caught.value.report.errors:
        yield diagnostic.code, "\n".join((diagnostic.message, *diagnostic.notes))


def test_a_step_that_is_not_a_function_of_its_arguments_fails_the_proof(folder: Path) -> None:
    shutil.rmtree(folder / "requests")
    ((code, text),) = failure(folder, JITTER)
    assert code == "E0801"
    assert "seeded 0: `$.score`" in text


def test_a_wrong_stored_response_fails_the_proof_and_names_the_case_and_the_place(folder: Path) -> None:
    store(folder, REQUEST, {**RESPONSE, "score": 0.75})
    ((code, text),) = failure(folder)
    assert code == "E0802"
    assert "requests/one.json: `$.score`" in text


def test_a_build_over_an_earlier_one_replaces_it_whole(folder: Path, tmp_path: Path) -> None:
    first = compiled(folder)
    write(first.tree, tmp_path / "out")
    (tmp_path / "out" / "services" / "fraud" / "left_over.py").write_text("", encoding="utf-8")
    write(compiled(folder, FRAUD.replace("1.2.0", "1.3.0")).tree, tmp_path / "out")
    assert "services/fraud/left_over.py" not in files(tmp_path / "out")
    write(compiled(folder, FRAUD).tree, tmp_path / "out")
    assert files(tmp_path / "out") == dict(first.tree.files)


def test_a_folder_that_is_not_a_build_is_left_alone(folder: Path, tmp_path: Path) -> None:
    thesis = tmp_path / "notes" / "thesis.txt"
    thesis.parent.mkdir()
    thesis.write_text("my thesis", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "dagc", "build", folder / "graph.py", "-o", thesis.parent],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "E0509" in done.stderr
    assert files(thesis.parent) == {"thesis.txt": b"my thesis"}
