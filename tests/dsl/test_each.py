"""`dagc.each`: one region however many items, explicit captures, a plain loop elsewhere, and its mistakes."""

from collections.abc import Callable

import numpy as np
import pytest

import dagc
from dagc.diagnostics import CompileError
from dagc.evaluate.evaluate import TooManyItems, evaluate
from dagc.ir.printer import print_graph
from dagc.ir.verify import verify
from tests.dsl.conftest import Loads, Traces
from tests.dsl.user_files import HEADER

TYPES = """
class Line(BaseModel):
    price: float
    tags: list[str] = []


class Cart(BaseModel):
    factor: float = 2.0
    lines: list[Line] = []
    rows: list[Row] = []
    maybe: list[Row] | None = None


@dagc.step
def row_of(line: Line, factor: float) -> Row:
    return np.full(30, line.price * factor, np.float32)


@dagc.step
async def size(tag: str) -> int:
    return len(tag)


@dagc.step
def longest(sizes: list[int], least: int) -> int:
    return max([*sizes, least])


@dagc.graph
def rated(row: Row) -> float:
    return score(scaler(row))


"""
GRAPHS = {
    "each": """
def read(line: Line) -> Score:
    row = row_of(line, 3.0)
    return score(row) * 2


@dagc.graph
def named(cart: Cart) -> list[Score]:
    scores = dagc.each(cart.lines, read, max_items=8)
    return scores
""",
    "each_captures": """
@dagc.graph
def captures(cart: Cart, row: Row) -> list[tuple[Score, float]]:
    base = score(row)
    return dagc.each(cart.lines, lambda line: (score(row_of(line, cart.factor)) - base, line.price), max_items=4)
""",
    "each_nested": """
@dagc.graph
def nested(cart: Cart, least: int) -> list[int]:
    return dagc.each(
        cart.lines,
        lambda line: longest(dagc.each(line.tags, lambda tag: size(tag), max_items=3), least),
        max_items=8,
    )
""",
    "each_of_a_callable": """
@dagc.graph
def callables(cart: Cart) -> tuple[list[Row], list[float], list[Row]]:
    plain = dagc.each(cart.rows, scaler, max_items=8)
    inlined = dagc.each(cart.rows, rated, max_items=8)
    return plain, inlined, dagc.each(cart.rows, lambda row: row, max_items=8)
""",
}


@pytest.mark.parametrize("name", GRAPHS)
def test_a_function_becomes_a_region_with_its_captures(
    load_text: Loads, golden: Callable[[str, str], None], name: str
) -> None:
    traced, report = load_text(TYPES + GRAPHS[name])
    assert not report.diagnostics, report
    graph = next(t.graph for t in traced if t.graph.name != "rated")
    verify(graph)
    golden(f"{name}.txt", print_graph(graph))


BODIES: dict[str, dict[str, object]] = {
    "each": {"lines": [{"price": 1.5}, {"price": -2.0}, {"price": 4.0}]},
    "each_captures": {"cart": {"lines": [{"price": 1.5}, {"price": -2.0}]}, "row": [0.5] * 30},
    "each_nested": {"cart": {"lines": [{"price": 1, "tags": ["a", "abc"]}, {"price": 2}]}, "least": 2},
    "each_of_a_callable": {"rows": [[1.0] * 30, [2.0] * 30]},
}


@pytest.mark.parametrize("name", GRAPHS)
def test_the_recorded_graph_answers_as_the_plain_call(load_text: Loads, name: str) -> None:
    traced, _ = load_text(TYPES + GRAPHS[name])
    found = next(t for t in traced if t.graph.name != "rated")
    arguments = found.arguments(BODIES[name])  # type: ignore[arg-type]
    with found.importable():
        plain = found.answer(found.function(**arguments))
        recorded = found.answer(evaluate(found.graph, arguments, store=found.store, steps=found.steps))
    assert recorded == plain
    assert plain


EMPTY = GRAPHS["each"]


def test_no_items_are_fine_and_too_many_are_refused_alike(load_text: Loads) -> None:
    (traced,) = (t for t in load_text(TYPES + EMPTY)[0] if t.graph.name == "named")
    world = {"store": traced.store, "steps": traced.steps}
    none = traced.arguments({})
    assert traced.function(**none) == evaluate(traced.graph, none, **world) == []  # type: ignore[arg-type]
    many = traced.arguments({"lines": [{"price": 1.0}] * 9})
    with pytest.raises(dagc.Refuse, match="at most 8 items are taken, more were given") as refused:
        traced.function(**many)
    assert refused.value.status == 422
    with pytest.raises(TooManyItems, match="at most 8 items are taken, more were given"):
        evaluate(traced.graph, many, **world)  # type: ignore[arg-type]


def test_a_plain_call_goes_through_whatever_holds_items() -> None:
    assert dagc.each((1, 2), lambda number: number + 1, max_items=2) == [2, 3]
    assert dagc.each([], lambda number: number, max_items=1) == []
    endless = iter(int, 1)
    with pytest.raises(dagc.Refuse):
        dagc.each(endless, lambda number: number, max_items=3)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("code", "call"),
    [
        ("E0170", lambda: dagc.each(np.zeros((2, 30)), lambda row: row, max_items=2)),
        ("E0170", lambda: dagc.each("text", lambda row: row, max_items=2)),
        ("E0170", lambda: dagc.each({"a": 1}, lambda row: row, max_items=2)),
        ("E0171", lambda: dagc.each([1], lambda row: row)),
        ("E0172", lambda: dagc.each([1], lambda row: row, max_items=0)),
        ("E0173", lambda: dagc.each([1], lambda: 1, max_items=1)),
    ],
)
def test_a_plain_call_refuses_what_a_body_refuses(code: str, call: Callable[[], object]) -> None:
    with pytest.raises(CompileError) as refused:
        call()
    assert [found.code for found in refused.value.report.errors] == [code]


MISTAKES = [
    ("E0170", "dagc.each(cart, lambda line: line, max_items=2)", "give it `cart.lines` or `cart.rows`"),
    ("E0170", "dagc.each(cart.maybe, scaler, max_items=2)", "decide in a step what the list is when it is `None`"),
    ("E0170", "dagc.each(cart.factor, scaler, max_items=2)", "give it a list: a parameter, a field"),
    ("E0170", "dagc.each([cart.lines, 2], scaler, max_items=2)", "[read(first), read(second)]"),
    ("E0171", "dagc.each(cart.rows, scaler)", "max_items=64"),
    ("E0171", "dagc.each(cart.rows, max_items=3)", "max_items=64"),
    ("E0171", "dagc.each(cart.rows, scaler, 3)", "max_items=64"),
    ("E0171", "dagc.each(cart.rows, scaler, max_items=3, by=2)", "max_items=64"),
    ("E0172", "dagc.each(cart.rows, scaler, max_items=0)", "write a constant"),
    ("E0172", "dagc.each(cart.rows, scaler, max_items=True)", "write a constant"),
    ("E0172", "dagc.each(cart.rows, scaler, max_items=2.0)", "write a constant"),
    ("E0172", "dagc.each(cart.rows, scaler, max_items=cart.factor)", "write a constant"),
    ("E0173", "dagc.each(cart.rows, lambda: scaler, max_items=2)", "give it one parameter"),
    ("E0173", "dagc.each(cart.rows, row_of, max_items=2)", "give it one parameter"),
    ("E0173", "dagc.each(cart.rows, scaler(cart.rows), max_items=2)", "dagc.each(crops"),
    ("E0173", "dagc.each(cart.rows, 3, max_items=2)", "dagc.each(crops"),
    ("E0173", "dagc.each(cart.rows, waiting, max_items=2)", "without `await`"),
    ("E0173", "dagc.each(cart.rows, yielding, max_items=2)", "return the whole value"),
    ("E0174", "(dagc.each(cart.rows, lambda row: KEPT.append(row * 2), max_items=2), KEPT[0] + 1)", "return it"),
    ("E0175", "dagc.each(cart.rows, lambda row: None, max_items=2)", "return a value of the graph"),
    ("E0175", "dagc.each(cart.rows, lambda row: [row], max_items=2)", "one tuple"),
    ("E0175", "dagc.each(cart.rows, lambda row: (row, (row, row)), max_items=2)", "one tuple"),
    ("E0175", "dagc.each(cart.rows, lambda row: {'a': 1}, max_items=2)", "one tuple"),
    ("E0175", "dagc.each(cart.rows, classifier, max_items=2)", "pass one of them by name"),
]
BODY = """
KEPT = []


async def waiting(row):
    return row


def yielding(row):
    yield row


@dagc.graph
def wrong(cart: Cart) -> list[Row]:
    return {call}
"""


@pytest.mark.parametrize(("code", "call", "help"), MISTAKES)
def test_a_mistake_has_its_code_its_line_and_a_proposal(
    trace_text: Traces, code: str, call: str, help: str
) -> None:
    report = trace_text(TYPES + BODY.replace("{call}", call))
    found = next(error for error in report.errors if error.code == code)
    lines = (HEADER + TYPES + BODY).splitlines()
    assert found.span is not None and found.span.line == 1 + lines.index("    return {call}")
    assert found.help is not None and help in found.help
    assert {error.code for error in report.errors} <= {code, "E0135", "E0175"}


def test_a_mistake_in_a_call_does_not_hide_the_next_one(trace_text: Traces) -> None:
    report = trace_text(
        TYPES
        + """
@dagc.graph
def wrong(cart: Cart) -> tuple[list[Row], list[Row], list[Row]]:
    first = dagc.each(cart.rows, scaler)
    second = dagc.each(cart.factor, scaler, max_items=3)
    return first, second, dagc.each(cart.rows, lambda row: scaler(row, row), max_items=3)
"""
    )
    assert [error.code for error in report.errors] == ["E0171", "E0170", "E0128"]


def test_a_value_of_one_region_means_nothing_in_another(trace_text: Traces) -> None:
    report = trace_text(
        TYPES
        + """
@dagc.graph
def wrong(cart: Cart) -> list[Row]:
    kept = []
    dagc.each(cart.rows, lambda row: kept.append(row) or row, max_items=3)
    return dagc.each(cart.rows, lambda row: row + kept[0], max_items=3)
"""
    )
    assert [error.code for error in report.errors] == ["E0174"]


@pytest.mark.parametrize(
    ("code", "function"),
    [
        ("E0141", "lambda row: row if row[0] > 0 else score(row)"),
        ("E0150", "lambda row: scaler(row) + len(f'{row}')"),
        ("E0151", "lambda row: row * float(row[0])"),
        ("E0140", "helper"),
    ],
)
def test_the_text_of_the_function_is_part_of_the_body(load_text: Loads, code: str, function: str) -> None:
    text = f"""
def helper(row):
    if row[0] > 0:
        return row
    return scaler(row)


@dagc.graph
def wrong(cart: Cart) -> list[Row]:
    return dagc.each(cart.rows, {function}, max_items=3)
"""
    _, report = load_text(TYPES + text)
    assert [error.code for error in report.errors] == [code]


def test_what_goes_through_a_list_is_told_of_each(load_text: Loads) -> None:
    text = """
@dagc.graph
def wrong(cart: Cart) -> list[Row]:
    return [scaler(row) for row in cart.rows]
"""
    _, report = load_text(TYPES + text)
    assert [error.code for error in report.errors] == ["E0153"]
    assert "dagc.each" in (report.errors[0].help or "")


def test_a_step_that_calls_it_is_told_to_loop_by_itself(load_text: Loads) -> None:
    text = """
@dagc.step
def looping(cart: Cart) -> list[float]:
    return dagc.each(cart.lines, lambda line: line.price, max_items=3)


@dagc.graph
def looped(cart: Cart) -> list[float]:
    return looping(cart)
"""
    (traced,) = (t for t in load_text(TYPES + text)[0] if t.graph.name == "looped")
    with pytest.raises(CompileError, match="E0121"):
        traced.function(**traced.arguments({}))
