"""What a reader sees of a graph: the user's models, steps and arithmetic, and nothing of conversions."""

from dagc.ir.verify import verify
from dagc.pictures.diagram import Diagram
from dagc.pictures.from_graph import change, diagram, sessions
from tests.branching_graphs import by_country, by_rule, by_share, standing_arms
from tests.pictures.diagrams import crops, optimised
from tests.sample_graphs import (
    BOOL,
    FLOAT,
    PAYMENT,
    ROW,
    Sample,
    Sketch,
    chain,
    clip,
    decide,
    fan_out,
    hard_vote,
    pipeline,
    scalar_arithmetic,
    score,
    soft_vote,
    strings,
    two_waits,
)  # fmt: skip


def titles(drawn: Diagram) -> list[str]:
    return [box.title for box in drawn.boxes]


def told(drawn: Diagram) -> list[str]:
    names = {box.id: box.title for box in drawn.boxes}
    return [f"{names[edge.source]} -{edge.label}-> {names[edge.target]}" for edge in drawn.edges]


def test_conversions_are_no_boxes() -> None:
    drawn = diagram(pipeline().graph)
    assert titles(drawn) == ["row", "scaler", "score", "decide", "answer"]
    assert told(drawn)[2:] == ["score -f32[]-> decide", "decide -bool-> answer"]


def test_a_member_of_a_record_is_named_on_its_edge() -> None:
    assert told(diagram(strings().graph))[0] == "payment -country str-> country == 'NL'"


def test_constants_stand_in_the_title_of_the_arithmetic_they_belong_to() -> None:
    assert titles(diagram(scalar_arithmetic().graph))[1:6] == [
        "amount / count", "each * 0.03", "part + count", "column", "fee > 20"
    ]  # fmt: skip
    assert "where(same, country, 'abroad')" in titles(diagram(strings().graph))


def test_constants_of_a_step_are_small_print() -> None:
    s = Sketch("fixed")
    s.input("row", ROW)
    drawn = diagram(s.graph(s.step(decide, [s.constant("half", FLOAT, 0.5)], "out", BOOL)))
    assert drawn.boxes[1].lines == ("score = 0.5",)


def test_one_of_several_outputs_is_named_on_its_edge() -> None:
    assert "c0 -label i64[]-> vote" in told(diagram(hard_vote().graph))


def test_many_members_of_a_record_are_counted() -> None:
    s = Sketch("columns")
    payment = s.input("payment", PAYMENT)
    fields = [s.field(payment, name) for name in ("amount", "count", "country")]
    assert len(told(diagram(s.graph(*fields)))) == 3
    wider = diagram(s.graph(*fields, payment))
    assert told(wider) == ["payment -4 values-> answer"]


def test_steps_that_wait_are_another_kind() -> None:
    kinds = {box.title: box.kind for box in diagram(two_waits().graph).boxes}
    assert kinds == {
        "row": "input", "first": "model", "record": "waits", "profile": "waits", "second": "model",
        "answer": "output",
    }  # fmt: skip


def test_a_fused_model_lists_its_parts() -> None:
    (fused,) = [box for box in diagram(optimised(soft_vote())).boxes if box.kind == "fused"]
    assert (fused.title, fused.parts, fused.place) == (
        "one session",
        ("trees", "net", "line", "mean"),
        "graph.py:2-5",
    )


def test_numbered_parts_are_counted_where_there_are_many() -> None:
    (fused,) = [box for box in diagram(optimised(chain())).boxes if box.kind == "fused"]
    assert fused.parts == ("scaler* × 17", "mul × 17", "softmax × 16")


def test_a_service_is_a_frame_around_all_that_runs() -> None:
    drawn = diagram(two_waits().graph, "fraud")
    (group,) = drawn.groups
    assert group.title == "service fraud"
    assert set(group.members) == {box.id for box in drawn.boxes if box.kind not in ("input", "output")}


def test_a_graph_that_runs_nothing_has_no_frame() -> None:
    s = Sketch("echo")
    assert diagram(s.graph(s.input("row", ROW)), "echo").groups == ()


def test_a_region_is_a_frame_that_edges_enter_and_leave() -> None:
    verify(crops())
    drawn = diagram(crops(), "texts")
    service, region = drawn.groups
    assert service.members == ("node cut", region.id, "node join")
    assert (region.title, region.members) == ("for each, at most 64", ("node read", "node keep"))
    assert told(drawn) == [
        "page -Page-> cut", "cut -list[f32[8]]-> recognise", "recognise -f32[4]-> keep",
        "page -limit float-> keep", "keep -list[f32[4]]-> join", "join -str-> answer",
    ]  # fmt: skip


def test_what_fusion_did_is_one_sentence() -> None:
    def said(sample: Sample) -> str:
        return change(sample.graph, optimised(sample))

    assert said(soft_vote()) == "4 sessions -> 1"
    assert said(fan_out()) == "5 sessions -> 1"
    assert said(two_waits()) == "2 sessions, none fused"
    s = Sketch("steps")
    graph = s.graph(s.step(clip, [s.input("row", ROW)], "out", ROW))
    assert change(graph, graph) == "no sessions: only steps"


def test_models_inside_regions_are_sessions_too() -> None:
    assert sessions(crops()) == 1


def test_no_title_depends_on_the_bytes_of_a_model() -> None:
    def drawn(seed: int) -> Diagram:
        s = Sketch("same")
        return diagram(s.graph(*s.model("score", score(seed), {"x": s.input("row", ROW)}, "score:v")))

    assert drawn(0) == drawn(1)


def test_a_choice_is_a_box_where_its_arms_meet_and_every_way_in_says_which_arm_it_is() -> None:
    drawn = diagram(by_country().graph)
    assert "switch country" in titles(drawn)
    into = [line for line in told(drawn) if line.endswith("-> switch country")]
    assert into == [
        "country -Literal['DE', 'FR', 'US']-> switch country",
        "germany -case 'DE'-> switch country",
        "france -case 'FR'-> switch country",
        "other -default-> switch country",
    ]
    assert [group.title for group in drawn.groups] == [
        "switch: case 'DE'", "switch: case 'FR'", "switch: default",
    ]  # fmt: skip


def test_a_rule_is_named_by_its_condition_and_a_share_by_its_size() -> None:
    into = [line for line in told(diagram(by_rule().graph)) if line.endswith("-> route")]
    assert into[2:] == [
        "careful -if amount > 0.5-> route",
        "first -if first > 0.6-> route",
        "second -otherwise-> route",
    ]
    shares = [line for line in told(diagram(by_share().graph)) if line.endswith("split by key")]
    assert shares[1:] == ["champion -90 %-> split by key", "canary -10 %-> split by key"]


def test_what_stands_beside_others_says_its_part() -> None:
    drawn = diagram(standing_arms().graph)
    assert {"fallback", "shadow", "quorum of 2 of 3"} <= set(titles(drawn))
    lines = told(drawn)
    assert {"primary -primary-> fallback", "challenger -challenger-> shadow"} <= set(lines)
    assert "mean -of 3 answers-> quorum of 2 of 3" in lines


def test_what_python_compares_is_no_session() -> None:
    sample = by_rule()
    assert sessions(sample.graph) == 4 and sessions(optimised(sample)) == 3
