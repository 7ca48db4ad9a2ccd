"""Graph files compiled, built and served, with the small models of the pages beside them."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from dagc.artifacts.write import write
from dagc.compile import Compilation, compile_file
from dagc.diagnostics import Report
from tests.dsl.user_files import MODELS
from tests.runtime.front.conftest import Process

HEAD = '''"""Rate rows."""

import asyncio
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

import dagc
from dagc import f32

Row = Annotated[NDArray[np.float32], f32(30)]
Score = Annotated[NDArray[np.float32], f32()]

scaler = dagc.onnx("models/scaler.onnx")
score = dagc.onnx("models/score.onnx")
'''

Compile = Callable[[str], Compilation]
Serve = Callable[[Compilation], Process]


@pytest.fixture(scope="module")
def compile_text(tmp_path_factory: pytest.TempPathFactory) -> Compile:
    def made(text: str) -> Compilation:
        folder = tmp_path_factory.mktemp("graph")
        (folder / "models").mkdir()
        for make in MODELS:
            (folder / "models" / f"{make.__name__}.onnx").write_bytes(make())
        (folder / "graph.py").write_text(HEAD + text)
        report = Report(str(folder))
        compilation = compile_file(folder / "graph.py", report, lambda words: None)
        assert {found.code for found in report.diagnostics} <= {"W0340", "W0501", "W0801"}
        assert {proof.verdict for proof in compilation.proofs} == {"equal"}
        return compilation

    return made


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    children: list[subprocess.Popen[str]] = []

    def served(compilation: Compilation) -> Process:
        out = tmp_path_factory.mktemp("out") / "build"
        write(compilation.tree, out)
        (folder,) = (out / "services").iterdir()
        child = subprocess.Popen(
            [sys.executable, "main.py", "--port", "0", "--drain-s", "0"],
            cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "ORT_DISABLE_TELEMETRY": "1", "DAGC_ACCESS_LOG": "off", "DAGC_WORKERS": "1"},
        )  # fmt: skip
        children.append(child)
        assert child.stdout is not None
        line = child.stdout.readline()
        assert " ready on http://127.0.0.1:" in line, child.communicate()
        return Process(child, int(line.rpartition(":")[2]))

    yield served
    for child in children:
        child.kill()
        child.communicate()
