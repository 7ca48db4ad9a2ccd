"""One turn in many is timed, part by part, and answers the same; the others and the user's modules are not."""

import pytest

from dagc.runtime.metrics import Metrics

pytestmark = pytest.mark.ort

GRAPH = """
from pydantic import BaseModel

import dagc


class Pick(BaseModel):
    index: int
    scale: float


seen = []


@dagc.step
def doubled(scale: float) -> float:
    seen.append("doubled")
    return 2 * scale


@dagc.step
async def awaited(scale: float) -> float:
    seen.append("awaited")
    return 3 * scale


@dagc.graph
def pick(pick: Pick) -> float: ...


@dagc.graph
def slow(pick: Pick) -> float: ...
"""
MAIN = """
service = Service(__file__)
picker = service.session("picker")


@service.endpoint(graph.pick)
async def pick(pick):
    async def inner():
        return graph.doubled(pick.scale)

    scale = await inner()
    return (await picker(pick.index, scale)).item()


@service.endpoint(graph.slow)
async def slow(pick):
    return await graph.awaited(pick.scale)
"""
STEPS = ["graph.awaited", "graph.doubled"]
PICK = {"index": 3, "scale": 1.0}


@pytest.fixture
def served(folder, kit, picker, monkeypatch):
    def make(every: int):
        monkeypatch.setenv("DAGC_TIMED_EVERY", str(every))
        feeds = {"index": ("i64", ()), "scale": ("f32", ())}
        ends = [
            kit.endpoint("pick", parameters=["pick"], body="pick"),
            kit.endpoint("slow", parameters=["pick"], body="pick", waits=True),
        ]
        session = (kit.session("picker", feeds, {"score": ("f32", ())}), picker)
        made = folder.write(GRAPH, MAIN, ends, [session], steps=STEPS).serve()
        made.main.service.observer = kit.Counted()
        return made

    return make


def test_a_timed_turn_tells_each_part_once_and_answers_the_same(served) -> None:
    made = served(1)
    assert made.ask("/v1/pick", PICK) == [(200, 6.0)]
    observer = made.main.service.observer
    assert observer.parts == ["json.decode", "graph.doubled", "json.encode"]
    assert observer.waits == ["turn"]
    assert made.ask("/v1/slow", PICK) == [(200, 3.0)]
    assert observer.parts[3:] == ["json.decode", "graph.awaited", "json.encode"]
    assert made.main.graph.seen == ["doubled", "awaited"]


def test_only_the_first_request_of_one_turn_in_so_many_is_timed(served) -> None:
    made = served(3)
    for _ in range(7):
        assert made.ask("/v1/pick", PICK, PICK) == [(200, 6.0)] * 2
    assert made.main.service.observer.parts.count("graph.doubled") == 2


def test_nothing_is_timed_with_zero(served) -> None:
    made = served(0)
    made.ask("/v1/pick", *[PICK] * 5)
    assert made.main.service.observer.parts == made.main.service.observer.waits == []


def test_a_refusal_and_a_failure_are_answered_alike_when_timed(served) -> None:
    made = served(1)
    (refused,) = made.ask("/v1/pick", {"index": 3})
    assert refused[0] == 422
    assert made.main.service.observer.parts == [], "what failed is not counted"


def test_the_user_s_module_keeps_its_functions(served) -> None:
    made = served(1)
    before = made.main.graph.doubled
    made.ask("/v1/pick", PICK)
    assert made.main.graph.doubled is before
    assert made.main.pick.__globals__["graph"] is made.main.graph


def test_what_changes_in_the_user_s_module_is_seen_by_a_timed_turn(served) -> None:
    made = served(1)
    made.main.graph.seen = ["new"]
    made.ask("/v1/pick", PICK)
    assert made.main.graph.seen == ["new", "doubled"]


@pytest.mark.parametrize("text", ["-1", "1.5", "often", "9999999999"])
def test_what_is_no_number_of_turns_stops_the_start(served, text) -> None:
    with pytest.raises(Exception, match="timed_every"):
        served(text)


def test_the_metrics_have_a_place_for_every_part(served) -> None:
    made = served(1)
    service = made.main.service
    metrics = service.observer = Metrics(("/v1/pick",), service.sessions, service.parts)
    made.ask("/v1/pick", PICK)
    text = metrics.text().decode()
    for node in ("picker", "graph.doubled", "json.decode", "json.encode"):
        assert f'dagc_node_seconds_count{{node="{node}"}} 1\n' in text
    assert 'dagc_node_seconds_count{node="graph.awaited"} 0\n' in text
    assert 'dagc_queue_seconds_count{queue="turn"} 1\n' in text
