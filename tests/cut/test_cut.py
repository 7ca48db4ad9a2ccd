"""Where the cut goes: what follows what, what moves as a whole, and what stays."""

from pathlib import Path
from shutil import copytree

import pytest
from onnx import TensorProto, helper

from dagc.compile import Planned, plan_file
from dagc.diagnostics import CompileError, Report
from dagc.ir.graph import Node
from dagc.ir.ops import RunModel
from dagc.ir.placement import Placement
from dagc.ir.regions import every_node
from dagc.ir.verify import verify
from dagc.pictures.from_graph import diagram
from dagc.plan.cut import cut
from dagc.plan.service_plan import RemoteStage, Service, TogetherStage
from tests.cut.conftest import each_apart, planned
from tests.dsl.user_files import HEADER, MODELS, score
from tests.running import ROOT

pytestmark = pytest.mark.ort

PLACES = """
compute = dagc.service("compute")
other = dagc.service("other")
far = dagc.onnx("models/score.onnx", on=compute)
farther = dagc.onnx("models/scaler.onnx", on=compute)
elsewhere = dagc.onnx("models/score.onnx", on=other)


@dagc.step
def number(score: float) -> float:
    return score


@dagc.step(on=compute)
def there(score: float) -> float:
    return score


@dagc.step
def rows(payment: Payment) -> list[Row]:
    return []


@dagc.step
def total(scores: list[float]) -> float:
    return sum(scores)


@dagc.step
def constant() -> float:
    return 0.5


@dagc.graph
def scoring(payment: Payment) -> float:
"""


def made(folder: Path, body: str, more: str = "") -> Planned:
    (folder / "models").mkdir(exist_ok=True)
    for make in MODELS:
        (folder / "models" / f"{make.__name__}.onnx").write_bytes(make())
    (folder / "graph.py").write_text(HEADER + more + PLACES + body, encoding="utf-8")
    return plan_file(folder / "graph.py", Report(), lambda _words: None)


def parts(plan: Planned) -> dict[str, list[tuple[str, ...]]]:
    """The user's models and steps of every part, by service."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for remote in plan.plan.services[0].remotes:
        found.setdefault(remote.service, []).append(remote.parts)
    return found


def front(plan: Planned) -> Service:
    return plan.plan.services[0]


def test_an_unplaced_model_and_arithmetic_between_go_where_their_readers_are(tmp_path: Path) -> None:
    plan = made(tmp_path, "    row = scaler(encode(payment))\n    return number(far(row * 2.0) + far(row))\n")
    assert (
        parts(plan) == {"compute": [("scaler", "mul", "score", "add")]} or parts(plan)["compute"][0][0] == "scaler"
    )
    assert len(front(plan).remotes) == 1
    assert [len(service.sessions) for service in plan.plan.services] == [0, 1]  # fused over there


def test_without_a_placement_there_is_one_service_and_no_call(tmp_path: Path) -> None:
    plan = made(tmp_path, "    return number(score(scaler(encode(payment))))\n")
    assert len(plan.plan.services) == 1
    assert not front(plan).remotes
    assert not front(plan).calls


def test_a_step_of_its_own_service_between_two_makes_two_parts(tmp_path: Path) -> None:
    plan = made(tmp_path, "    return there(number(there(number(far(encode(payment))))))\n")
    assert [len(found) for found in parts(plan).values()] == [3]


def test_calls_that_do_not_need_each_other_overlap(tmp_path: Path) -> None:
    plan = made(tmp_path, "    row = encode(payment)\n    return number((far(row) + elsewhere(row)) / 2.0)\n")
    together = [stage for stage in front(plan).endpoints[0].stages if isinstance(stage, TogetherStage)]
    assert [type(call) for stage in together for call in stage.calls] == [RemoteStage, RemoteStage]


def test_a_choice_of_which_every_branch_is_there_moves_as_a_whole(tmp_path: Path) -> None:
    body = """    row = encode(payment)
    return number(dagc.switch(payment.country, {"DE": lambda: far(row), "FR": lambda: far(farther(row))}))
"""
    plan = made(tmp_path, body)
    assert len(front(plan).remotes) == 1
    (part,) = (part for service in plan.plan.services for part in service.parts)
    assert "choose" in [stage.kind for stage in part.stages]


def test_a_fallback_stays_where_its_backup_is(tmp_path: Path) -> None:
    body = "    row = encode(payment)\n    return dagc.fallback(lambda: there(far(row)), lambda: constant())\n"
    plan = made(tmp_path, body)
    assert [stage.kind for stage in front(plan).endpoints[0].stages][-1] == "stand"


def test_a_list_moves_with_all_its_steps_so_that_an_item_is_no_call(tmp_path: Path) -> None:
    body = "    def one(row: Row) -> float:\n        return number(far(row))\n\n"
    body += "    return total(dagc.each(rows(payment), one, max_items=9))\n"
    plan = made(tmp_path, body)
    assert parts(plan) == {"compute": [("far", "number")]}


def test_models_of_two_services_do_not_fuse_and_the_plan_says_why(tmp_path: Path) -> None:
    plan = made(tmp_path, "    row = farther(encode(payment))\n    return number(elsewhere(row))\n")
    text = " ".join(remark.message for after in plan.optimised for remark in after.remarks if not remark.applied)
    assert "runs on service `compute`, and model `elsewhere` runs on service `other`" in text


def test_two_placements_with_one_name_are_a_mistake_once(tmp_path: Path) -> None:
    again = 'again = dagc.service("compute", cpu=4)\nmore = dagc.onnx("models/score.onnx", on=again)\n'
    with pytest.raises(CompileError) as raised:
        made(tmp_path, "    row = encode(payment)\n    return number(far(row) + more(row))\n", again)
    assert [found.code for found in raised.value.report.errors] == ["E0517"]


@pytest.mark.parametrize("name", ["fraud", "selection"])
def test_every_part_and_what_is_left_are_sound_graphs(name: str, tmp_path: Path) -> None:
    copytree(ROOT / "graphs" / name, tmp_path / name)
    plan = planned(tmp_path / name / "graph.py", each_apart, tmp_path / "build")
    for after in plan.optimised:
        found = cut(after.graph)
        verify(found.front)
        assert not any(node.placement for node in every_node(found.front))
        for part in found.parts:
            verify(part.graph)


def test_company_is_waited_for_where_runs_can_be_shared_and_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 30]) for name in ("x", "y")]
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["mean"], axes=[0]),
        helper.make_node("Sub", ["x", "mean"], ["y"]),
    ]
    graph = helper.make_graph(nodes, "centred", ports[:1], ports[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (tmp_path / "models" / "centred.onnx").write_bytes(model.SerializeToString())
    (tmp_path / "models" / "score.onnx").write_bytes(score())
    text = """
patient = dagc.service("patient", batch=dagc.batch(8, max_wait_ms=5))
centred = dagc.onnx("models/centred.onnx", on=patient)
far = dagc.onnx("models/score.onnx", on=patient)


@dagc.graph
def scoring(row: Row) -> Score:
    return far(row)


@dagc.graph
def centring(row: Row) -> Row:
    return centred(row)
"""
    (tmp_path / "graph.py").write_text(HEADER + text, encoding="utf-8")
    report = Report()
    plan = plan_file(tmp_path / "graph.py", report, lambda _words: None).plan
    sessions = {session.parts: session for session in plan.services[1].sessions}
    assert (sessions["far",].max_batch, sessions["far",].max_wait_ms) == (8, 5.0)
    assert sessions["centred",].max_wait_ms == 0.0
    (told,) = (found for found in report.warnings if found.code == "W0530")
    assert "runs of `centred" in told.message
    assert "ReduceMean" in told.notes[0]


def test_a_recommender_in_two_services_asks_once(tmp_path: Path) -> None:
    def two(node: Node) -> Placement | None:
        heavy = isinstance(node.op, RunModel) and {"nearest_neighbours", "ranking"} & set(node.op.parts)
        return Placement("search") if heavy else None

    plan = planned(ROOT / "graphs" / "recommender" / "graph.py", two, tmp_path / "build")
    assert next(remote.parts for remote in front(plan).remotes)[-2:] == ("nearest_neighbours", "ranking")
    assert len(front(plan).remotes) == 1


def test_a_picture_says_where_what_is_placed_runs(tmp_path: Path) -> None:
    plan = made(tmp_path, "    return number(far(encode(payment)))\n")
    drawn = diagram(plan.optimised[0].graph)
    assert {box.title: box.lines for box in drawn.boxes if box.lines}["far"] == ("on service compute",)
