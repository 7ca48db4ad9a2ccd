"""Expressions, returns, use, names and contracts; and many mistakes at once."""

from pathlib import Path
from typing import get_args

import pytest

from dagc.check import RULES, check, check_endpoints
from dagc.diagnostics import Diagnostic, Report, Span
from dagc.diagnostics.text import render
from dagc.ir.ops import ArgMax, Elementwise, Expression, Index, Softmax, TopK
from dagc.ir.types import Choice, DType, Optional, Tensor, TupleOf, Type, Unknown
from dagc.models.store import ModelStore
from tests.check.graphs import BOOL, FLOAT, INT, PAYMENT, STR, Building, codes, f32
from tests.evaluate.tiny_models import anything, scaler, score


def test_expressions_that_accept_their_operands_are_accepted() -> None:
    b = Building()
    x = b.input("x", f32(3))
    total = b.expression(Elementwise("add"), x, b.constant(1.0, FLOAT))
    assert b.found(b.expression(ArgMax(0), total)) == []


@pytest.mark.parametrize(
    ("op", "types", "code"),
    [
        (Elementwise("add"), (f32(3), f32(4)), "E0203"),
        (Elementwise("eq"), (f32(3), STR), "E0204"),
        (Index((5,)), (f32(3),), "E0205"),
        (ArgMax(1), (f32(3),), "E0205"),
        (TopK(4), (f32(3),), "E0205"),
        (Elementwise("add"), (PAYMENT, f32(3)), "E0207"),
        (Softmax(0), (Tensor(DType.I64, (3,)),), "E0204"),
    ],
    ids=str,
)
def test_an_expression_that_refuses_its_operands_is_reported_once(
    op: Expression, types: tuple[Type, ...], code: str
) -> None:
    assert isinstance(op, get_args(Expression))
    b = Building()
    result = b.expression(op, *(b.input(f"x{i}", type) for i, type in enumerate(types)))
    again = b.expression(Elementwise("neg"), result)
    (found,) = b.found(b.step("use", {"it": FLOAT}, BOOL, again))
    assert found.code == code
    assert {label.span.line for label in found.labels} == {10, 11, 9 + len(types) + 1}


def test_a_graph_that_returns_what_it_declares_is_accepted() -> None:
    b = Building()
    x = b.input("x", f32(3))
    y = b.input("y", INT)
    assert b.found(x, y, returns=TupleOf((f32("n"), FLOAT))) == []


@pytest.mark.parametrize(
    ("given", "declared"), [(f32(3), f32(4)), (STR, FLOAT), (Optional(FLOAT), FLOAT), (PAYMENT, STR)], ids=str
)
def test_another_result_than_declared_is_e0201_at_the_graph(given: Type, declared: Type) -> None:
    b = Building()
    (found,) = b.found(b.input("x", given), returns=declared)
    assert found.code == "E0201" and found.span == Span("graph.py", 1, 1, 1, 30)
    assert found.labels[1].text == f"`x` is {given}"


def test_each_wrong_item_of_a_tuple_is_one_error_and_a_wrong_length_is_one() -> None:
    b = Building()
    x, y = b.input("x", STR), b.input("y", STR)
    assert codes(b.found(x, y, returns=TupleOf((FLOAT, INT)))) == ["E0201", "E0201"]
    assert codes(b.found(x, y, returns=TupleOf((STR, STR, STR)))) == ["E0201"]
    assert codes(b.found(x, y, returns=STR)) == ["E0201"]


def test_a_returned_value_that_is_already_reported_is_silent() -> None:
    b = Building()
    assert b.found(b.input("x", Unknown()), returns=STR) == []


def test_a_parameter_nobody_reads_is_e0301_and_one_field_is_enough() -> None:
    b = Building()
    b.input("payment", PAYMENT)
    x = b.input("x", FLOAT)
    (found,) = b.found(x)
    assert (found.code, found.message) == ("E0301", "parameter `payment` of `fraud` is never used")
    used = Building()
    assert used.found(used.field(used.input("payment", PAYMENT), "amount", FLOAT)) == []


def test_every_unused_parameter_is_its_own_error() -> None:
    b = Building()
    for name in ("a", "b", "c"):
        b.input(name, FLOAT)
    assert codes(b.found(b.input("x", FLOAT))) == ["E0301"] * 3


def test_a_result_nobody_uses_is_e0302_at_the_last_link_of_its_chain() -> None:
    b = Building()
    x = b.input("x", f32(3))
    (scaled,) = b.model("scaler", scaler(), x)
    (risk,) = b.model("score", score(), scaled)
    b.step("decide", {"risk": f32()}, BOOL, risk)
    (found,) = b.found(x)
    assert (found.code, found.message) == ("E0302", "the result of `decide` is never used")


def test_an_unused_model_and_an_unused_expression_are_e0302_and_an_unused_field_is_not() -> None:
    b = Building()
    x = b.input("x", f32(3))
    b.field(b.input("payment", PAYMENT), "amount", FLOAT)
    b.model("scaler", scaler(), x)
    b.expression(Elementwise("neg"), x)
    assert codes(b.found(x)) == ["E0302", "E0302"]


def test_one_used_output_of_several_is_enough() -> None:
    b = Building()
    values, _ = b.node("top", TopK(2), (b.input("x", f32(3)),), (f32(2), Tensor(DType.I64, (2,))))
    assert b.found(values) == []


def test_use_is_not_judged_when_the_trace_has_found_mistakes() -> None:
    b = Building()
    b.input("payment", PAYMENT)
    report = Report()
    report.add(Diagnostic.at("E0206", "model `m` needs a column `age`", Span("graph.py", 5)))
    check(b.graph(b.input("x", FLOAT)), b.store, report)
    assert codes(list(report.errors)) == ["E0206"]


@pytest.mark.parametrize("name", ["_hidden", "größe", "a" * 64])
def test_a_name_that_cannot_be_a_route_is_e0303(name: str) -> None:
    b = Building()
    assert codes(b.found(b.input("x", FLOAT), name=name)) == ["E0303"]
    assert b.found("x", name="fraud_v2") == []


def test_two_graphs_on_one_route_are_e0303_at_the_second() -> None:
    b = Building()
    b.input("x", FLOAT)
    report = Report()
    check_endpoints([b.graph("x", name=name) for name in ("fraud", "other", "Fraud")], report)
    (found,) = report.errors
    assert found.code == "E0303" and found.message == "two graphs would be served at `/v1/Fraud`"


def test_a_contract_may_fix_what_the_model_leaves_open() -> None:
    b = Building()
    (kept,) = b.model("anything", anything(), b.input("x", f32(3)), types=(f32(2),))
    assert b.found(*b.model("score", score(2), kept)) == []


@pytest.mark.parametrize("declared", [f32(4), Tensor(DType.F64, (3,)), f32(3, 1)], ids=str)
def test_a_contract_the_model_contradicts_is_e0410(declared: Tensor) -> None:
    b = Building()
    (found,) = b.found(*b.model("scaler", scaler(), b.input("x", f32(3)), types=(declared,)))
    assert found.code == "E0410"
    assert found.message == f"output `scaled` of `scaler` is declared `{declared}`, but the model gives `f32[3]`"


def test_five_independent_mistakes_give_five_errors_in_source_order() -> None:
    b = Building()
    payment, row = b.input("payment", PAYMENT), b.input("row", f32(4))
    b.input("unused", INT)
    (scaled,) = b.model("scaler", scaler(3), row)
    summed = b.expression(Elementwise("add"), scaled, b.input("other", f32(5)))
    amount = b.step("check_amount", {"amount": FLOAT}, FLOAT, b.field(payment, "country", STR))
    b.step("log", {"amount": FLOAT}, FLOAT, amount)
    answer = b.step("decide", {"total": f32(3)}, STR, summed)
    found = b.found(answer, returns=STR)
    assert codes(found) == ["E0301", "E0203", "E0203", "E0202", "E0302"]
    assert len({(d.span, d.code) for d in found}) == 5


def test_a_choice_of_strings_is_a_string_and_not_a_number() -> None:
    b = Building()
    (found,) = b.found(b.step("decide", {"n": INT}, BOOL, b.input("c", Choice(("DE", "FR")))))
    assert found.code == "E0202"


def test_every_rule_says_nothing_about_an_empty_store_and_a_graph_of_nothing() -> None:
    b = Building()
    graph = b.graph(b.input("x", FLOAT))
    assert [list(rule(graph, ModelStore())) for rule in RULES] == [[]] * len(RULES)


def test_the_frame_of_a_shape_error_reads_like_rustc(tmp_path: Path) -> None:
    b = Building()
    b.line = 1
    payment = b.input("payment", PAYMENT)
    row = b.step("encode", {"payment": PAYMENT}, f32(30), payment)
    (risk,) = b.model("boosted", score(32), row)
    source = (
        "@dagc.graph\ndef fraud(payment: Payment) -> Score:\n    row = encode(payment)\n    r = boosted(row)\n"
    )
    (tmp_path / "graph.py").write_text(source)
    report = Report(str(tmp_path))
    check(b.graph(risk), b.store, report)
    assert render(report, cwd=tmp_path, color=False).splitlines()[:6] == [
        "error[E0203]: shapes do not agree on `encode -> boosted`",
        " --> graph.py:4:11",
        "  |",
        "3 |     row = encode(payment)",
        "  |           ------------- produces f32[30]",
        "4 |     r = boosted(row)",
    ]
