"""Every folder in `graphs/`: the graph builds and answers as stored, its broken twins fail at their own lines."""

import ast
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import copytree

import httpx
import pytest

from dagc.compile import compile_file
from dagc.diagnostics import Report
from dagc.dsl.traced import Traced
from dagc.evaluate.requests import NamedRequest
from dagc.ir.printer import print_graph
from tests.graphs.conftest import Build, Built, unhurried
from tests.running import KEY, ROOT, dagc, near, serving

pytestmark = pytest.mark.ort

# The wheel that `ocr` takes its models from names Python 3.12 as its last.
UNBUILT = {"ocr"} if sys.version_info >= (3, 13) else set()
GRAPHS = sorted(p.parent for p in (ROOT / "graphs").glob("*/graph.py") if p.parent.name not in UNBUILT)
TWINS = sorted(path for folder in GRAPHS for path in folder.glob("broken/*.py"))
LINES_ASKED = 200
Golden = Callable[[str, str], None]


@pytest.fixture(scope="module", params=GRAPHS, ids=lambda folder: folder.name)
def built(request: pytest.FixtureRequest, build: Build) -> Built:
    return build(request.param)


def sample(built: Built) -> Iterator[tuple[Traced, NamedRequest]]:
    """All requests that are files of their own, the first lines of the others, and the graph each is for."""
    lines = 0
    for named in built.compilation.planned.requests:
        lines += ":" in named.name
        if ":" in named.name and lines > LINES_ASKED:
            continue
        for traced in built.compilation.planned.traced:
            if named.stored.graph in (None, traced.graph.name):
                yield traced, named


@pytest.mark.parametrize("folder", GRAPHS, ids=lambda folder: folder.name)
def test_a_graph_of_the_repository_has_no_mistakes(folder: Path) -> None:
    done = dagc("check", folder / "graph.py", cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("folder", GRAPHS, ids=lambda folder: folder.name)
def test_the_picture_of_its_page_is_the_one_that_is_drawn(folder: Path, tmp_path: Path) -> None:
    done = dagc("graph", folder / "graph.py", "-o", tmp_path / "fusion.svg", cwd=ROOT)
    assert done.returncode == 0, done.stderr
    drawn, kept = (path.read_text(encoding="utf-8") for path in (tmp_path / "fusion.svg", folder / "fusion.svg"))
    assert drawn == kept
    assert "](fusion.svg)" in (folder / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("twin", TWINS, ids=lambda twin: f"{twin.parent.parent.name}/{twin.stem}")
def test_a_broken_twin_fails_with_exactly_its_code_at_a_line_of_its_own(twin: Path, tmp_path: Path) -> None:
    text = twin.read_text(encoding="utf-8")
    promised = re.match(r"Must fail with (E\d{4}): ", ast.get_docstring(ast.parse(text)) or "")
    assert promised, "a broken twin begins with the code it must fail with"
    command = ("check", twin) if promised[1] < "E0500" else ("build", twin, "-o", tmp_path / "build")
    done = dagc(*command, cwd=ROOT)
    assert done.returncode == 1
    assert re.findall(r"^error\[(E\d{4})\]", done.stderr, re.MULTILINE) == [promised[1]], done.stderr
    frame = re.search(rf"^ *--> {re.escape(str(twin.relative_to(ROOT)))}:(\d+):\d+$", done.stderr, re.MULTILINE)
    assert frame, done.stderr
    assert f"{frame[1]} | {text.splitlines()[int(frame[1]) - 1]}\n" in done.stderr


def test_a_plain_python_call_answers_as_stored(built: Built) -> None:
    asked = 0
    for traced, named in sample(built):
        module = traced.folder.modules["graph"]
        with traced.importable():
            result = vars(module)[traced.graph.name](**traced.arguments(named.stored.request))
        assert near(traced.answer(result), named.stored.response, named.stored.tolerance or 0), named.name
        asked += 1
        traced.store.unload()
    assert asked


def test_a_second_build_in_another_folder_is_byte_identical(built: Built, tmp_path: Path) -> None:
    copytree(built.folder, tmp_path / "elsewhere")
    again = compile_file(tmp_path / "elsewhere" / "graph.py", Report(), lambda _words: None)
    assert again.tree.files == built.compilation.tree.files


@pytest.mark.port
def test_the_built_service_answers_as_stored(built: Built, tmp_path: Path) -> None:
    routes = {e.name: e.route for service in built.compilation.planned.plan.services for e in service.endpoints}
    with (
        serving(unhurried(built, tmp_path)) as address,
        httpx.Client(base_url=address, headers=KEY, timeout=60) as client,
    ):
        for traced, named in sample(built):
            answer = client.post(routes[traced.graph.name], json=named.stored.request)
            assert answer.status_code == 200, (named.name, answer.text)
            assert near(answer.json(), named.stored.response, named.stored.tolerance or 0), named.name


def test_the_plan_is_the_golden_one(built: Built, golden: Golden) -> None:
    done = dagc("plan", built.folder / "graph.py", cwd=ROOT)
    assert done.returncode == 0, done.stderr
    golden(f"{built.folder.name}/plan.txt", done.stdout)


def test_the_glue_is_the_golden_one(built: Built, golden: Golden) -> None:
    golden(f"{built.folder.name}/main.py.txt", (built.service / "main.py").read_text(encoding="utf-8"))


def test_the_graph_before_and_after_the_passes_is_the_golden_one(built: Built, golden: Golden) -> None:
    planned = built.compilation.planned
    for traced, after in zip(planned.traced, planned.optimised, strict=True):
        golden(f"{built.folder.name}/{traced.graph.name}.traced.txt", print_graph(traced.graph))
        golden(f"{built.folder.name}/{traced.graph.name}.optimised.txt", print_graph(after.graph))
