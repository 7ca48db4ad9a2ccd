"""The inert `dagc` of a built service: a graph file imports beside it where dagc is not installed."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import dagc

PACKAGE = Path(dagc.__file__).parent

GRAPH = """
from __future__ import annotations
from typing import Annotated, NamedTuple
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, TypeAdapter
import dagc
from dagc import f32, i64, string, boolean, TensorSpec

Row = Annotated[NDArray[np.float32], f32(3)]

class Decision(BaseModel):
    allow: bool

class Outputs(NamedTuple):
    label: Annotated[NDArray[np.int64], i64()]

score = dagc.onnx("models/score.onnx", inputs={"x": f32(3)}, returns=Outputs)
decision = dagc.step(Decision)

@dagc.step
def encode(x: float) -> Row:
    return np.full(3, x, np.float32)

@dagc.step()
async def later(x: float) -> float:
    return x

@dagc.graph(version="1.2.0", deadline_s=0.5)
def fraud(row: Row) -> Decision:
    return decision(allow=dagc.mean(score(row).label) > 0.5)

@dagc.graph
def plain(row: Row) -> Row:
    return row
"""


@pytest.fixture
def service(tmp_path: Path) -> Path:
    shim = tmp_path / "dagc"
    shim.mkdir()
    shutil.copy(PACKAGE / "runtime" / "shim" / "__init__.py", shim / "__init__.py")
    for shared in ("tensors.py", "unserved.py"):
        shutil.copy(PACKAGE / "dsl" / shared, shim / shared)
    shutil.copytree(PACKAGE / "resources", shim / "resources")
    (tmp_path / "graph.py").write_text(GRAPH)
    return tmp_path


def run(service: Path, text: str) -> str:
    """What a program prints that sees the service's folder before anything installed."""
    script = f"import sys; sys.path.insert(0, {str(service)!r}); import dagc, graph\n{text}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_steps_and_graphs_are_the_plain_functions(service: Path) -> None:
    text = (
        "print(graph.encode(0.5).tolist(), graph.decision is graph.Decision, graph.plain.__name__, dagc.__file__)"
    )
    assert run(service, text) == f"[0.5, 0.5, 0.5] True plain {service / 'dagc' / '__init__.py'}"


def test_an_async_step_stays_a_coroutine_function(service: Path) -> None:
    assert run(service, "import asyncio; print(asyncio.run(graph.later(2.0)))") == "2.0"


def test_annotations_read_requests_as_the_compiler_does(service: Path) -> None:
    text = (
        "from typing import get_type_hints\\nfrom pydantic import TypeAdapter\\n"
        "hints = get_type_hints(graph.fraud, include_extras=True)\\n"
        "print(TypeAdapter(hints['row']).validate_json('[1, 2.5, 3]').dtype)"
    ).replace("\\n", "\n")
    assert run(service, text) == "float32"


@pytest.mark.parametrize("call", ["graph.score(1)", "dagc.mean(1.0, 2.0)", "dagc.where(1, 2, 3)"])
def test_what_only_the_compiler_can_do_raises(service: Path, call: str) -> None:
    text = f"try:\n    {call}\nexcept RuntimeError as error:\n    print(error)"
    assert "was called in a built service, where only `main.py` runs the graph" in run(service, text)


@pytest.mark.parametrize("library", ["sklearn", "xgboost", "lightgbm", "torch"])
def test_imported_models_are_declared_without_their_library_and_without_calling_load(
    service: Path, library: str
) -> None:
    text = f"print(repr(dagc.{library}(graph.encode, {{'x': 1}}, returns=graph.Outputs, memory_mib=1)))"
    if library != "torch":
        text = text.replace("{'x': 1}", "inputs={'x': 1}")
    assert run(service, text) == f"<inert {library}(encode)>"


def test_every_public_name_of_the_language_is_there(service: Path) -> None:
    names = list(dagc.__all__)
    assert run(service, f"print(all(hasattr(dagc, name) for name in {names!r}))") == "True"


def test_a_refusal_keeps_its_reason_field_and_status(service: Path) -> None:
    text = "e = dagc.Refuse('too much', field='amount', status=409); print(e, e.field, e.status)"
    assert run(service, text) == "too much amount 409"


def test_names_python_asks_for_are_missing_as_they_should_be(service: Path) -> None:
    assert run(service, "print(hasattr(dagc, '__wrapped__'), hasattr(dagc, '_x'))") == "False False"
