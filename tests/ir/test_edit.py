from dagc.ir.edit import drop_nodes, replace_nodes, substitute, unused_name, with_nodes
from dagc.ir.graph import NodeName, ValueId
from tests.sample_graphs import pipeline, repeated

GRAPH = repeated().graph


def test_an_edit_that_changes_nothing_gives_the_very_same_graph() -> None:
    assert substitute(GRAPH, {}) is GRAPH
    assert substitute(GRAPH, {ValueId("elsewhere"): ValueId("first")}) is GRAPH
    assert drop_nodes(GRAPH, ()) is GRAPH
    assert replace_nodes(GRAPH, {}) is GRAPH
    assert with_nodes(GRAPH, list(GRAPH.nodes)) is GRAPH


def test_a_value_is_replaced_in_nodes_and_outputs_and_chains_are_followed() -> None:
    a, b, c = ValueId("decision"), ValueId("number"), ValueId("value")
    graph = substitute(pipeline().graph, {a: b, b: c})
    assert graph.outputs == ("value",)
    assert graph.nodes[-1].inputs == ("value",)


def test_dropping_keeps_the_others_in_order() -> None:
    after = drop_nodes(GRAPH, {NodeName("second"), NodeName("clipped_second")})
    assert [node.name for node in after.nodes] == ["first", "clipped_first", "total"]


def test_a_taken_name_gets_a_number() -> None:
    assert unused_name("mean", {"max"}) == "mean"
    assert unused_name("mean", {"mean", "mean_2"}) == "mean_3"
