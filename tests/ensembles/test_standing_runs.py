"""Fallbacks, shadows and quorums from a graph file to the port: who answers, how soon, and what is said of it."""

import re
import time
from collections.abc import Iterator

import pytest

from dagc.compile import Compilation
from tests.ensembles.conftest import Compile, Serve
from tests.runtime.front.conftest import Process, Wire

pytestmark = [pytest.mark.ort, pytest.mark.port]

GRAPH = '''
class Order(BaseModel):
    value: float = Field(ge=-100, le=100)
    act: str = Field(default="", max_length=8)


@dagc.step
def encode(order: Order) -> Row:
    return np.full(30, order.value, np.float32)


@dagc.step
def checked(order: Order) -> Row:
    if order.act == "raise":
        raise ValueError("a fault of a step")
    if order.act == "exit":
        raise SystemExit(3)
    if order.act == "refuse":
        raise dagc.Refuse("not this order", field="act", status=409)
    return np.full(30, order.value, np.float32)


@dagc.step
async def fetched(order: Order) -> Row:
    """Waits beyond the deadline for words that no build invents: whoever waits for it is answered 504."""
    try:
        await asyncio.sleep(9 if order.act in ("slow", "stubborn") else 0)
    except asyncio.CancelledError:
        if order.act != "stubborn":
            raise
        await asyncio.sleep(9)
    return checked(order)


def agree(champion: Score, challenger: Score) -> bool:
    return bool(abs(champion - challenger) <= 1)


@dagc.graph(deadline_s=6)
def safe(order: Order) -> Score:
    return dagc.fallback(lambda: score(checked(order)), lambda: score(encode(order)) + 1000)


@dagc.graph(deadline_s=6)
def safe_items(orders: list[Order]) -> list[Score]:
    def rated(order: Order) -> Score:
        return dagc.fallback(lambda: score(checked(order)), lambda: score(encode(order)) + 1000)

    return dagc.each(orders, rated, max_items=20)


@dagc.graph(deadline_s=6)
def timely(order: Order) -> Score:
    rated = dagc.fallback(lambda: score(fetched(order)), lambda: score(encode(order)) * 0 - 1, within_s=1.0)
    return rated * 2


@dagc.graph(deadline_s=6)
def watched(order: Order) -> Score:
    row = encode(order)
    rated = dagc.shadow(lambda: score(row), lambda: score(scaler(fetched(order))), compare=agree)
    return rated * 2


@dagc.graph(deadline_s=6)
def polled(order: Order) -> Score:
    row = encode(order)
    members = [lambda: score(row), lambda: score(scaler(row)), lambda: score(fetched(order)) + 100]
    return dagc.quorum(members, need=2, within_s=1.0, combine=lambda found: dagc.mean(*found))


@dagc.graph(deadline_s=6)
def unanimous(order: Order) -> Score:
    members = [lambda: score(encode(order)), lambda: score(fetched(order))]
    return dagc.quorum(members, need=2, within_s=1.0, combine=lambda found: dagc.mean(*found))
'''


@pytest.fixture(scope="module")
def compilation(compile_text: Compile) -> Compilation:
    return compile_text(GRAPH)


@pytest.fixture(scope="module")
def service(compilation: Compilation, serve: Serve) -> Process:
    return serve(compilation)


@pytest.fixture
def wire(service: Process) -> Iterator[Wire]:
    made = service.wire()
    yield made
    made.close()


def order(value: float = 4.0, act: str = "") -> dict[str, object]:
    return {"value": value, "act": act}


def ask(wire: Wire, name: str, body: object) -> tuple[int, object, str | None]:
    reply = wire.ask(f"/v1/{name}", body)
    return reply.status, reply.json, reply.headers.get("x-dagc-degraded")


def counted(wire: Wire, family: str) -> dict[str, int]:
    text = wire.get("/metrics").body.decode()
    return {labels: int(n) for labels, n in re.findall(rf"^{family}\{{(.*)\}} (\d+)$", text, re.MULTILINE)}


def settled(wire: Wire, family: str, wanted: dict[str, int]) -> dict[str, int]:
    """The counts, once work behind the answers is done; as they are when that takes too long."""
    until = time.monotonic() + 60
    while (found := counted(wire, family)) != wanted and time.monotonic() < until:
        time.sleep(0.05)
    return found


def test_main_py_has_a_function_for_every_branch(compilation: Compilation, golden) -> None:
    golden("standing_main.py.txt", compilation.tree.files["services/graph/main.py"].decode())


@pytest.mark.parametrize(
    ("act", "answer", "flag"),
    [("", 4.0, None), ("raise", 1004.0, "safe.fallback"), ("exit", 1004.0, "safe.fallback")],
)
def test_a_backup_answers_where_the_primary_fails(wire: Wire, act: str, answer: float, flag: str | None) -> None:
    assert ask(wire, "safe", order(act=act)) == (200, answer, flag)


def test_a_refusal_is_no_failure(wire: Wire) -> None:
    status, found, flag = ask(wire, "safe", order(act="refuse"))
    assert (status, flag) == (409, None) and found["error"]["field"] == "act"


def test_items_fall_back_each_by_itself_under_the_turn_driver(wire: Wire) -> None:
    before = counted(wire, "dagc_fallbacks_total").get('node="safe_items.fallback"', 0)
    acts = ["", "raise", "", "raise", ""]
    found = ask(wire, "safe_items", {"orders": [order(float(at), act) for at, act in enumerate(acts)]})
    assert found == (200, [0.0, 1001.0, 2.0, 1003.0, 4.0], "safe_items.fallback")
    assert counted(wire, "dagc_fallbacks_total")['node="safe_items.fallback"'] == before + 2


@pytest.mark.parametrize(
    ("act", "answer", "flag"),
    [("", 8.0, None), *((act, -2.0, "timely.rated") for act in ("slow", "stubborn", "raise"))],
)
def test_a_backup_answers_where_the_primary_is_late(wire: Wire, act: str, answer: float, flag: str | None) -> None:
    assert ask(wire, "timely", order(act=act)) == (200, answer, flag)


def test_a_challenger_that_is_slow_fails_or_refuses_changes_no_answer(wire: Wire) -> None:
    before = counted(wire, "dagc_shadow_total")
    cases = [
        order(0.5),
        order(4.0),
        order(4.0, "raise"),
        order(4.0, "refuse"),
        order(4.0, "exit"),
        order(1.0, "slow"),
    ]
    found = [ask(wire, "watched", case) for case in cases]
    assert found == [(200, 2 * case["value"], None) for case in cases]
    outcomes = {"same": 2, "different": 1, "failed": 3}
    wanted = {f'node="watched.rated",outcome="{name}"': count for name, count in outcomes.items()}
    assert settled(wire, "dagc_shadow_total", {**before, **wanted}) == {**before, **wanted}


def test_challengers_beyond_the_bound_are_dropped_and_counted(wire: Wire) -> None:
    dropped = 'node="watched.rated",outcome="dropped"'
    before = counted(wire, "dagc_shadow_total").get(dropped, 0)
    for _ in range(80):
        assert ask(wire, "watched", order(1.0, "slow")) == (200, 2.0, None)
    assert counted(wire, "dagc_shadow_total")[dropped] == before + 80 - 64


def test_a_late_member_holds_up_nobody_and_the_answer_says_so(wire: Wire) -> None:
    assert ask(wire, "polled", order(4.0)) == (200, pytest.approx((4 + 2 + 104) / 3), None)
    assert ask(wire, "polled", order(4.0, "slow")) == (200, 3.0, "polled.quorum=2/3")
    assert ask(wire, "polled", order(4.0, "raise")) == (200, 3.0, "polled.quorum=2/3")
    found = counted(wire, "dagc_quorum_total")
    assert found['node="polled.quorum",answered="3"'] == 1 and found['node="polled.quorum",answered="2"'] == 2


def test_too_few_answers_are_an_error_that_says_why(wire: Wire) -> None:
    status, found, _ = ask(wire, "unanimous", order(act="slow"))
    assert (status, found["error"]["code"]) == (504, "quorum_late")
    status, found, _ = ask(wire, "unanimous", order(act="raise"))
    assert (status, found["error"]["code"]) == (503, "quorum_failed")
    assert ask(wire, "unanimous", order(act="refuse"))[0] == 409
