"""Nodes become stages with readable names; what no service can hold is refused with a code."""

import pytest

from dagc.diagnostics import CompileError
from dagc.ir.ops import ArgMax, AsTensor, Constant, Field, Item
from dagc.ir.types import DType, Record, RecordField, Scalar, Tensor, TupleOf
from dagc.plan.service_plan import Argument, CallStage, RunStage, ServicePlan, TogetherStage

FLOAT = Scalar("float")
ONE = Tensor(DType.F32, ())
PERSON = Record("Person", (RecordField("age", FLOAT),))


def endpoint(plan: ServicePlan):
    return plan.services[0].endpoints[0]


def codes(error: CompileError) -> list[str]:
    return [d.code for d in error.report.diagnostics]


def test_members_items_and_constants_fold_into_arguments(sketch, planned, model_facts):
    graph = (
        sketch({"person": PERSON})
        .add(Field("age"), "person", {"age": FLOAT})
        .add(AsTensor(DType.F32, ()), "age", {"packed": ONE})
        .model("score", "packed")
        .add(Item(), "score", {"number": FLOAT})
        .add(Constant((0.5,), FLOAT), "", {"half": FLOAT})
        .step("answer", "number half")
        .graph("answer")
    )
    run, call = endpoint(planned([graph], {"a": model_facts()})).stages
    assert isinstance(run, RunStage) and run.arguments == (Argument(name="person", path=("age",)),)
    assert run.targets == ("score_out0",) and run.lines == ("graph.py:12",)
    assert isinstance(call, CallStage)
    given = {"number": Argument(name="score_out0", item=True), "half": Argument(constant=0.5)}
    assert dict(call.arguments) == given


def test_a_constant_tensor_keeps_its_shape_and_dtype(sketch, planned):
    tensor = Tensor(DType.F64, (2, 2))
    made = sketch().add(Constant((1.0, 2.0, 3.0, 4.0), tensor), "", {"table": tensor})
    (call,) = endpoint(planned([made.step("a", "x table").graph("a")])).stages
    assert dict(call.arguments)["table"] == Argument(constant=[[1.0, 2.0], [3.0, 4.0]], dtype="f64")


def test_waits_become_one_stage_and_the_endpoint_says_so(sketch, planned):
    graph = sketch().step("a", waits=True).step("b", waits=True).step("c", "a b").graph("c")
    found = endpoint(planned([graph]))
    assert isinstance(found.stages[0], TogetherStage) and found.waits
    assert not endpoint(planned([sketch().step("a").graph("a")])).waits


def test_graphs_that_run_one_model_share_its_session(sketch, planned, model_facts):
    one = sketch(name="one").model("a", "x").graph("a")
    two = sketch(name="two").model("b", "x").graph("b")
    (service,) = planned([one, two], {"a": model_facts()}).services
    (session,) = service.sessions
    assert session.name == "score" and session.model == "models/score.onnx"
    assert {stage.session for e in service.endpoints for stage in e.stages} == {"score"}


def test_targets_follow_the_session_and_unread_ones_are_blank(sketch, planned, model_facts):
    graph = sketch().model("label chances", "x").step("answer", "chances").graph("answer")
    (run, _) = endpoint(planned([graph], {"a": model_facts(fetches=2)})).stages
    assert run.targets == ("_", "chances")


@pytest.mark.parametrize("name", ["print", "class", "match", "graph", "service", "together", "np"])
def test_no_variable_takes_a_keyword_a_builtin_or_a_module(sketch, planned, model_facts, name):
    made = sketch().step("row").model(name, "row")
    (_, run) = endpoint(planned([made.graph(name)], {"a": model_facts()})).stages
    assert run.targets != (name,) and run.targets[0].isidentifier()


def test_no_variable_is_called_as_a_step(sketch, planned):
    (call, _) = endpoint(planned([sketch().step("encode", of="encode").step("y", "encode").graph("y")])).stages
    assert call.targets == ("encode_result",)


def test_a_variable_keeps_the_users_name_and_the_session_yields(sketch, planned, model_facts):
    graph = sketch().step("score").model("answer", "score").graph("answer")
    plan = planned([graph], {"a": model_facts()})
    assert endpoint(plan).stages[0].targets == ("score",) and plan.services[0].sessions[0].name == "score_model"


def test_a_result_that_only_has_the_name_of_its_model_yields_to_the_session(sketch, planned, model_facts):
    plan = planned([sketch().model("score", "x").graph("score")], {"a": model_facts()})
    assert endpoint(plan).stages[0].targets == ("score_out0",)
    assert plan.services[0].sessions[0].name == "score"


def test_a_module_that_a_graph_or_parameter_hides_gets_another_name(sketch, planned):
    graph = sketch(name="fraud", module="fraud").graph("x")
    assert planned([graph]).services[0].modules == (("fraud", "fraud_module"),)
    graph = sketch({"graph": FLOAT}).graph("graph")
    assert planned([graph]).services[0].modules == (("graph", "graph_module"),)


def test_session_names_are_readable_unique_and_short(sketch, planned, model_facts):
    parts = tuple(f"stage number {n}" for n in range(20))
    made = sketch().model("a", "x", "a", ("Scaler", "mean")).model("b", "x", "b", ("scaler", "mean"))
    graph = made.model("c", "x", "c", parts).model("d", "x", "d", ("Ünï",)).graph("a b c d", TupleOf((ONE,) * 4))
    names = [s.name for s in planned([graph], dict.fromkeys("abcd", model_facts())).services[0].sessions]
    assert names == ["n", "scaler", "scaler_mean", "stage_number_0_to_stage_number_19"]


def test_arithmetic_names_a_session_only_where_it_has_no_models(sketch, planned, model_facts):
    made = sketch().model("a", "x", "a", ("cast", "mul")).model("b", "a", "b", ("cast", "score", "mean"))
    names = [s.name for s in planned([made.graph("b")], dict.fromkeys("ab", model_facts())).services[0].sessions]
    assert names == ["cast_mul", "score"]


def test_a_returned_tuple_is_told_from_a_step_that_returns_one(sketch, planned):
    pair = TupleOf((FLOAT, FLOAT))
    assert endpoint(planned([sketch().graph("x x", pair)])).returns_tuple
    stepped = sketch({"x": pair}).graph("x", pair)
    assert not endpoint(planned([stepped])).returns_tuple


def test_arguments_go_by_position_only_where_the_source_allows_it(sketch, planned):
    source = "def make_a(x, y): ...\nclass make_b: ...\ndef make_c(x, *, y): ...\ndef make_d(y, x): ...\n"
    made = sketch({"x": FLOAT, "y": FLOAT})
    for name in "abcd":
        made.step(name, "x y")
    stages = endpoint(planned([made.graph("a b c d", TupleOf((FLOAT,) * 4))], source=source)).stages
    assert [stage.positional for stage in stages] == [2, 0, 1, 0]


def test_annotations_are_the_users_own_behind_the_name_of_the_module(sketch, planned):
    source = "from typing import Annotated\nclass Row: ...\n"
    source += "def fraud(a: Row, b: list[Row] | None, c: float, d: Annotated[float, 1], e: Hidden)"
    source += " -> tuple[int, Row]: ..."
    graph = sketch(dict.fromkeys("abcde", FLOAT)).graph("a")
    found = endpoint(planned([graph], source=source))
    assert found.annotations == ("graph.Row", "list[graph.Row] | None", "float", "float", None)
    assert found.returns == "tuple[int, graph.Row]"


@pytest.mark.parametrize("name", ["_hidden", "größe", "service", "together", "np", "a" * 64, "x-y", "a b", "x\n"])
def test_a_graph_whose_name_no_route_or_main_py_can_hold_is_refused(sketch, planned, name):
    with pytest.raises(CompileError) as caught:
        planned([sketch(name=name).graph("x")])
    assert codes(caught.value) == ["E0510"]


def test_every_bad_name_is_reported_at_once(sketch, planned):
    one = sketch(name="one").graph("x")
    made = sketch({"together": FLOAT}, name="One", module="my-graph").step("a", "together", of="f.<locals>.g")
    with pytest.raises(CompileError) as caught:
        planned([one, made.graph("a")])
    assert codes(caught.value) == ["E0510"] * 4


@pytest.mark.parametrize("deadline_s", [0.0, -1.0, float("inf"), float("nan"), 1e9])
def test_a_deadline_that_cannot_be_kept_is_refused(sketch, planned, deadline_s):
    with pytest.raises(CompileError) as caught:
        planned([sketch(deadline_s=deadline_s).graph("x")])
    assert codes(caught.value) == ["E0511"]


def test_what_main_py_cannot_hold_is_refused_at_its_line_all_of_it(sketch, planned):
    made = sketch({"x": FLOAT, "row": Tensor(DType.F32, (3,)), "person": PERSON})
    made.add(Constant((float("inf"),), FLOAT), "", {"far": FLOAT})
    made.add(Constant(("\ud800",), Scalar("str")), "", {"half": Scalar("str")})
    made.add(ArgMax(0), "row", {"best": Tensor(DType.I64, ())})
    made.add(AsTensor(DType.F32, ()), "x", {"packed": ONE})
    made.add(Field("a b"), "person", {"odd": FLOAT})
    made.step("answer", "far half best packed odd")
    with pytest.raises(CompileError) as caught:
        planned([made.graph("answer")])
    assert codes(caught.value) == ["E0601"] * 5
    assert [d.span.line for d in caught.value.report.diagnostics] == [10, 11, 12, 13, 14]


def test_a_plan_comes_back_from_its_json(sketch, planned, model_facts):
    made = sketch().step("a", waits=True).step("b", waits=True).model("c", "a").step("d", "b c")
    plan = planned([made.graph("d")], {"a": model_facts()})
    assert ServicePlan.model_validate_json(plan.model_dump_json()) == plan
