"""Regions: what walks them, what rewrites them, and what a graph that owns some must keep."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from dagc.ir.edit import substitute, with_nodes
from dagc.ir.graph import Each, Graph, NodeName, ValueId
from dagc.ir.printer import print_graph
from dagc.ir.regions import (
    calls_steps,
    captured,
    captures,
    every_node,
    regions,
    rewritten,
    waits,
    walk,
    with_regions,
)
from dagc.ir.serde import from_json, to_json
from dagc.ir.types import ListOf
from dagc.ir.verify import IrError, verify
from tests.sample_graphs import BOOL, FLOAT, ROW, Sample, Sketch, clip, for_items, items_in_items, unread_items

NESTED = (for_items, items_in_items, unread_items)


def only_each(graph: Graph) -> tuple[NodeName, Each]:
    return next((node.name, node.op) for node in graph.nodes if isinstance(node.op, Each))


def with_each(graph: Graph, change: Callable[[Each], Each]) -> Graph:
    nodes = (replace(n, op=change(n.op)) if isinstance(n.op, Each) else n for n in graph.nodes)
    return with_nodes(graph, nodes)


@pytest.mark.parametrize("make", NESTED)
def test_graphs_with_regions_verify_and_survive_their_file_form(make: Callable[[], Sample]) -> None:
    graph = make().graph
    verify(graph)
    assert from_json(to_json(graph)) == graph


def test_a_walk_meets_every_region_outermost_first() -> None:
    graph = items_in_items().graph
    assert [found.name for found in walk(graph)] == ["items_in_items", "each_page", "each_line"]
    assert [node.name for node in every_node(graph)][-2:] == ["number", "decision"]


def test_a_node_with_a_region_calls_and_waits_as_its_region_does() -> None:
    told, same = (node for node in unread_items().graph.nodes[1:])
    assert calls_steps(told) and not waits(told)
    assert not calls_steps(same)
    assert all(waits(node) for node in items_in_items().graph.nodes if regions(node.op))


def test_captures_stand_behind_a_nodes_own_inputs_in_both_worlds() -> None:
    node = for_items().graph.nodes[-2]
    assert captures(node) == ("twice", "spare")
    assert [value.id for value in captured(regions(node.op)[0], node)] == ["twice", "spare"]


def test_a_rewrite_reaches_the_innermost_region_first_and_the_graph_last() -> None:
    met: list[str] = []

    def meet(graph: Graph) -> Graph:
        met.append(graph.name)
        return graph

    graph = items_in_items().graph
    assert rewritten(graph, meet) is graph
    assert met == ["each_line", "each_page", "items_in_items"]


def test_a_capture_nobody_reads_any_more_is_dropped_through_all_regions() -> None:
    def forget(graph: Graph) -> Graph:
        return substitute(graph, {ValueId("second"): ValueId("first")}) if graph.name == "each_line" else graph

    after = rewritten(items_in_items().graph, forget)
    verify(after)
    assert [captures(node) for node in every_node(after) if regions(node.op)] == [("first",), ("first",)]


def test_two_captures_that_became_one_are_one_inside_too() -> None:
    def merge(graph: Graph) -> Graph:
        return (
            substitute(graph, {ValueId("second"): ValueId("first")}) if graph.name == "items_in_items" else graph
        )

    after = rewritten(items_in_items().graph, merge)
    verify(after)
    assert "both: f32[4]    = first + first" in print_graph(after)


def test_a_name_given_out_twice_is_told_apart_and_a_steps_name_stays() -> None:
    def rename(graph: Graph) -> Graph:
        return with_nodes(graph, (replace(node, name=NodeName("decision")) for node in graph.nodes[:1]))

    def keep_the_rest(graph: Graph) -> Graph:
        first, *rest = graph.nodes
        if regions(first.op) or calls_steps(first):
            return graph
        return with_nodes(graph, (*rename(graph).nodes, *rest))

    after = rewritten(items_in_items().graph, keep_the_rest)
    verify(after)
    names = [node.name for node in every_node(after)]
    assert "decision_2" in names and names[-1] == "decision"


def broken_types(op: Each) -> Each:
    item, *rest = op.body.inputs
    return replace(op, body=replace(op.body, inputs=(replace(item, type=BOOL), *rest)))


def broken_captures(op: Each) -> Each:
    *rest, last = op.body.inputs
    return replace(op, body=replace(op.body, inputs=(*rest, replace(last, type=BOOL))))


def broken_inside(op: Each) -> Each:
    return replace(op, body=replace(op.body, outputs=(ValueId("nothing"),)))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (broken_types, "its operation gives nothing"),
        (broken_captures, "does not give region `each_row` what it captures"),
        (broken_inside, "in region `each_row`, output `nothing` is not defined"),
    ],
)
def test_a_broken_region_is_found(change: Callable[[Each], Each], text: str) -> None:
    with pytest.raises(IrError, match=text):
        verify(with_each(for_items().graph, change))


def test_a_node_name_may_not_come_again_in_a_region() -> None:
    s = Sketch("twice")
    rows = s.input("rows", ListOf(ROW))
    first = s.step(clip, [s.input("row", ROW)], "clipped", ROW)
    found = s.each(rows, "item", lambda b, item: b.step(clip, [item], "clipped", ROW), "all")
    with pytest.raises(IrError, match="two nodes are called `clipped`"):
        verify(s.graph(found, first))


def test_the_parts_of_an_operation_can_be_exchanged() -> None:
    _, op = only_each(for_items().graph)
    other = replace(op.body, name="other")
    assert regions(with_regions(op, [other])) == (other,)
    assert with_regions(op, [op.body]) == op


def test_a_capture_under_another_name_is_printed_with_both() -> None:
    s = Sketch("renamed")
    rows, amount = s.input("rows", ListOf(ROW)), s.input("amount", FLOAT)
    s.each(rows, "row", lambda b, row: b.op("mul", row, amount, out="scaled"), "all", [amount])
    each = replace(s.nodes[-1], inputs=(rows, s.op("add", amount, amount, out="twice")))
    s.nodes = [s.nodes[-1], each]
    graph = s.graph(ValueId("all"))
    verify(graph)
    assert "each row: f32[4] in rows, at most 8, with amount: twice" in print_graph(graph)
