"""Steps with a time, further attempts and a stand-in: in a plain call, in the plan, and in a service."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dagc.compile import Compilation
from dagc.diagnostics import CompileError, Report
from dagc.dsl.load import load
from dagc.frontend import check_file
from tests.ensembles.conftest import HEAD, Compile, Serve
from tests.ensembles.test_standing_runs import ask, counted
from tests.runtime.front.conftest import Process, Wire

pytestmark = [pytest.mark.ort, pytest.mark.port]

GRAPH = '''
ATTEMPTS: dict[str, int] = {}


class Order(BaseModel):
    user: str = Field(max_length=8)
    act: str = Field(default="", max_length=8)


class Profile(BaseModel):
    age_days: int = 0


@dagc.step(timeout_s=1.0, retries=1, fallback=Profile)
async def profile(order: Order) -> Profile:
    """Waits and fails for words that no build invents."""
    ATTEMPTS[order.user] = ATTEMPTS.get(order.user, 0) + 1
    if order.act == "flaky" and ATTEMPTS[order.user] == 1:
        raise ConnectionError("once")
    if order.act == "down":
        raise ConnectionError("always")
    if order.act == "refused":
        raise dagc.Refuse("no such user", field="user", status=404)
    await asyncio.sleep(9 if order.act == "hangs" else 0)
    return Profile(age_days=7)


def nothing() -> tuple[str, float]:
    return "unknown", 0.0


@dagc.step(fallback=nothing)
def parsed(order: Order) -> tuple[str, float]:
    if order.act == "garbage":
        raise ValueError("no number")
    return order.user, 1.0


@dagc.step
def said(known: Profile, name: str, share: float) -> str:
    return f"{name} {share} {known.age_days}"


@dagc.graph(deadline_s=8)
def describe(order: Order) -> str:
    known = profile(order)
    name, share = parsed(order)
    return said(known, name, share)


@dagc.graph(deadline_s=2)
def parse(order: Order) -> float:
    name, share = parsed(order)
    return share
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


def test_main_py_and_service_json_hold_the_guards(
    compilation: Compilation, golden: Callable[[str, str], None]
) -> None:
    golden("guards_main.py.txt", compilation.tree.files["services/graph/main.py"].decode())
    settings = json.loads(compilation.tree.files["services/graph/service.json"])
    assert settings["guards"] == [
        {"step": "graph.parsed", "timeout_s": None, "retries": 0},
        {"step": "graph.profile", "timeout_s": 1.0, "retries": 1},
    ]


@pytest.mark.parametrize(
    ("user", "act", "answer", "flag"),
    [
        ("a", "", "a 1.0 7", None),
        ("b", "flaky", "b 1.0 7", None),
        ("c", "down", "c 1.0 0", "profile"),
        ("d", "hangs", "d 1.0 0", "profile"),
        ("e", "garbage", "unknown 0.0 7", "parsed"),
    ],
)
def test_a_step_is_tried_again_and_then_stood_in_for(
    wire: Wire, user: str, act: str, answer: str, flag: str | None
) -> None:
    assert ask(wire, "describe", {"user": user, "act": act}) == (200, answer, flag)


def test_a_stand_in_serves_under_the_turn_driver_too(wire: Wire) -> None:
    assert ask(wire, "parse", {"user": "f", "act": "garbage"}) == (200, 0.0, "parsed")


def test_a_refusal_is_neither_tried_again_nor_stood_in_for(wire: Wire) -> None:
    before = counted(wire, "dagc_retries_total")
    assert ask(wire, "describe", {"user": "g", "act": "refused"})[0] == 404
    assert counted(wire, "dagc_retries_total") == before


def test_retries_come_from_a_budget(wire: Wire) -> None:
    for _ in range(40):
        assert ask(wire, "describe", {"user": "h", "act": "down"}) == (200, "h 1.0 0", "profile")
    found = counted(wire, "dagc_retries_total")
    assert found['edge="graph.profile",outcome="failed"'] <= 17
    assert found['edge="graph.profile",outcome="over_budget"'] >= 25
    assert counted(wire, "dagc_fallbacks_total")['node="profile"'] >= 40


def test_a_plain_call_stands_in_at_once_and_waits_for_nothing(tmp_path: Path) -> None:
    (tmp_path / "graph.py").write_text(HEAD.replace("models/", "nowhere/") + GRAPH)
    report = Report(str(tmp_path))
    describe = load(tmp_path / "graph.py", report)[0]
    module = describe.function.__globals__
    order = module["Order"]
    assert module["describe"](order(user="a", act="down")) == "a 1.0 0"
    assert module["describe"](order(user="a", act="garbage")) == "unknown 0.0 7"
    assert module["ATTEMPTS"] == {"a": 2}
    with pytest.raises(Exception, match="no such user"):
        module["describe"](order(user="a", act="refused"))


def broken(folder: Path, text: str) -> list[tuple[str, str]]:
    (folder / "graph.py").write_text(HEAD + text)
    report = Report(str(folder))
    with pytest.raises(CompileError):
        check_file(folder / "graph.py", report)
    return [(found.code, "\n".join((found.message, *found.notes))) for found in report.errors]


TIMES = """
@dagc.step(timeout_s=0.3, retries=1)
async def first(x: float) -> float:
    return x


@dagc.step(timeout_s=0.1)
async def second(x: float) -> float:
    return x


@dagc.graph(deadline_s={deadline})
def rate(x: float) -> float:
    return {body}
"""


@pytest.mark.parametrize(
    ("body", "total", "path"),
    [
        ("second(first(x))", 0.7, "`first` 0.3 s x 2 = 0.6 s -> `second` 0.1 s"),
        ("first(x) + second(x)", 0.6, "`first` 0.3 s x 2 = 0.6 s"),
        (
            "dagc.fallback(lambda: first(x), lambda: second(x), within_s=0.25)",
            0.35,
            "`dagc.fallback` 0.25 s -> `second` 0.1 s",
        ),
        ("dagc.fallback(lambda: second(x), lambda: first(x))", 0.7, "`second` 0.1 s -> `first` 0.3 s x 2 = 0.6 s"),
        (
            "dagc.switch(x > 1, {True: lambda: first(x)}, default=lambda: second(x))",
            0.6,
            "`first` 0.3 s x 2 = 0.6 s",
        ),
        (
            "second(dagc.quorum([lambda: first(x), lambda: x], need=1, within_s=0.5, combine=lambda xs: sum(xs)))",
            0.6,
            "`dagc.quorum` 0.5 s -> `second` 0.1 s",
        ),
        ("dagc.shadow(lambda: second(x), lambda: first(x))", 0.1, "`second` 0.1 s"),
    ],
)
def test_the_times_along_a_path_fit_the_deadline(tmp_path: Path, body: str, total: float, path: str) -> None:
    text = "\n" + TIMES.format(deadline=total - 0.01, body=body)
    ((code, said),) = broken(tmp_path, text)
    assert code == "E0330" and f"may wait {total:g} s" in said and f"the path: {path}" in said
    (tmp_path / "graph.py").write_text(HEAD + "\n" + TIMES.format(deadline=total, body=body))
    check_file(tmp_path / "graph.py", Report(str(tmp_path)))
