"""Fusions that are wrong, planted one at a time: the proof refuses each, also where no answer shows it."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from pydantic import JsonValue

from dagc.evaluate.equivalence import Case, Expected, prove
from dagc.evaluate.inputs import requests_beside
from dagc.evaluate.jsonable import jsonable
from dagc.evaluate.thresholds import thresholds
from dagc.evaluate.verdict import Equivalence
from dagc.ir.graph import Each, Graph, Node, Split
from dagc.ir.ops import Elementwise, RunModel
from dagc.ir.regions import regions, with_regions
from dagc.models.store import ModelStore
from dagc.passes.pipeline import run
from tests.branching_graphs import by_country, by_rule, by_share
from tests.evaluate.test_evaluate import FLOAT, graph, node, step, steps, value
from tests.sample_graphs import Sample, Sketch, for_items, two_waits

pytestmark = pytest.mark.ort

Wrong = Callable[[Node, ModelStore], Node]


def proof(sample: Sample, wrong: Wrong | None = None, cases: list[Case] | None = None) -> Equivalence:
    fused = run(sample.graph, sample.store).graph
    form = _rewritten(fused, wrong, sample.store) if wrong else fused
    assert (form != fused) is bool(wrong)
    cases = cases or [Case(f"case {n}", arguments) for n, arguments in enumerate(sample.arguments)]
    return prove(sample.graph, form, cases, store=sample.store, steps=sample.steps, encode=jsonable)


def _rewritten(form: Graph, wrong: Wrong, store: ModelStore) -> Graph:
    inner = [
        replace(each, op=with_regions(each.op, [_rewritten(region, wrong, store) for region in regions(each.op)]))
        for each in form.nodes
    ]
    return replace(form, nodes=tuple(wrong(each, store) for each in inner))


def turned(each: Node, _: ModelStore) -> Node:
    return replace(each, op=replace(each.op, arms=each.op.arms[::-1])) if isinstance(each.op, Split) else each


def one_item(each: Node, _: ModelStore) -> Node:
    return replace(each, op=replace(each.op, max_items=1)) if isinstance(each.op, Each) else each


def reached_too(each: Node, _: ModelStore) -> Node:
    return replace(each, op=Elementwise("ge")) if each.op == Elementwise("gt") else each


def heavier(part: str, by: float = 1.001) -> Wrong:
    """The weights of one model are a little off."""

    def change(each: Node, store: ModelStore) -> Node:
        if not isinstance(each.op, RunModel) or part not in each.op.parts:
            return each
        proto = onnx.load_model_from_string(store.get(each.op.model))
        for tensor in proto.graph.initializer:
            weights = numpy_helper.to_array(tensor)
            if weights.dtype.kind == "f":
                tensor.CopyFrom(numpy_helper.from_array((weights * by).astype(weights.dtype), tensor.name))
        return replace(each, op=replace(each.op, model=store.add(proto.SerializeToString())))

    return change


def other_argument(each: Node, _: ModelStore) -> Node:
    return replace(each, inputs=("row",)) if each.name == "recorded" else each


WRONG: dict[str, tuple[Callable[[], Sample], Wrong]] = {
    "weights": (by_country, heavier("france")),
    "the rarer share": (by_share, heavier("canary")),
    "shares the other way round": (by_share, turned),
    "an item too many": (for_items, one_item),
    "what a step is asked": (two_waits, other_argument),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_fusion_is_refused(name: str) -> None:
    make, wrong = WRONG[name]
    assert {failure.code for failure in proof(make(), wrong).failures} == {"E0801"}


def asked_beside(sample: Sample) -> list[Case]:
    """Requests beside what `by_rule` compares its amount with."""
    schema: JsonValue = {"properties": {"amount": {"type": "number"}}, "required": ["amount"]} | {"type": "object"}
    row = sample.arguments[0]["row"]
    drawn = requests_beside(thresholds(sample.graph), schema, 16, seed=0)
    return [Case(f"beside {n}", {"row": row, **body}) for n, body in enumerate(drawn) if isinstance(body, dict)]


def test_a_wrong_boundary_is_found_by_requests_beside_it() -> None:
    sample = by_rule()
    assert thresholds(sample.graph) == (0.5, 0.6) and thresholds(by_country().graph) == ("DE", "FR")
    assert not proof(sample, reached_too).failures
    assert proof(by_rule(), reached_too, asked_beside(sample)).failures


def test_arms_that_no_case_took_are_told_at_their_line() -> None:
    sample = by_rule()
    low = Case("low", {"row": np.zeros(4, np.float32), "amount": -1.0})
    high = Case("high", {"row": np.zeros(4, np.float32), "amount": 1.0})
    (found,) = (each for each in proof(sample, cases=[high]).diagnostics() if "rule 2" in each.message)
    assert (found.code, found.message) == (
        "W0805",
        "no case of the proof took `if rule 2`, `otherwise` of `dagc.route`",
    )
    assert found.span == next(each.spans[0] for each in sample.graph.nodes if each.name == "found")
    assert any(arm.what.startswith("`if rule 1`") for arm in proof(sample, cases=[low]).untaken)
    empty = proof(for_items(), cases=[Case("none", {**for_items().arguments[0], "rows": []})])
    assert [arm.what for arm in empty.untaken] == ["the body of `dagc.each`"]
    assert not proof(by_rule(), cases=[replace(high, on_boundary=True)]).sensitivity.examined
    assert not proof(by_share()).untaken


def test_one_is_not_one_point_zero_and_null_is_an_answer_too() -> None:
    whole = graph([value("x", FLOAT)], [node("f", step("f", "x", FLOAT), "x", value("y", FLOAT))], "y", FLOAT)
    other = graph([value("x", FLOAT)], [node("g", step("g", "x", FLOAT), "x", value("y", FLOAT))], "y", FLOAT)
    called = steps(f=lambda x: 1, g=lambda x: 1.0)
    cases = [Case("one", {"x": 0.0}, Expected(1.0)), Case("nothing", {"x": 0.0}, Expected(None))]
    found = prove(whole, other, cases, store=ModelStore(), steps=called, encode=jsonable).failures
    assert [(failure.code, failure.case) for failure in found] == [
        ("E0801", "one"), ("E0801", "nothing"), ("E0802", "nothing")
    ]  # fmt: skip


def test_what_is_computed_in_doubles_only_is_compared_as_doubles() -> None:
    s = Sketch("doubled")
    sample = s.sample(s.op("mul", s.input("amount", FLOAT), s.constant("two", FLOAT, 2.0), out="doubled"))
    assert [tolerance.applies_to for tolerance in proof(sample).tolerances[1:]] == ["f64"]
    assert proof(sample, heavier("mul", by=1 + 1e-8)).failures
