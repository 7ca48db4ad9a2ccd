"""Waits overlap where inputs allow, and nothing else moves."""

import itertools
import random

from dagc.plan.schedule import schedule


def order(graph):
    return [[node.op.qualname.removeprefix("make_") for node in group] for group in schedule(graph)]


def test_independent_waits_start_together(sketch):
    graph = sketch().step("a", waits=True).step("b", waits=True).step("c", "a b").graph("c")
    assert order(graph) == [["a", "b"], ["c"]]


def test_a_wait_that_needs_another_comes_after_it(sketch):
    graph = sketch().step("a", waits=True).step("b", "a", waits=True).graph("b")
    assert order(graph) == [["a"], ["b"]]


def test_a_later_wait_is_drawn_forward_over_work_that_needs_the_first(sketch):
    graph = sketch().step("a", waits=True).step("s", "a").step("b", waits=True).step("c", "s b").graph("c")
    assert order(graph) == [["a", "b"], ["s"], ["c"]]


def test_sync_work_that_a_wait_needs_is_done_before_the_group_starts(sketch):
    graph = sketch().step("a", waits=True).step("key").step("b", "key", waits=True).step("c", "a b").graph("c")
    assert order(graph) == [["key"], ["a", "b"], ["c"]]


def test_sync_work_written_before_a_wait_stays_before_it(sketch):
    graph = sketch().step("guard").step("a", waits=True).step("c", "guard a").graph("c")
    assert order(graph) == [["guard"], ["a"], ["c"]]


def test_sync_steps_keep_the_order_of_the_source(sketch):
    graph = sketch().step("one").step("two").step("three", "one").graph("three")
    assert order(graph) == [["one"], ["two"], ["three"]]


def test_every_random_graph_keeps_its_dependencies_and_its_number_of_waits_is_the_longest_chain(sketch):
    for seed in range(200):
        chance = random.Random(seed)
        names, made, depth = ["x"], sketch(), {"x": 0}
        for at in range(chance.randrange(1, 12)):
            inputs = chance.sample(names, chance.randrange(1, min(3, len(names)) + 1))
            waits = chance.random() < 0.5
            made.step(f"v{at}", " ".join(inputs), waits=waits)
            depth[f"v{at}"] = max(depth[i] for i in inputs) + waits
            names.append(f"v{at}")
        graph = made.graph(names[-1])
        groups = schedule(graph)
        done = {"x"}
        for group in groups:
            assert all(set(node.inputs) <= done for node in group)
            assert len(group) == 1 or all(node.op.is_async for node in group)
            done |= {value.id for node in group for value in node.outputs}
        assert sorted(itertools.chain(*groups), key=graph.nodes.index) == list(graph.nodes)
        assert sum(group[0].op.is_async for group in groups) == max(depth.values())
