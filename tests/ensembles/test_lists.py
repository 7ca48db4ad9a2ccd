"""Values of a body given to a step as a list or a tuple: what a quorum's step combines, and other lists."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dagc.compile import Compilation
from dagc.diagnostics import CompileError, Report
from dagc.frontend import check_file
from tests.ensembles.conftest import HEAD, Compile, Serve
from tests.ensembles.test_standing_runs import ask
from tests.runtime.front.conftest import Wire

pytestmark = [pytest.mark.ort, pytest.mark.port]

GRAPH = """
class Order(BaseModel):
    value: float = Field(ge=-100, le=100)
    act: str = Field(default="", max_length=8)


@dagc.step
def encode(order: Order) -> Row:
    return np.full(30, order.value, np.float32)


@dagc.step
def risky(order: Order) -> Row:
    if order.act == "raise":
        raise ValueError("a fault")
    return np.full(30, order.value, np.float32)


@dagc.step
def spread(answers: list[float], scale: float = 1.0) -> str:
    assert all(isinstance(answer, float) for answer in answers)
    return f"{len(answers)}: {(max(answers) - min(answers)) * scale:.2f}"


@dagc.step
def widths(rows: list[Row]) -> int:
    return sum(len(row) for row in rows)


@dagc.step
def ends(row: Row) -> tuple[float, float]:
    return float(row[0]), float(row[-1])


@dagc.step
def apart(pair: tuple[float, float], other: tuple[str, float]) -> float:
    assert type(pair) is tuple and type(other[1]) is float
    return pair[1] - pair[0] + other[1]


@dagc.step
def longest(rows: list[Row] | None = None, least: float | None = None) -> float:
    assert type(least) is float
    return max(least, *(float(row.max()) for row in rows or []))


@dagc.graph
def highest(rows: list[Row], least: float) -> float:
    return longest(rows, least)


@dagc.graph(deadline_s=30)
def polled(order: Order) -> str:
    row = encode(order)
    members = [lambda: score(row), lambda: score(scaler(row)), lambda: score(risky(order))]
    return dagc.quorum(members, need=2, within_s=20, combine=lambda found: spread(found))


@dagc.graph
def listed(order: Order) -> tuple[str, int, float]:
    row = encode(order)
    far = apart(ends(row), (order.act, score(row)))
    return spread([score(row), order.value, 0.5], scale=2.0), widths([row, scaler(row)]), far


@dagc.graph
def perhaps(order: Order) -> tuple[float, float]:
    row = encode(order)
    return longest([row, scaler(row)], score(row)), highest([row, row * 2.0], score(row))
"""


@pytest.fixture(scope="module")
def compilation(compile_text: Compile) -> Compilation:
    return compile_text(GRAPH)


@pytest.fixture(scope="module")
def wire(compilation: Compilation, serve: Serve) -> Iterator[Wire]:
    made = serve(compilation).wire()
    yield made
    made.close()


def test_main_py_writes_the_list(compilation: Compilation, golden: Callable[[str, str], None]) -> None:
    golden("lists_main.py.txt", compilation.tree.files["services/graph/main.py"].decode())


def test_a_step_combines_the_answers_that_came(wire: Wire) -> None:
    assert ask(wire, "polled", {"value": 4.0}) == (200, "3: 2.00", None)
    assert ask(wire, "polled", {"value": 4.0, "act": "raise"}) == (200, "2: 2.00", "polled.quorum=2/3")


def test_the_service_answers_as_the_plain_call(compilation: Compilation, wire: Wire) -> None:
    for traced in compilation.planned.traced:
        if traced.graph.name == "highest":
            continue  # asked through `perhaps`, which gives it its list
        plain = traced.function.__globals__[traced.graph.name]
        for body in ({"value": 4.0}, {"value": -3.5, "act": "raise"}):
            with traced.importable():
                wanted = traced.answer(plain(*traced.arguments(body).values()))
            assert ask(wire, traced.graph.name, body)[:2] == (200, json.loads(json.dumps(wanted)))


@pytest.mark.parametrize("given", ["[order.value, 'x']", "[]", "(order.value, 1.0)", "[scaler(encode(order))]"])
def test_a_list_of_other_things_is_refused(tmp_path: Path, given: str) -> None:
    steps = GRAPH.partition("@dagc.graph")[0]
    text = f"{steps}\n@dagc.graph\ndef rate(order: Order) -> str:\n    return spread({given})\n"
    (tmp_path / "models").mkdir()
    (tmp_path / "graph.py").write_text(HEAD + text.replace("scaler(encode(order))", "encode(order)"))
    report = Report(str(tmp_path))
    with pytest.raises(CompileError):
        check_file(tmp_path / "graph.py", report)
    assert {found.code for found in report.errors} <= {"E0138", "E0202"}
