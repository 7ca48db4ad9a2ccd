"""The pages of the codes that rules raise: the bad example gives the code, the good one gives nothing."""

import re
from pathlib import Path

import numpy as np
import pytest
from onnx import helper

from dagc.check import check, check_endpoints
from dagc.diagnostics import CompileError, Report
from dagc.diagnostics.pages import page
from dagc.dsl.load import load
from tests.evaluate.tiny_models import FLOAT, INT64, STRING, Shape, free, model, scaler

CODES = (
    "E0201",
    "E0202",
    "E0203",
    "E0204",
    "E0205",
    "E0206",
    "E0207",
    "E0208",
    "E0301",
    "E0302",
    "E0303",
    "E0410",
    "W0209",
)


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model files that pages may use."""
    folder = tmp_path_factory.mktemp("pages")
    (folder / "models").mkdir()
    (folder / "models" / "scaler.onnx").write_bytes(scaler(30))
    (folder / "models" / "free.onnx").write_bytes(free())
    (folder / "models" / "columns.onnx").write_bytes(columns())
    (folder / "models" / "classifier.onnx").write_bytes(classifier())
    return folder


def columns() -> bytes:
    one: Shape = ["N", 1]
    nodes = [helper.make_node("Concat", ["age", "age"], ["probabilities"], axis=1)]
    inputs: list[tuple[str, int, Shape | None]] = [("age", FLOAT, one), ("country", STRING, one)]
    return model(nodes, inputs, [("probabilities", FLOAT, ["N", 2])])


def classifier() -> bytes:
    row: Shape = ["N", 30]
    nodes = [
        helper.make_node("MatMul", ["x", "weights"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
        helper.make_node("ArgMax", ["logits"], ["label"], axis=1, keepdims=0),
    ]
    outputs: list[tuple[str, int, Shape | None]] = [
        ("label", INT64, ["N"]),
        ("probabilities", FLOAT, ["N", 3]),
    ]
    return model(nodes, [("x", FLOAT, row)], outputs, {"weights": np.ones((30, 3), np.float32)})


def found(folder: Path, source: str) -> set[str]:
    file = folder / "graph.py"
    file.write_text(source)
    report = Report(str(folder))
    try:
        traced = load(file, report)
    except CompileError as error:
        return {d.code for d in error.report.diagnostics}
    for each in traced:
        check(each.graph, each.store, report)
    check_endpoints([each.graph for each in traced], report)
    return {d.code for d in report.diagnostics}


@pytest.mark.parametrize("code", CODES)
def test_the_bad_example_gives_its_code_and_the_good_one_nothing(code: str, models: Path) -> None:
    bad, good = re.findall(r"```python\n(.*?)```", page(code), re.DOTALL)
    assert found(models, bad) == {code}
    assert found(models, good) == set()
