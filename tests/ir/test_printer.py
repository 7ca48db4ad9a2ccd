from collections.abc import Callable

import pytest

from dagc.diagnostics import Span
from dagc.ir.printer import cited, print_graph
from dagc.ir.types import DType, Tensor
from tests.sample_graphs import SAMPLES, Sample, Sketch


@pytest.mark.parametrize("make", SAMPLES)
def test_graphs_print_as_a_person_reads_them(
    make: Callable[[], Sample], golden: Callable[[str, str], None]
) -> None:
    golden(f"{make.__name__}.txt", print_graph(make().graph))


def test_spans_are_cited_once_and_grouped_by_file() -> None:
    lines = [
        ("graph.py", 34),
        ("graph.py", 35),
        ("graph.py", 34),
        ("steps.py", 3),
        ("steps.py", 4),
        ("steps.py", 5),
    ]
    spans = [Span(file, line, column) for column, (file, line) in enumerate(lines, 1)]
    assert cited(spans) == "graph.py:34, 35, steps.py:3-5"


def test_a_long_constant_is_cut_short() -> None:
    sketch = Sketch("long")
    value = sketch.constant("table", Tensor(DType.F32, (100,)), *[0.5] * 100)
    assert "constant 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, ... (100 elements)" in print_graph(
        sketch.graph(value)
    )
