"""Operations with arms: printed, written down and read again, verified, and walked as regions."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from dagc.ir.graph import Graph, Op, Quorum, Route, Split, Switch, ValueId
from dagc.ir.meeting import meeting
from dagc.ir.printer import print_graph
from dagc.ir.regions import captured, captures, own_inputs, regions, rewritten, waits, with_regions
from dagc.ir.serde import from_json, to_json
from dagc.ir.types import Choice, DType, ListOf, Optional, Scalar, Tensor, TupleOf, Type, Unknown
from dagc.ir.verify import IrError, verify
from tests.branching_graphs import BRANCHING, by_country, by_rule, by_share, choices_in_items, standing_arms
from tests.sample_graphs import Sample

Make = Callable[[], Sample]
over_graphs = pytest.mark.parametrize("make", BRANCHING)


@over_graphs
def test_arms_print_below_the_line_that_says_when_they_are_taken(
    make: Make, golden: Callable[[str, str], None]
) -> None:
    golden(f"{make.__name__}.txt", print_graph(make().graph))


@over_graphs
def test_a_graph_with_arms_verifies_and_survives_its_file_form(make: Make) -> None:
    graph = make().graph
    verify(graph)
    assert from_json(to_json(graph)) == graph


@over_graphs
def test_arms_capture_alike_and_can_be_exchanged(make: Make) -> None:
    for node in make().graph.nodes:
        for region in regions(node.op):
            assert [value.id for value in captured(region, node)] == list(captures(node))
        if regions(node.op):
            assert len(node.inputs) == own_inputs(node.op) + len(captures(node))
            assert with_regions(node.op, regions(node.op)) == node.op


@over_graphs
def test_a_rewrite_that_changes_nothing_gives_the_same_graph(make: Make) -> None:
    graph = make().graph
    assert rewritten(graph, lambda found: found) is graph


def test_what_stands_beside_others_waits_and_what_is_chosen_waits_as_its_arms_do() -> None:
    assert [waits(node) for node in standing_arms().graph.nodes] == [True, True, True]
    assert not any(waits(node) for node in by_country().graph.nodes)
    assert [waits(node) for node in choices_in_items().graph.nodes] == [True]


def changed(graph: Graph, change: Callable[[Op], Op]) -> Graph:
    return replace(graph, nodes=tuple(replace(n, op=change(n.op)) if regions(n.op) else n for n in graph.nodes))


def one_case_fewer(op: Op) -> Op:
    assert isinstance(op, Switch)
    return replace(op, cases=op.cases[:1], arms=op.arms)


def no_rule(op: Op) -> Op:
    assert isinstance(op, Route)
    return replace(op, arms=op.arms[:1])


def one_share(op: Op) -> Op:
    assert isinstance(op, Split)
    return replace(op, shares=(1.0,))


def other_type(op: Op) -> Op:
    (first, *rest) = regions(op)
    values = tuple(replace(v, type=Scalar("str")) if v.id in first.outputs else v for v in first.inputs)
    nodes = tuple(
        replace(
            n, outputs=tuple(replace(v, type=Scalar("str")) if v.id in first.outputs else v for v in n.outputs)
        )
        for n in first.nodes
    )
    return with_regions(op, [replace(first, inputs=values, nodes=nodes), *rest])


def no_output(op: Op) -> Op:
    (first, *rest) = regions(op)
    return with_regions(op, [replace(first, outputs=()), *rest])


def too_few_combines(op: Op) -> Op:
    return replace(op, combines=op.combines[:1]) if isinstance(op, Quorum) else op


@pytest.mark.parametrize(
    ("make", "change", "text"),
    [
        (by_country, one_case_fewer, "has 3 arms for 1 cases"),
        (by_rule, no_rule, "a route has two at least|its operation has"),
        (by_share, one_share, "has 2 arms for 1 shares"),
        (by_share, other_type, "does not give what the node does"),
        (by_share, no_output, "does not give what the node does"),
        (standing_arms, too_few_combines, "has 1 combines"),
    ],
)
def test_a_broken_choice_is_found(make: Make, change: Callable[[Op], Op], text: str) -> None:
    with pytest.raises(IrError, match=text):
        verify(changed(make().graph, change))


F32, ANY, N = DType.F32, None, "n"


@pytest.mark.parametrize(
    ("types", "wanted"),
    [
        ((Tensor(F32, (3,)), Tensor(F32, (3,))), Tensor(F32, (3,))),
        ((Tensor(F32, (3, N)), Tensor(F32, (3, 4))), Tensor(F32, (3, None))),
        ((Tensor(F32, (3,)), Tensor(F32, None)), Tensor(F32, None)),
        ((Tensor(F32, (3,)), Tensor(F32, (4,))), None),
        ((Tensor(F32, ()), Scalar("float")), None),
        ((Scalar("int"), Scalar("float"), Scalar("bool")), Scalar("float")),
        ((Choice(("a",)), Choice(("b", "a"))), Choice(("a", "b"))),
        ((Choice(("a",), "Color"), Choice(("b",), "Color")), None),
        ((Choice(("a",)), Scalar("str")), Scalar("str")),
        ((Scalar("int"), Optional(Scalar("int"))), Optional(Scalar("int"))),
        ((ListOf(Scalar("int")), ListOf(Scalar("float"))), ListOf(Scalar("float"))),
        ((TupleOf((Scalar("int"),)), TupleOf((Scalar("str"),))), None),
        ((Scalar("int"), Unknown()), Unknown()),
        ((Scalar("int"), Scalar("str"), Unknown()), None),
    ],
)
def test_types_meet_in_the_narrowest_that_all_of_them_are(types: tuple[Type, ...], wanted: Type | None) -> None:
    assert meeting(types) == wanted


def test_the_names_a_region_gives_its_captures_are_told_where_they_differ() -> None:
    graph = by_share().graph
    (node,) = graph.nodes
    first, second = regions(node.op)
    other = replace(second.inputs[0], id=ValueId("its_row"))
    inner = replace(second.nodes[0], inputs=(other.id,))
    renamed = with_regions(node.op, [first, replace(second, inputs=(other,), nodes=(inner,))])
    text = print_graph(replace(graph, nodes=(replace(node, op=renamed),)))
    assert "10 % with its_row: row:" in text
