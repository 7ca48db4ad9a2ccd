"""What a body becomes: goldens of whole graphs, conversions made visible, graphs inside graphs."""

from collections.abc import Callable

import pytest

from dagc.evaluate.evaluate import evaluate
from dagc.ir.printer import print_graph
from dagc.ir.verify import verify
from tests.dsl.conftest import Loads

GRAPHS = {
    "pipeline": """
@dagc.graph(version="1.2.0", deadline_s=0.2)
def fraud(payment: Payment) -> Decision:
    row = scaler(encode(payment))
    return decide(payment, score(row))
""",
    "arithmetic": """
@dagc.graph
def blended(payment: Payment) -> Score:
    row = encode(payment)
    first = dagc.weighted((0.7, score(row)), (0.3, score(scaler(row))))
    second = dagc.clip((first - 0.5) * payment.amount ** 2, 0.0, 1.0)
    return dagc.where((second > 0.2) & (payment.country == "DE"), second, -first)
""",
    "shapes": """
@dagc.graph
def shapes(payment: Payment) -> Score:
    row = encode(payment)[:3]
    both = dagc.concat(row, dagc.stack(row[0], row[-1]))
    values, places = dagc.top_k(dagc.softmax(both), 2)
    ints = dagc.cast(places, "f32") + dagc.argmax(both)
    return dagc.total(values + ints) / dagc.average(dagc.normalise(both, axis=0))
""",
    "several_outputs": """
class Classes(NamedTuple):
    probabilities: Annotated[NDArray[np.float32], f32(3)]
    label: Annotated[NDArray[np.int64], i64()]


named = dagc.onnx("models/classifier.onnx", returns=Classes)


@dagc.step
def split(row: Row) -> tuple[Row, Row]:
    return row, row + 1


@dagc.graph
def several(payment: Payment) -> tuple[Annotated[NDArray[np.float32], f32(3)], int]:
    left, right = split(encode(payment))
    probabilities, label = named(left)
    return probabilities + classifier(right).probabilities, label
""",
    "columns": """
class Person(BaseModel):
    age: float
    country: Literal["DE", "FR"]
    name: str


columns = dagc.onnx("models/columns.onnx")


@dagc.graph
def by_columns(person: Person, factor: float = 2.0) -> Annotated[NDArray[np.float32], f32(2)]:
    return columns(person) * factor + columns(age=person.age * 2, country="DE")
""",
    "record_and_items": """
class Person(BaseModel):
    age: float
    country: Literal["DE", "FR"]


class Classes(NamedTuple):
    label: int
    probabilities: Annotated[NDArray[np.float32], f32(3)]


columns = dagc.onnx("models/columns.onnx")
classes = dagc.onnx("models/classifier.onnx", returns=Classes)


@dagc.step
def named(label: int, both: Annotated[NDArray[np.float32], f32(2)]) -> str:
    return f"{label:d} {both[0]}"


@dagc.graph
def items(person: Person, payment: Payment) -> str:
    both = columns(person)
    label = classes(encode(payment)).label
    return named(label, both)
""",
    "inlined": """
@dagc.graph
def rate(row: Row, factor: float = 2.0) -> float:
    return score(row) * factor


@dagc.graph
def outer(payment: Payment) -> Decision:
    row = encode(payment)
    return decide(payment, rate(row) + rate(scaler(row), factor=0.5))
""",
}
REQUESTS = {
    "columns": {"person": {"age": 3, "country": "DE", "name": "A"}},
    "record_and_items": {"person": {"age": 3, "country": "DE"}, "payment": {"amount": 2, "country": "FR"}},
    "inlined": {"amount": 2, "country": "FR"},
}


@pytest.mark.parametrize("name", GRAPHS)
def test_a_body_becomes_this_graph(load_text: Loads, golden: Callable[[str, str], None], name: str) -> None:
    traced, report = load_text(GRAPHS[name])
    assert not report.diagnostics, report.diagnostics
    for each in traced:
        verify(each.graph)
    golden(f"{name}.txt", "\n".join(print_graph(each.graph) for each in traced))


@pytest.mark.parametrize("name", GRAPHS)
def test_the_recorded_graph_answers_as_the_plain_call(load_text: Loads, name: str) -> None:
    traced, _ = load_text(GRAPHS[name])
    each = traced[-1]
    arguments = each.arguments(REQUESTS.get(name, {"amount": 0.75, "country": "DE"}))
    with each.importable():
        recorded = evaluate(each.graph, arguments, store=each.store, steps=each.steps)
        plain = plain_call(each.function, arguments)
    assert each.answer(recorded) == each.answer(plain)


def plain_call(function: Callable[..., object], arguments: object) -> object:
    import sys

    decorated = getattr(sys.modules["graph"], function.__name__)
    return decorated(**arguments)  # type: ignore[arg-type]


def test_a_value_is_named_after_its_variable_and_numbered_when_taken(load_text: Loads) -> None:
    traced, _ = load_text("""
@dagc.graph
def renamed(row: Row) -> Score:
    row = scaler(row)
    row = scaler(row)
    return score(row)
""")
    assert [value.id for value in traced[0].graph.values()] == ["row", "row_2", "row_3", "score"]


def test_inputs_know_their_place(load_text: Loads) -> None:
    traced, _ = load_text(GRAPHS["pipeline"])
    span = traced[0].graph.inputs[0].span
    assert span is not None
    assert (span.end_line - span.line, span.column, span.end_column) == (0, 11, 27)


def test_mismatched_types_are_left_to_the_check_room(load_text: Loads) -> None:
    traced, report = load_text("""
@dagc.graph
def mismatch(row: Row) -> Score:
    return score(row + np.ones(29, np.float32)) + row
""")
    assert not report.diagnostics
    assert [str(value.type) for value in traced[0].graph.values()][2] == "?"


def test_what_is_computed_of_constants_is_a_constant(load_text: Loads) -> None:
    traced, report = load_text("""
@dagc.graph
def constants(row: Row) -> Score:
    return score(row) * dagc.mean(1.0, 2.0) + dagc.total(np.ones(3, np.float32))
""")
    assert not report.diagnostics
    assert [type(node.op).__name__ for node in traced[0].graph.nodes] == [
        "RunModel", "Constant", "Elementwise", "Constant", "Elementwise",
    ]  # fmt: skip
