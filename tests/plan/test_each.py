"""Regions in the plan: functions with names of their own, captures by closure, waits that overlap with others."""

import pytest

from dagc.diagnostics import CompileError, Span
from dagc.ir.graph import Each, Graph, Node, NodeName, Value, ValueId
from dagc.ir.ops import CallStep, Constant, Field, Item, ModelKey, RunModel
from dagc.ir.types import DType, ListOf, Record, RecordField, Scalar, Tensor
from dagc.plan.make_plan import Compiled, make_plan
from dagc.plan.service_plan import Argument, EachStage, ServicePlan, TogetherStage
from dagc.plan.sessions import ModelFacts
from tests.plan.conftest import facts

FLOAT, ONE = Scalar("float"), Tensor(DType.F32, ())
FLOATS = ListOf(FLOAT)
CART = Record("Cart", (RecordField("lines", ListOf(FLOAT)), RecordField("factor", FLOAT)))
KEY = ModelKey("a" * 64)


def value(name: str, type=FLOAT) -> Value:
    return Value(ValueId(name), type)


def node(name: str, op, inputs: str, *outputs: Value, line: int = 10) -> Node:
    return Node(
        NodeName(name), op, tuple(map(ValueId, inputs.split())), outputs, (Span("graph.py", line, 1, line, 9),)
    )


def step(name: str, *parameters: str, waits: bool = False) -> CallStep:
    return CallStep("graph", name, parameters, (FLOAT,) * len(parameters), waits)


def region(name: str, item: str, nodes: list[Node], output: str, *captures: Value, line: int = 12) -> Graph:
    inputs = (value(item), *captures)
    return Graph(name, inputs, tuple(nodes), (ValueId(output),), FLOAT, Span("graph.py", line, 1, line, 9))


def cart_graph(*nodes: Node, outputs: str, returns=FLOATS) -> Graph:
    lines = node("lines", Field("lines"), "cart", value("cart_lines", ListOf(FLOAT)))
    found = tuple(map(ValueId, outputs.split()))
    return Graph("shop", (value("cart", CART),), (lines, *nodes), found, returns, Span("graph.py", 9, 1, 9, 9))


def plan(graph: Graph, models: dict[ModelKey, ModelFacts] | None = None) -> ServicePlan:
    compiled = Compiled(graph, "cart", {"type": "object"}, {"type": "array"})
    return make_plan([compiled], models or {}, {"graph.py": b""}, dagc_version="0.1.0")


def stages(graph: Graph, models: dict[ModelKey, ModelFacts] | None = None):
    made = plan(graph, models)
    assert ServicePlan.model_validate_json(made.model_dump_json()) == made
    return made.services[0].endpoints[0].stages


def fold(name: str = "each_line", item: str = "line") -> Each:
    """A model on the item, a captured member and a captured constant."""
    nodes = [
        node("factor", Field("factor"), "cart", value("cart_factor"), line=13),
        node(
            "run", RunModel(KEY, ("in0", "in1"), ("out0",), ("score",)), f"{item} half", value("out", ONE), line=13
        ),
        node("item", Item(), "out", value("number"), line=13),
        node("price", step("price", "score", "by"), "number cart_factor", value("price"), line=14),
    ]
    return Each(region(name, item, nodes, "price", value("cart", CART), value("half")), 8)


def both(first: Each, second: Each) -> Graph:
    return cart_graph(
        node("half", Constant((0.5,), FLOAT), "", value("half")),
        node("first", first, "cart_lines cart half", value("prices", ListOf(FLOAT))),
        node("second", second, "cart_lines cart half", value("line", ListOf(FLOAT))),
        node("join", CallStep("graph", "join", ("a", "b"), (ListOf(FLOAT),) * 2), "prices line", value("all")),
        outputs="all",
        returns=FLOAT,
    )


def test_a_region_is_a_function_of_the_item_that_sees_its_captures_as_they_are_written_outside() -> None:
    first, _, _ = stages(both(fold(), fold("again")), {KEY: facts(2)})
    assert isinstance(first, EachStage)
    assert (first.target, first.function, first.max_items, first.waits) == ("prices", "each_line", 8, False)
    assert first.items == Argument(name="cart", path=("lines",))
    run, call = first.stages
    assert run.arguments == (Argument(name=first.item), Argument(constant=0.5))
    assert dict(call.arguments)["by"] == Argument(name="cart", path=("factor",))
    assert dict(call.arguments)["score"].item
    assert first.result == (Argument(name=call.targets[0]),)
    assert (first.line, first.lines) == ("graph.py:12", ("graph.py:10",))


def test_functions_have_names_of_their_own_and_their_variables_hide_nothing_outside() -> None:
    first, second, _ = stages(both(fold(), fold()), {KEY: facts(2)})
    assert [first.function, second.function] == ["each_line", "each_line_2"]
    assert first.item == second.item == "line_item"  # `line` is what the second one makes
    outside = {"cart", "prices", "line", "score", "price", "join", "each_line", "each_line_2"}
    for stage in (first, second):
        inside = {stage.item, *(target for one in stage.stages for target in one.targets)}
        assert not inside & outside
        assert len(inside) == 3


def test_one_session_serves_regions_and_the_graph_around_them() -> None:
    service = plan(both(fold(), fold("again")), {KEY: facts(2)}).services[0]
    (session,) = service.sessions
    assert session.lines == ("graph.py:13",)
    assert service.modules == (("graph", "graph"),)


def waiting(name: str) -> Each:
    nodes = [node(f"fetch_{name}", step("fetch", "key", waits=True), name, value(f"{name}_found"), line=13)]
    return Each(region(f"each_{name}", name, nodes, f"{name}_found"), 3)


def test_what_waits_for_items_waits_together_with_the_rest() -> None:
    graph = cart_graph(
        node("a", waiting("a"), "cart_lines", value("as", ListOf(FLOAT))),
        node("b", step("fetch", "key", waits=True), "cart", value("b")),
        node("c", waiting("c"), "cart_lines", value("cs", ListOf(FLOAT))),
        node("d", step("done", "a", "b", "c"), "as b cs", value("d")),
        outputs="d",
        returns=FLOAT,
    )
    made = plan(graph).services[0].endpoints[0]
    together, _ = made.stages
    assert made.waits
    assert isinstance(together, TogetherStage)
    assert [one.kind for one in together.calls] == ["each", "call", "each"]
    assert all(one.waits for one in together.calls)
    inner = together.calls[0]
    assert isinstance(inner, EachStage)
    assert (inner.target, inner.stages[0].kind) == ("as_result", "call")  # `as` is a keyword


def test_a_region_in_a_region_is_a_function_in_a_function() -> None:
    inner = Each(region("each_b", "b", [node("s", step("price", "x"), "b", value("s"))], "s"), 3)
    listed = Graph(
        "each_a",
        (value("a", ListOf(FLOAT)),),
        (node("inner", inner, "a", value("ss", ListOf(FLOAT))),),
        (ValueId("ss"),),
        ListOf(FLOAT),
        Span("graph.py", 12, 1, 12, 9),
    )
    lists = Record("Cart", (RecordField("lines", ListOf(ListOf(FLOAT))),))
    graph = Graph(
        "shop",
        (value("cart", lists),),
        (
            node("lines", Field("lines"), "cart", value("cart_lines", ListOf(ListOf(FLOAT)))),
            node("outer", Each(listed, 2), "cart_lines", value("sss", ListOf(ListOf(FLOAT)))),
        ),
        (ValueId("sss"),),
        ListOf(ListOf(FLOAT)),
        Span("graph.py", 9, 1, 9, 9),
    )
    (outer,) = stages(graph)
    (nested,) = outer.stages
    assert isinstance(nested, EachStage)
    assert nested.items == Argument(name="a") and outer.result == (Argument(name=nested.target),)


def test_a_value_main_py_cannot_hold_is_refused_in_a_region_too() -> None:
    nodes = [
        node("big", Constant((float("inf"),), FLOAT), "", value("big"), line=13),
        node("price", step("price", "x", "by"), "line big", value("price")),
    ]
    graph = cart_graph(
        node(
            "each", Each(region("each_line", "line", nodes, "price"), 3), "cart_lines", value("p", ListOf(FLOAT))
        ),
        outputs="p",
    )
    with pytest.raises(CompileError, match="E0601"):
        plan(graph)


@pytest.mark.parametrize("name", ["each", "together"])
def test_a_parameter_may_not_hide_what_main_py_calls(name: str) -> None:
    graph = Graph("shop", (value(name),), (), (ValueId(name),), FLOAT, Span("graph.py", 9, 1, 9, 9))
    with pytest.raises(CompileError, match="E0510"):
        plan(graph)
