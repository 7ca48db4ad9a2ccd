"""Branches in a graph body: regions with their captures, plain calls that run one of them, and what is refused."""

from collections.abc import Callable
from enum import Enum

import numpy as np
import pytest

import dagc
from dagc.diagnostics import CompileError
from dagc.evaluate.choosing import NoCase
from dagc.evaluate.evaluate import evaluate
from dagc.ir.printer import print_graph
from dagc.ir.verify import verify
from tests.dsl.conftest import Loads, Traces
from tests.dsl.user_files import HEADER

TYPES = """
@dagc.step
def kind(payment: Payment) -> Literal["small", "large"]:
    return "large" if payment.amount > 10 else "small"


@dagc.step
def weights(payment: Payment) -> tuple[float, float]:
    return payment.amount, 1.0


"""
GRAPHS = {
    "switch": """
@dagc.graph
def chosen(payment: Payment) -> tuple[Score, float]:
    row = encode(payment)
    value = dagc.switch(
        payment.country,
        {
            "DE": lambda: score(scaler(row)),
            "FR": lambda: score(row) * payment.amount,
        },
    )
    limit = dagc.switch(kind(payment), {"small": 0.5}, default=payment.amount)
    return value, limit
""",
    "route": """
def careful(row: Row) -> Score:
    return score(scaler(row))


@dagc.graph
def chosen(payment: Payment) -> Score:
    row = encode(payment)
    quick = score(row)
    return dagc.route(
        ((payment.amount > 100) & (payment.country == "DE"), lambda: careful(row)),
        (quick > 5, quick),
        otherwise=lambda: quick + 1,
    )
""",
    "cascade": """
@dagc.graph
def chosen(payment: Payment) -> Score:
    row = encode(payment)

    def big() -> Score:
        return dagc.mean(score(row), score(scaler(row)))

    return dagc.cascade(lambda: score(row), big, accept=lambda value: value > 50)
""",
    "split": """
@dagc.graph
def chosen(payment: Payment) -> tuple[float, float]:
    first, second = dagc.split(
        (0.5, lambda: weights(payment)), (0.5, lambda: (1.0, payment.amount)), key=payment.country, seed="a"
    )
    return first, second
""",
    "choices_nested": """
@dagc.graph
def chosen(payment: Payment) -> Score:
    row = encode(payment)

    def unsure() -> Score:
        twice = scaler(scaler(row))
        return dagc.route((payment.new, lambda: score(twice)), otherwise=lambda: score(twice) * payment.amount)

    return dagc.switch(payment.country, {"DE": unsure, "FR": lambda: score(row)})
""",
}


@pytest.mark.parametrize("name", GRAPHS)
def test_branches_become_arms_with_their_captures(
    load_text: Loads, golden: Callable[[str, str], None], name: str
) -> None:
    (traced,), report = load_text(TYPES + GRAPHS[name])
    assert not report.diagnostics, report
    verify(traced.graph)
    golden(f"{name}.txt", print_graph(traced.graph))


@pytest.mark.parametrize("name", GRAPHS)
def test_the_recorded_graph_answers_as_the_plain_call(load_text: Loads, name: str) -> None:
    (traced,), _ = load_text(TYPES + GRAPHS[name])
    for amount in (1.0, 8.0, 60.0, 200.0):
        for country in ("DE", "FR"):
            for new in (True, False):
                given = traced.arguments({"amount": amount, "country": country, "new": new})
                with traced.importable():
                    plain = traced.answer(traced.function(**given))
                    recorded = traced.answer(evaluate(traced.graph, given, store=traced.store, steps=traced.steps))
                assert recorded == plain


class Color(Enum):
    RED = "red"
    BLUE = "blue"


def test_a_plain_call_runs_the_branch_that_is_taken_and_no_other() -> None:
    def never() -> int:
        raise AssertionError("not taken")

    assert dagc.switch(Color.RED, {Color.RED: lambda: 1, Color.BLUE: never}) == 1
    assert dagc.switch(3, {1: never, (2, 3): lambda: 2}, default=never) == 2
    assert dagc.switch(4, {1: 1, (2, 3): 2}, default=9) == 9
    assert dagc.switch(np.array("a", object), {"a": lambda: 1, "b": never}) == 1  # type: ignore[type-var]
    assert dagc.route((False, never), (np.bool_(True), lambda: 2), otherwise=never) == 2
    assert dagc.route((False, 1), otherwise=3) == 3
    assert dagc.cascade(lambda: 0.95, never, accept=lambda score: score > 0.9) == 0.95
    assert dagc.cascade(lambda: 0.5, lambda: 0.7, accept=lambda score: score > 0.9) == 0.7
    assert dagc.split((0.0, never), (1.0, lambda: 4), key="anyone") == 4


def test_a_plain_call_with_a_value_without_a_case_fails() -> None:
    with pytest.raises(NoCase):
        dagc.switch("c", {"a": 1, "b": 2})


PLAIN: list[tuple[str, Callable[[], object]]] = [
    ("E0190", lambda: dagc.switch(1, {1: lambda wide: wide})),  # type: ignore[call-overload]
    ("E0191", lambda: dagc.switch(1, {})),
    ("E0191", lambda: dagc.switch(1.5, {1.5: 2})),
    ("E0191", lambda: dagc.route(otherwise=1)),
    ("E0191", lambda: dagc.split((0.5, 1), (0.5, 2))),  # type: ignore[call-overload]
    ("E0194", lambda: dagc.split((0.5, 1), (0.5, 2), key=2.5)),  # type: ignore[call-overload]
    ("E0195", lambda: dagc.route((np.zeros(3), 1), otherwise=2)),
    ("E0195", lambda: dagc.cascade(lambda: 1, lambda: 2, accept=lambda value: "yes")),
    ("E0308", lambda: dagc.route((True, 1))),  # type: ignore[call-overload]
    ("E0311", lambda: dagc.split((0.5, 1), (0.6, 2), key="a")),
]


@pytest.mark.parametrize(("code", "call"), PLAIN)
def test_a_plain_call_refuses_what_a_body_refuses(code: str, call: Callable[[], object]) -> None:
    with pytest.raises(CompileError) as refused:
        call()
    assert [found.code for found in refused.value.report.errors] == [code]


SWITCH = 'dagc.switch(payment.country, {"DE": %s, "FR": lambda: score(row)})'
MISTAKES = [
    ("E0190", SWITCH % "lambda wide: score(wide)", "give it no parameters"),
    ("E0190", SWITCH % "waiting", "without `await`"),
    ("E0190", SWITCH % "yielding", "return the whole value"),
    ("E0190", "dagc.cascade(score(row), lambda: score(row), accept=lambda s: s > 1)", "dagc.cascade(lambda"),
    ("E0190", "dagc.cascade(lambda: score(row), lambda: score(row), accept=lambda: True)", "one parameter"),
    ("E0191", "dagc.switch(payment.country)", "dagc.switch(payment.country, {"),
    ("E0191", "dagc.switch(payment.country, [lambda: score(row)])", "dagc.switch(payment.country, {"),
    ("E0191", "dagc.switch(payment.country, {None: lambda: score(row)})", "texts, whole numbers"),
    ("E0191", "dagc.route(payment.new, lambda: score(row), otherwise=lambda: score(row))", "dagc.route(("),
    ("E0191", "dagc.split((2, lambda: score(row)), key=payment.country)", "dagc.split(("),
    ("E0191", "dagc.split((1.0, lambda: score(row)), key=payment.country, seed=3)", 'seed="spring"'),
    ("E0191", "dagc.cascade(lambda: score(row), lambda: score(row))", "accept="),
    ("E0192", SWITCH % "lambda: None", "return a value of the graph"),
    ("E0192", SWITCH % "lambda: [score(row)]", "one tuple"),
    ("E0192", SWITCH % "lambda: classifier(row)", "one of them by name"),
    ("E0193", "(" + SWITCH % "lambda: KEPT.append(score(row)) or KEPT[-1]" + ", KEPT[-1] + 1)[1]", "return it"),
    ("E0194", "dagc.switch(payment.amount, {1: lambda: score(row)}, default=lambda: score(row))", "dagc.route"),
    ("E0194", "dagc.switch(row, {1: lambda: score(row)}, default=lambda: score(row))", "dagc.route"),
    ("E0194", "dagc.split((1.0, lambda: score(row)), key=payment.amount)", "key=payment.user_id"),
    ("E0195", "dagc.route((row > 1, lambda: score(row)), otherwise=lambda: score(row))", "compare"),
    ("E0195", "dagc.route((payment.amount, lambda: score(row)), otherwise=lambda: score(row))", "compare"),
    ("E0195", "dagc.cascade(lambda: score(row), lambda: score(row), accept=lambda s: s)", "compare"),
    ("E0304", SWITCH % "lambda: row", "same type"),
    ("E0304", SWITCH % "lambda: 'text'", "same type"),
    ("E0304", SWITCH % "lambda: (score(row), 1)", "as many values"),
    ("E0308", "dagc.route((payment.new, lambda: score(row)))", "otherwise="),
    ("E0311", "dagc.split((0.9, lambda: score(row)), (0.2, lambda: score(row)), key=payment.country)", "whole"),
]
BODY = """
KEPT = []


async def waiting():
    return 1


def yielding():
    yield 1


@dagc.graph
def wrong(payment: Payment) -> Score:
    row = encode(payment)
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
    assert {error.code for error in report.errors} == {code}


def test_a_type_that_differs_is_shown_at_its_branch(load_text: Loads) -> None:
    text = """
@dagc.graph
def wrong(payment: Payment) -> Score:
    row = encode(payment)
    return dagc.route(
        (payment.new, lambda: score(row)),
        (payment.amount > 3, lambda: scaler(row)),
        otherwise=lambda: score(scaler(row)),
    )
"""
    _, report = load_text(TYPES + text)
    (found,) = report.errors
    assert found.code == "E0304" and "rule 1 gives `f32[]`, rule 2 gives `f32[30]`" in found.message
    begin = (HEADER + TYPES + text).splitlines().index("        (payment.new, lambda: score(row)),") + 1
    assert {begin, begin + 1} <= {label.span.line for label in found.labels}


@pytest.mark.parametrize(
    ("code", "branch"),
    [
        ("E0141", "lambda: row if row[0] > 0 else score(row)"),
        ("E0150", "lambda: scaler(row) + len(f'{row}')"),
        ("E0160", "helper"),
    ],
)
def test_the_text_of_a_branch_is_part_of_the_body(load_text: Loads, code: str, branch: str) -> None:
    text = f"""
KEPT = encode


def helper() -> Decision:
    return Decision(allow=True, score=KEPT(Payment(amount=1, country="DE")))


@dagc.graph
def wrong(payment: Payment) -> Row:
    row = encode(payment)
    return dagc.switch(payment.country, {{"DE": {branch}, "FR": lambda: row}})
"""
    _, report = load_text(TYPES + text)
    assert [error.code for error in report.errors] == [code]


def test_two_branches_on_one_line_are_told_apart(load_text: Loads) -> None:
    text = """
@dagc.graph
def two(payment: Payment) -> Score:
    row = encode(payment)
    return dagc.split((0.5, lambda: score(row)), (0.5, lambda: score(scaler(row))), key=payment.country)
"""
    (traced,), _ = load_text(TYPES + text)
    first, second = (arm.span for node in traced.graph.nodes[-1:] for arm in node.op.arms)  # type: ignore[union-attr]
    assert first.line == second.line and first.column < second.column
