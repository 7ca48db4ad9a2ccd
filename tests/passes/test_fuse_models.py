"""What fuses, what does not, and what is said about it."""

from dataclasses import replace

from dagc.ir.graph import Graph, Node
from dagc.ir.ops import RunModel
from dagc.ir.verify import verify
from dagc.passes.fuse_models import FuseModels
from dagc.passes.lower_expressions import LowerExpressions
from dagc.passes.pass_ import Context, Remark
from tests.sample_graphs import (
    FLOAT,
    ROW,
    Sample,
    Sketch,
    around_a_step,
    barriers,
    chain,
    clip,
    column,
    decide,
    encoder,
    fan_out,
    joiner,
    opsets,
    picker,
    profile,
    ready_together,
    running_sum,
    scaler,
    score,
    shared_runs,
)


def fuse(sample: Sample) -> tuple[Graph, list[Remark]]:
    context = Context(sample.store)
    after = FuseModels().run(sample.graph, context)
    verify(after)
    return after, context.remarks


def models(graph: Graph) -> list[Node]:
    return [node for node in graph.nodes if isinstance(node.op, RunModel)]


def missed(remarks: list[Remark]) -> list[str]:
    return [remark.message for remark in remarks if not remark.applied]


def test_a_fused_model_has_a_readable_name_all_parts_and_all_spans() -> None:
    sample = fan_out()
    after, (remark,) = fuse(sample)
    (node, _) = after.nodes
    assert isinstance(node.op, RunModel)
    assert node.name == "scaler_head0_and_2_more"
    assert node.op.parts == ("scaler", "head0", "head1", "head2")
    assert node.spans == tuple(n.spans[0] for n in sample.graph.nodes[:4])
    assert remark == Remark(
        "fuse-models", True, "fused scaler + head0 + head1 + head2 into one model: 4 sessions -> 1", node.spans
    )


def test_only_what_is_read_outside_leaves_the_fused_model() -> None:
    after, _ = fuse(fan_out())
    assert [value.id for value in after.nodes[0].outputs] == ["scaled", "s0", "s1", "s2"]
    (last,) = models(fuse(chain(1))[0])
    assert [value.id for value in last.outputs] == ["v0"]


def test_a_refusal_names_the_step_in_between_and_both_places() -> None:
    sample = around_a_step()
    _, remarks = fuse(sample)
    refusal = next(remark for remark in remarks if not remark.applied)
    assert (
        refusal.message == "left model `scaler` and model `joiner + score` apart: step `clip` stands between them"
    )
    assert {span.line for span in refusal.spans} == {2, 4, 5}


def test_a_model_that_runs_alone_keeps_both_neighbours_away() -> None:
    after, remarks = fuse(barriers())
    assert len(models(after)) == 3
    assert missed(remarks) == [
        "left model `scaler` and model `shadow` apart: model `shadow` runs alone: it is asked for alone",
        "left model `shadow` and model `score` apart: model `shadow` runs alone: it is asked for alone",
    ]


def test_what_requests_share_runs_of_stays_apart_from_what_is_run_for_each_of_them() -> None:
    sample = shared_runs()
    after, remarks = fuse(replace(sample, graph=LowerExpressions().run(sample.graph, Context(sample.store))))
    alone = {
        node.op.parts: sample.store.mixing(node.op.model) is not None
        for node in models(after)
        if isinstance(node.op, RunModel)
    }
    assert alone == {("words", "scaler"): True, ("left", "right", "mean"): False, ("spread", "add"): True}
    assert missed(remarks)[0] == (
        "left model `words + scaler` and model `left + right + mean` apart: model `words + scaler` takes one "
        "request at a time, unlike its neighbour: operator `CumSum` of node `words/CumSum` over axis 0 mixes rows"
    )


def test_models_that_are_proven_apart_and_not_together_stay_apart() -> None:
    """What a file says of an input's size is not believed of a value inside a model."""
    s = Sketch("folded")
    (picked,) = s.model("picker", picker(), {"x": s.input("row", ROW)}, "y:picked")
    (coded,) = s.model("encoder", encoder(folded=True), {"x": picked}, "y:coded")
    sample = s.sample(coded)
    after, remarks = fuse(sample)
    assert [node.name for node in after.nodes] == ["picked", "coded"]
    assert not any(sample.store.mixing(node.op.model) for node in after.nodes if isinstance(node.op, RunModel))
    assert missed(remarks) == [
        "left picker + encoder apart: requests share runs of them as they are, and would not of one model: "
        "operator `Reshape` of node `encoder/Reshape` gives a shape that does not hold the batch"
    ]


def test_a_model_too_small_to_win_by_sharing_runs_goes_with_its_neighbour() -> None:
    s = Sketch("small")
    (words,) = s.model("words", running_sum(), {"x": s.input("row", ROW)}, "y:words")
    (scaled,) = s.model("scaler", scaler(), {"x": words}, "y:scaled")
    after, _ = fuse(s.sample(scaled))
    assert [node.name for node in after.nodes] == ["words_scaler"]


def test_models_ready_at_the_same_time_fuse_and_later_ones_do_not_without_a_reason() -> None:
    assert len(models(fuse(ready_together())[0])) == 1
    s = Sketch("later")
    left, right = s.input("left", ROW), s.input("right", ROW)
    (early,) = s.model("early", scaler(), {"x": left}, "y:early")
    (late,) = s.model("late", scaler(1), {"x": s.step(profile, [right], "fetched", ROW)}, "y:late")
    after, remarks = fuse(s.sample(early, late))
    assert len(models(after)) == 2
    assert not remarks


def test_models_that_meet_in_one_step_fuse() -> None:
    s = Sketch("meet")

    def both(a: object, b: object) -> object:
        return a

    (early,) = s.model("early", scaler(), {"x": s.input("left", ROW)}, "y:early")
    fetched = s.step(profile, [s.input("right", ROW)], "fetched", ROW)
    (late,) = s.model("late", scaler(1), {"x": fetched}, "y:late")
    after, _ = fuse(s.sample(s.step(both, [early, late], "result", ROW)))
    assert [node.name for node in after.nodes] == ["fetched", "early_late", "result"]


def test_conversions_of_python_values_stay_outside() -> None:
    s = Sketch("outside")
    row, amount = s.input("row", ROW), s.input("amount", FLOAT)
    (value,) = s.model("score", score(), {"x": row}, "score:value")
    tensor = s.tensor(amount, "tensor", ROW.dtype, 1)
    (risk,) = s.model("column", column(), {"amount": tensor}, "risk:risk")
    decision = s.step(decide, [s.item(value, "number", FLOAT)], "decision", FLOAT)
    after, _ = fuse(s.sample(decision, risk))
    assert [node.name for node in after.nodes] == ["tensor", "score_column", "number", "decision"]


def test_a_python_value_between_two_models_is_named() -> None:
    s = Sketch("between")
    (value,) = s.model("score", score(), {"x": s.input("row", ROW)}, "score:value")
    number = s.item(value, "number", FLOAT)
    (risk,) = s.model("column", column(), {"amount": s.tensor(number, "tensor", ROW.dtype, 1)}, "risk:risk")
    after, _ = fuse(s.sample(risk))
    assert len(models(after)) == 2


def test_different_opsets_are_told_with_the_names_of_the_models() -> None:
    _, remarks = fuse(opsets())
    for text in missed(remarks):
        assert text.startswith("left model `scaler` and model `score` apart: ")
        assert "version" in text


def test_what_refuses_to_merge_stays_apart_and_the_others_fuse() -> None:
    """Sizes that only the models' own files say; a graph that was checked cannot have them."""
    s = Sketch("refused")
    (a,) = s.model("a", scaler(0), {"x": s.input("row", ROW)}, "y:a")
    (b,) = s.model("b", scaler(1), {"x": a}, "y:b")
    (c,) = s.model("c", column(), {"amount": b}, "risk:c")
    (d,) = s.model("d", column(), {"amount": c}, "risk:d")
    after, remarks = fuse(s.sample(d))
    assert [node.name for node in models(after)] == ["a_b", "c_d"]
    assert missed(remarks) == ["left a + b + c + d apart: axis 1 of wire `y` is 4 at `a_b` and 1 at `c_d`"]


def test_a_long_row_of_models_and_steps_is_cut_at_the_steps() -> None:
    s = Sketch("row")
    value = s.input("row", ROW)
    for i in range(9):
        if i % 3 == 2:
            value = s.step(clip, [value], f"v{i}", ROW)
        else:
            (value,) = s.model(f"m{i}", scaler(i), {"x": value}, f"y:v{i}")
    (value,) = s.model("join", joiner(), {"a": value, "b": value}, "c:end")
    after, _ = fuse(s.sample(value))
    assert [node.name for node in after.nodes] == ["m0_m1", "v2", "m3_m4", "v5", "m6_m7", "v8", "end"]
