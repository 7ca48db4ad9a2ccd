"""Choices from file to port: what main.py says, which model runs for whom, and every one in every other."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from dagc.compile import Compilation
from tests.backends.choices_graph import GRAPH, nested
from tests.built import compiled, running
from tests.runtime.front.conftest import Process, Wire

pytestmark = [pytest.mark.ort, pytest.mark.port]

NAP_S = 1.5


@pytest.fixture(scope="module")
def compilation(tmp_path_factory: pytest.TempPathFactory) -> Compilation:
    return compiled(tmp_path_factory.mktemp("choices"), GRAPH)


@pytest.fixture(scope="module")
def pairwise(tmp_path_factory: pytest.TempPathFactory) -> Compilation:
    return compiled(tmp_path_factory.mktemp("pairwise"), GRAPH + nested())


@pytest.fixture(scope="module")
def service(compilation: Compilation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    with running(compilation, tmp_path_factory.mktemp("out") / "build", nap_s=NAP_S) as process:
        yield process


@pytest.fixture(scope="module")
def nest(pairwise: Compilation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    with running(pairwise, tmp_path_factory.mktemp("out") / "build") as process:
        yield process


@pytest.fixture
def wire(service: Process) -> Iterator[Wire]:
    made = service.wire()
    yield made
    made.close()


def case(ink: float = 1.0, **changes: object) -> dict[str, object]:
    plain = {"country": "FR", "speed": "fast", "user": "u", "level": 1, "known": True, "inks": []}
    return {**plain, "ink": ink, **changes}


def ask_at_once(wire: Wire, path: str, *bodies: object) -> list[object]:
    replies = wire.ask_at_once(path, *bodies)
    assert [reply.status for reply in replies] == [200] * len(bodies), replies
    return [reply.json for reply in replies]


Counted = Callable[[], Mapping[str, tuple[int, int]]]


@pytest.fixture
def counted(wire: Wire) -> Counted:
    """How many runs, with how many rows, each session that ran has had since the test began."""
    before = wire.runs()

    def since() -> Mapping[str, tuple[int, int]]:
        changes = {}
        for name, (runs, rows) in wire.runs().items():
            runs_before, rows_before = before.get(name, (0, 0))
            changes[name] = (runs - runs_before, rows - rows_before)
        return {name: change for name, change in changes.items() if change != (0, 0)}

    return since


def plain(compilation: Compilation, name: str, body: object) -> object:
    """The answer of the user's function, called as it is."""
    (traced,) = (one for one in compilation.planned.traced if one.graph.name == name)
    with traced.importable():
        return traced.answer(traced.function(**traced.arguments(body)))  # type: ignore[arg-type]


def test_main_py_chooses_as_a_person_would_write_it(compilation: Compilation, golden, tmp_path: Path) -> None:
    text = compilation.tree.files["services/graph/main.py"].decode()
    golden("choices_main.py.txt", text)
    file = tmp_path / "main.py"
    file.write_text(text)
    ruff = Path(sys.executable).with_name("ruff")
    done = subprocess.run(
        [ruff, "format", "--check", "--diff", "--line-length", "115", file], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout
    checked = subprocess.run([ruff, "check", "--select", "F,B,RET", file], capture_output=True, check=False)
    assert checked.returncode == 0, checked.stdout


def test_main_py_is_laid_out_at_every_depth(pairwise: Compilation, tmp_path: Path) -> None:
    file = tmp_path / "main.py"
    file.write_bytes(pairwise.tree.files["services/graph/main.py"])
    ruff = Path(sys.executable).with_name("ruff")
    command = [ruff, "format", "--check", "--diff", "--line-length", "115", file]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout


def test_every_graph_is_proven_equal(pairwise: Compilation) -> None:
    assert {proof.verdict for proof in pairwise.proofs} == {"equal"}


@pytest.mark.parametrize(
    ("body", "answer", "runs"),
    [
        (case(4.0, country="DE"), [2.0, 0.25, 0.25], {"scaler_score": (1, 1)}),
        (case(4.0, country="US", speed="slow", known=False, level=3), [8.0, 0.75, 10.0], {"score_mul": (1, 1)}),
        (case(4.0, known=False), [8.0, 0.25, 1.0], {"score_mul": (1, 1)}),
    ],
)
def test_only_the_arm_of_the_value_runs(
    wire: Wire, counted: Counted, body: object, answer: object, runs: object
) -> None:
    assert ask_at_once(wire, "/v1/by_value", body) == [answer]
    assert counted() == runs


def test_a_batch_is_parted_by_arm_and_not_multiplied(wire: Wire, counted: Counted) -> None:
    bodies = [case(float(n), country=("DE", "FR", "US")[n % 3]) for n in range(9)]
    found = ask_at_once(wire, "/v1/by_value", *bodies)
    assert [one[0] for one in found] == [n / 2 if n % 3 == 0 else n * 2 for n in range(9)]  # type: ignore[index]
    assert counted() == {"scaler_score": (1, 3), "score_mul": (1, 6)}


def test_the_first_rule_that_holds_is_taken(wire: Wire, counted: Counted) -> None:
    bodies = [case(200.0, country="DE"), case(200.0), case(8.0, country="DE"), case(8.0)]
    assert ask_at_once(wire, "/v1/by_rule", *bodies) == [50.0, 100.0, 8.0, 8.0]
    assert sorted(counted().values()) == [(1, 1), (1, 1), (1, 2)]


def test_a_cascade_sends_on_only_what_is_unsure(wire: Wire, counted: Counted) -> None:
    found = ask_at_once(wire, "/v1/by_doubt", *(case(float(n)) for n in range(20)))
    assert found == [n if n > 10 else n / 2 for n in range(20)]
    assert sorted(counted().values()) == [(1, 11), (1, 20)]


def test_a_cascade_in_items_sends_on_only_the_unsure_items_of_all_requests(wire: Wire, counted: Counted) -> None:
    bodies = [case(inks=[float(n), 20.0 + n, 3.0]) for n in range(6)]
    found = ask_at_once(wire, "/v1/of_items", *bodies)
    assert found == [[n / 2, 20.0 + n, 1.5] for n in range(6)]
    assert sorted(counted().values()) == [(1, 12), (1, 18)]


def test_arithmetic_in_the_arms_is_one_session(wire: Wire, counted: Counted) -> None:
    assert ask_at_once(wire, "/v1/picked", case(20.0), case(-20.0), case(5.0)) == [40.0, 20.0, 6.0]
    assert sorted(counted().values()) == [(1, 3)]


def test_a_key_meets_the_same_arm_served_and_called(wire: Wire, compilation: Compilation) -> None:
    bodies = [case(8.0, user=f"user {n}") for n in range(200)]
    found = ask_at_once(wire, "/v1/by_share", *bodies)
    assert found == [plain(compilation, "by_share", body) for body in bodies]
    assert 0.15 < found.count(4.0) / 200 < 0.35
    assert ask_at_once(wire, "/v1/by_share", *bodies) == found


def test_a_wait_in_an_arm_overlaps_with_others_and_is_not_waited_for_elsewhere(wire: Wire) -> None:
    began = time.monotonic()
    assert ask_at_once(wire, "/v1/of_steps", case(1.0, country="DE"), case(1.0)) == [[2.0, 1.0], [1.0, 1.0]]
    assert time.monotonic() - began < 2 * NAP_S


def test_branches_that_return_tuples_give_tuples(wire: Wire) -> None:
    careful, quick = ask_at_once(wire, "/v1/pairs", case(8.0), case(8.0, known=False))
    assert careful == [4.0, [4.0] * 30] and quick == [8.0, [8.0] * 30]


def bodies_of_all_kinds() -> list[dict[str, object]]:
    return [
        case(ink, country=country, user=user, inks=inks)
        for ink in (1.0, 55.0, 130.0)
        for country in ("DE", "US")
        for user in ("a", "b", "c")
        for inks in ([], [1.0, 61.0, 200.0])
    ]


def test_every_choice_in_every_other_answers_as_the_plain_call(nest: Process, pairwise: Compilation) -> None:
    wire = nest.wire()
    wrong = []
    for traced in pairwise.planned.traced:
        name = traced.graph.name
        if "_of_" not in name:
            continue
        bodies = bodies_of_all_kinds()
        for body, found in zip(bodies, ask_at_once(wire, f"/v1/{name}", *bodies), strict=True):
            if found != plain(pairwise, name, body):
                wrong.append((name, json.dumps(body), found))
    wire.close()
    assert wrong == []
