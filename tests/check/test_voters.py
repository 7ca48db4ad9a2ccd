"""Votes and averages are about the same classes: by annotation, by size, and by what a model's file lists."""

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from dagc.check.rules import check
from dagc.diagnostics import Diagnostic, Report
from dagc.dsl.load import load
from dagc.models.labels import labels
from tests.dsl.user_files import HEADER, MODELS


def linear(classes: list[int] | list[str]) -> bytes:
    """`x` f32[N, 30] -> `label`, `probabilities` f32[N, classes], as scikit-learn's converter writes it."""
    kind = "classlabels_ints" if isinstance(classes[0], int) else "classlabels_strings"
    count = len(classes)
    node = helper.make_node(
        "LinearClassifier", ["x"], ["label", "raw"], domain="ai.onnx.ml", multi_class=1, post_transform="SOFTMAX",
        coefficients=[float(n % 7) / 7 for n in range(30 * count)], intercepts=[0.0] * count, **{kind: classes},
    )  # fmt: skip
    normal = helper.make_node("Normalizer", ["raw"], ["probabilities"], domain="ai.onnx.ml", norm="L1")
    return _model([node, normal], isinstance(classes[0], int), count)


def gathered(classes: list[str]) -> bytes:
    """As converters of other estimators write it: the position of the largest score, looked up in a constant."""
    count = len(classes)
    stored = [
        numpy_helper.from_array(np.random.default_rng(0).normal(size=(30, count)).astype(np.float32), "w"),
        numpy_helper.from_array(np.array(classes, object), "classes"),
        numpy_helper.from_array(np.array([-1], np.int64), "shape"),
    ]
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["probabilities"]),
        helper.make_node("ArgMax", ["probabilities"], ["at"], axis=1),
        helper.make_node("ArrayFeatureExtractor", ["classes", "at"], ["found"], domain="ai.onnx.ml"),
        helper.make_node("Reshape", ["found", "shape"], ["label"]),
    ]
    return _model(nodes, False, count, stored)


def _model(nodes, whole: bool, count: int, stored=()) -> bytes:
    label = TensorProto.INT64 if whole else TensorProto.STRING
    outputs = [
        helper.make_tensor_value_info("label", label, ["N"]),
        helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", count]),
    ]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 30])]
    graph = helper.make_graph(nodes, "g", inputs, outputs, list(stored))
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


FILES = {
    "three": linear([1, 2, 3]),
    "other_three": linear([1, 2, 4]),
    "turned": linear([3, 2, 1]),
    "words": linear(["a", "b"]),
    "same_words": gathered(["b", "a"]),
    "more_words": gathered(["a", "b", "c"]),
}
DECLARED = "\n".join(f'{name} = dagc.onnx("models/{name}.onnx")' for name in FILES)
TEXT = """
from enum import Enum


class Color(Enum):
    RED = "red"
    BLUE = "blue"


@dagc.step
def color(row: Row) -> Color:
    return Color.RED


@dagc.step
def word(row: Row) -> Literal["red", "blue", "green"]:
    return "red"


@dagc.step
def few(row: Row) -> Literal["blue", "red"]:
    return "red"


@dagc.step
def free(row: Row) -> str:
    return "red"


@dagc.graph
def rate(row: Row) -> {returns}:
    return {result}
"""


@pytest.fixture
def found(tmp_path: Path):
    (tmp_path / "models").mkdir()
    for make in MODELS:
        (tmp_path / "models" / f"{make.__name__}.onnx").write_bytes(make())
    for name, content in FILES.items():
        (tmp_path / "models" / f"{name}.onnx").write_bytes(content)

    def find(result: str) -> list[Diagnostic]:
        file = tmp_path / "graph.py"
        file.write_text(HEADER + DECLARED + TEXT.replace("{returns}", "float").replace("{result}", result))
        report = Report(str(tmp_path))
        for traced in load(file, report):
            check(traced.graph, traced.store, report)
        return [one for one in report.diagnostics if one.code not in ("E0201", "W0209")]

    return find


def test_a_classifiers_file_says_its_classes() -> None:
    assert labels(FILES["three"]) == {"label": (1, 2, 3), "probabilities": (1, 2, 3)}
    assert labels(FILES["same_words"]) == {"label": ("b", "a")}
    assert labels(MODELS[0]()) == {}


@pytest.mark.parametrize(
    "result",
    [
        "dagc.vote(three(row).label, turned(row).label)",
        "dagc.vote(words(row).label, same_words(row).label)",
        "dagc.vote(color(row), few(row))",
        "dagc.vote(word(row), free(row))",
        "dagc.mean(three(row).probabilities, three(row * 2).probabilities)[0]",
        "dagc.vote(dagc.argmax(three(row).probabilities), dagc.argmax(turned(row).probabilities))",
        "dagc.mean(score(row), score(row * 2))",
        "dagc.weighted((0.25, score(row)), (0.75, score(row * 2)))",
        "dagc.weighted((score(row), score(row)), (score(row), score(row * 2)))",
    ],
)
def test_voters_of_the_same_classes_are_fine(found, result: str) -> None:
    assert found(result) == []


@pytest.mark.parametrize(
    ("code", "result", "words"),
    [
        ("E0219", "dagc.vote(three(row).label, other_three(row).label)", "`1`, `2`, `4`"),
        ("E0219", "dagc.vote(words(row).label, more_words(row).label)", "`'c'`"),
        ("E0219", "dagc.vote(color(row), word(row))", "`'green'`"),
        ("E0219", "dagc.vote(few(row), word(row), free(row))", "`'green'`"),
        ("E0219", "dagc.mean(three(row).probabilities, turned(row).probabilities)[0]", "`3`, `2`, `1`"),
        ("E0219", "dagc.mean(three(row).probabilities[0], turned(row).probabilities[0])", "`3`"),
        (
            "E0219",
            "dagc.vote(dagc.argmax(words(row).probabilities), dagc.argmax(three(row).probabilities))",
            "`2`",
        ),
        ("E0185", "dagc.mean(three(row).label, turned(row).label)", "class label"),
        ("E0217", "dagc.weighted((0.5, score(row)), (0.6, score(row * 2)))", "0.5 + 0.6"),
        ("E0217", "dagc.weighted((2, score(row)), (1, score(row * 2)))", "sum to 3"),
    ],
)
def test_what_is_not_about_the_same_has_a_code(found, code: str, result: str, words: str) -> None:
    (one,) = found(result)
    assert one.code == code and words in f"{one.message} {' '.join(one.notes)}"
