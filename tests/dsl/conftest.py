"""A folder of the user's with small models, and ways to load or only to trace a graph text in it."""

from pathlib import Path
from typing import Protocol

import pytest

from dagc.diagnostics import Report
from dagc.dsl.graph import GraphFunction
from dagc.dsl.load import load
from dagc.dsl.traced import Traced
from dagc.dsl.tracing import trace
from dagc.dsl.user_folder import UserFolder, imported
from tests.dsl.user_files import HEADER, MODELS


class Loads(Protocol):
    def __call__(self, text: str, header: str = ...) -> tuple[tuple[Traced, ...], Report]: ...


class Traces(Protocol):
    def __call__(self, text: str) -> Report: ...


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    models = tmp_path / "models"
    models.mkdir()
    for make in MODELS:
        (models / f"{make.__name__}.onnx").write_bytes(make())
    (models / "corrupt.onnx").write_bytes(b"not a model")
    return tmp_path


@pytest.fixture
def load_text(folder: Path) -> Loads:
    """Loads a `graph.py` made of the header and a text."""

    def load_it(text: str, header: str = HEADER) -> tuple[tuple[Traced, ...], Report]:
        path = folder / "graph.py"
        path.write_text(header + text, encoding="utf-8")
        report = Report()
        return load(path, report), report

    return load_it


@pytest.fixture
def trace_text(folder: Path) -> Traces:
    """What running the bodies alone reports, without the rules about their text."""

    def trace_it(text: str) -> Report:
        file = folder.resolve() / "graph.py"
        file.write_text(HEADER + text, encoding="utf-8")
        report = Report(str(folder))
        user_folder = UserFolder(folder.resolve())
        with user_folder.opened():
            module = imported(file, user_folder, report)
            assert module is not None, report
            for value in list(vars(module).values()):
                if isinstance(value, GraphFunction):
                    trace(value, folder.resolve(), report)
        return report

    return trace_it
