"""Every code has a page and every page does what it says: bad examples give the code, good ones give nothing."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from onnx import numpy_helper, parser

from dagc.compile import compile_file
from dagc.diagnostics import CompileError, Report
from dagc.diagnostics.pages import codes, page, title
from dagc.frontend import check_file
from tests.dsl.user_files import MODELS

pytestmark = pytest.mark.ort

ROOT = Path(__file__).parents[2]
CODE = re.compile(r"\b[EW]0\d{3}\b")
UNSHOWN = {
    "E0430": "needs a Python without onnxruntime-extensions",
    "E0507": "asks the package index",
    "E0804": "no model is known that shows it",
    "E0900": "a fault of dagc",
    "E0901": "a fault of dagc",
    "W0502": "needs a second onnxruntime",
}
SHOWN = [code for code in codes() if "## Bad" in page(code)]
ENGINE = {"W0702", *(f"E07{number}" for number in range(12, 33) if number != 23)}
"""What needs a container engine to be seen."""
TYPED = [
    pytest.param(code, marks=pytest.mark.docker if code in ENGINE else ())
    for code in codes()
    if code not in SHOWN and code not in UNSHOWN
]
FREE = '<ir_version: 9, opset_import: ["" : 17]> g (float[N,T,8] x) => (float[N,T,8] y) { y = Neg(x) }'
SCORE = '<ir_version: 8, opset_import: ["" : 17]> g (float[N,30] x) => (float[N] y) { y = MatMul(x, w) }'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder that pages begin in: the model files they name, and as `graph.py` the repaired file of E0401."""
    models = tmp_path / "models"
    models.mkdir()
    for make in MODELS:
        (models / f"{make.__name__}.onnx").write_bytes(make())
    (models / "free.onnx").write_bytes(parser.parse_model(FREE).SerializeToString())
    (models / "corrupt.onnx").write_bytes(b"not a model")
    (tmp_path / "graph.py").write_text(example("E0401", "Good"), encoding="utf-8")
    return tmp_path


def example(code: str, heading: str, language: str = "python") -> str:
    """The one block of code under a heading of a page."""
    found = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", page(code), re.DOTALL | re.MULTILINE)
    assert found, f"{code} has no `## {heading}`"
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", found[1], re.DOTALL | re.MULTILINE)
    assert len(blocks) == 1, f"{code} has {len(blocks)} {language} blocks under `## {heading}`"
    return str(blocks[0])


def command(folder: Path, name: str, script: str) -> None:
    """A command for the shell that is typed into."""
    file = folder / "bin" / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    file.chmod(0o755)


def found_in(folder: Path, source: str, *, build: bool) -> list[str]:
    """The codes that checking a graph file gives, or building it; that a lock is missing goes without saying."""
    (folder / "graph.py").write_text(source, encoding="utf-8")
    report = Report()
    try:
        if build:
            compile_file(folder / "graph.py", report, lambda _words: None)
        else:
            check_file(folder / "graph.py", report)
    except CompileError as error:
        report = error.report
    return [d.code for d in report.diagnostics if d.code != "W0501"]


@pytest.mark.parametrize("code", SHOWN)
def test_the_bad_example_gives_its_code_and_nothing_else(folder: Path, code: str) -> None:
    assert set(found_in(folder, example(code, "Bad"), build=code[1:] >= "0500")) == {code}


@pytest.mark.parametrize("code", SHOWN)
def test_the_good_example_gives_nothing(folder: Path, code: str) -> None:
    assert found_in(folder, example(code, "Good"), build=code[1:] >= "0500") == []


@pytest.mark.parametrize("code", TYPED)
def test_what_is_typed_to_see_a_code_shows_it(folder: Path, code: str) -> None:
    if code == "E0713" and "DAGC_TEST_ENGINE" not in os.environ:
        pytest.skip("it would fill the disk of an engine that is not the tests' own")
    score = parser.parse_model(SCORE)
    score.graph.initializer.append(numpy_helper.from_array(np.full(30, 0.5, np.float32), "w"))
    (folder / "models" / "score.onnx").write_bytes(score.SerializeToString())
    offline_lock = Path(__file__).parent / "offline_lock.py"
    command(folder, "python", f'exec "{sys.executable}" -W ignore "$@"')
    # Images are made of packages that exist.
    online = "exec python -m dagc"
    offline = f'[ "$1$UV_OFFLINE" = lock ] && exec python "{offline_lock}" "$2"; {online}'
    command(folder, "dagc", f'{online if code in ENGINE else offline} "$@"')
    path = os.pathsep.join([str(folder / "bin"), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-c", example(code, "How to see it", "sh")],
        cwd=folder,
        env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert code in done.stdout + done.stderr
    assert "E0900" not in done.stderr


@pytest.mark.parametrize("code", codes())
def test_a_page_has_a_title_a_text_and_one_way_to_see_its_code(code: str) -> None:
    lines = page(code).splitlines()
    assert lines[0] == f"# {code}: {title(code)}"
    assert title(code) and not title(code).endswith(".")
    assert lines[1] == "" and lines[2] and not lines[2].startswith("#"), "a page begins with plain words"
    headings = [line for line in _outside_code(lines) if line.startswith("## ")]
    assert headings in (["## Bad", "## Good"], ["## How to see it"])


def test_every_code_in_the_source_has_a_page_and_every_page_a_place_in_the_source() -> None:
    assert {code for file in (ROOT / "dagc").rglob("*.py") for code in _used(file)} == set(codes())


def test_a_page_names_only_codes_that_exist() -> None:
    assert {named for code in codes() for named in CODE.findall(page(code))} <= set(codes())


def _outside_code(lines: list[str]) -> Iterator[str]:
    inside = False
    for line in lines:
        inside ^= line.startswith("```")
        if not inside:
            yield line


def _used(file: Path) -> Iterator[str]:
    """The codes in the strings of a file that are not docstrings."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield from CODE.findall(node.value)
