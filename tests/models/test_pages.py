"""The pages of E0401 to E0409: bad examples give their code, good ones nothing, and the shell text shows it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from onnx import numpy_helper, parser

from dagc.diagnostics import Report
from dagc.diagnostics.pages import codes, page
from dagc.dsl.load import load

pytestmark = pytest.mark.ort

OURS = [code for code in codes() if "E0401" <= code <= "E0409"]
SHOWN = [code for code in OURS if "## Bad" in page(code)]
SCORE = '<ir_version: 8, opset_import: ["" : 17]> g (float[N,30] x) => (float[N] y) { y = MatMul(x, w) }'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "models").mkdir()
    score = parser.parse_model(SCORE)
    score.graph.initializer.append(numpy_helper.from_array(np.full(30, 0.5, np.float32), "w"))
    (tmp_path / "models" / "score.onnx").write_bytes(score.SerializeToString())
    (tmp_path / "models" / "corrupt.onnx").write_bytes(b"garbage")
    return tmp_path


def found(folder: Path, source: str) -> list[str]:
    (folder / "graph.py").write_text(source, encoding="utf-8")
    report = Report()
    load(folder / "graph.py", report)
    return [diagnostic.code for diagnostic in report.diagnostics]


def example(code: str, heading: str) -> str:
    match = re.search(rf"^## {heading}\n\n```python\n(.*?)^```", page(code), re.DOTALL | re.MULTILINE)
    assert match
    return match[1]


def test_every_code_of_this_room_has_a_page() -> None:
    assert [f"E040{number}" for number in range(1, 10)] == OURS


@pytest.mark.parametrize("code", SHOWN)
def test_the_bad_example_gives_its_code_and_the_good_one_nothing(folder: Path, code: str) -> None:
    assert found(folder, example(code, "Bad")) == [code]
    assert found(folder, example(code, "Good")) == []


@pytest.mark.parametrize("code", [code for code in OURS if code not in SHOWN])
def test_the_shell_text_shows_the_code(folder: Path, code: str) -> None:
    (folder / "graph.py").write_text(example("E0401", "Good"), encoding="utf-8")
    text = page(code).split("## How to see it\n\n")[1]
    script = "\n".join(line.removeprefix("    ") for line in text.splitlines())
    shims = (
        f'python() {{ "{sys.executable}" -W ignore "$@"; }}\n'
        'dagc() { python -c "from dagc.cli.main import main; main()" "$@"; }\n'
    )
    done = subprocess.run(
        ["bash", "-c", shims + script], cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    assert done.returncode != 0
    assert code in done.stdout + done.stderr
