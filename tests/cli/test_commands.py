"""`dagc check`, `plan`, `build` and `demo`: what they print and leave behind, with good and bad models."""

from pathlib import Path

import pytest
from onnx import parser

from dagc.artifacts.write import is_build
from tests.running import dagc

pytestmark = pytest.mark.ort


def test_check_says_that_a_graph_is_right_and_writes_nothing(folder: Path) -> None:
    before = sorted(folder.rglob("*"))
    done = dagc("check", "graph.py", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "`rate` is right: 1 node, 1 model\n"
    assert sorted(folder.rglob("*")) == before


def test_plan_shows_route_session_and_fusion_and_writes_nothing(folder: Path) -> None:
    before = sorted(folder.rglob("*"))
    done = dagc("plan", "graph.py", cwd=folder)
    assert done.returncode == 0
    assert "POST /v1/rate" in done.stdout
    assert "nothing to fuse" in done.stdout
    assert sorted(folder.rglob("*")) == before


def test_build_writes_into_build_and_the_name_of_the_graph(folder: Path) -> None:
    done = dagc("build", "graph.py", cwd=folder)
    assert done.returncode == 0
    assert "proved  rate: equal in 64 cases" in done.stdout
    assert "wrote   build/rate: " in done.stdout
    assert is_build(folder / "build" / "rate")


@pytest.mark.parametrize("command", ["check", "plan", "build", "serve --port 0", "lock"])
@pytest.mark.parametrize("code", ["E0401", "E0402"], ids=["missing", "corrupt"])
def test_a_missing_or_corrupt_model_is_told_at_the_line_that_names_it(
    folder: Path, command: str, code: str
) -> None:
    model = folder / "models" / "score.onnx"
    model.write_bytes(b"garbage") if code == "E0402" else model.rename(folder / "models" / "scores.onnx")
    done = dagc(*command.split(), "graph.py", cwd=folder)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error[{code}]: ")
    assert "graph.py:11:" in done.stderr
    assert ("scores.onnx" in done.stderr) == (code == "E0401")


@pytest.mark.port
def test_the_demonstration_asks_and_answers_and_leaves_nothing(tmp_path: Path) -> None:
    rubbish = tmp_path / "rubbish"
    rubbish.mkdir()
    done = dagc("demo", cwd=tmp_path, TMPDIR=str(rubbish))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("POST http://127.0.0.1:") == 3
    assert done.stdout.count('\n  200 {"band":') == 3
    assert "tabular: equal in " in done.stdout
    assert list(rubbish.iterdir()) == []


ONE_AT_A_TIME = """<ir_version: 9, opset_import: ["" : 17]>
g (float[N,30] x) => (float[N,1] y) <int64[2] shape = {1, 30}>
{ row = Reshape(x, shape) y = ReduceMean <axes = [1]> (row) }"""


@pytest.mark.parametrize("command", ["check", "plan"])
def test_what_a_model_does_not_say_of_itself_is_remarked(folder: Path, command: str) -> None:
    (folder / "models" / "score.onnx").write_bytes(parser.parse_model(ONE_AT_A_TIME).SerializeToString())
    source = (folder / "graph.py").read_text()
    (folder / "graph.py").write_text(source.replace("], f32()]", "], f32(1)]"))
    done = dagc(*command.split(), "graph.py", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "models/score.onnx: it takes one example at a time: two are refused\n" in done.stdout
