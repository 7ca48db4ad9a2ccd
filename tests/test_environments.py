"""Profiles of `dagc.toml`: other numbers for an environment, the same answers, and mistakes at their lines."""

import json
from pathlib import Path

import pytest

from dagc.compile import Compilation, compile_file
from dagc.diagnostics import CompileError, Diagnostic, Report
from dagc.dsl.environments import in_every_environment
from dagc.frontend import check_file
from dagc.ir.regions import every_node
from tests.running import dagc

pytestmark = pytest.mark.ort

GRAPH = '''"""Weigh words elsewhere."""

import dagc

compute = dagc.service("compute", cpu=2, memory_mib=512, batch=dagc.batch(16))


@dagc.step(on=compute)
def weigh(words: str) -> float:
    return float(len(words))


@dagc.graph(deadline_s=0.5)
def price(words: str) -> float:
    """What words cost."""
    return dagc.switch(words, {"free": lambda: 0.0}, default=lambda: weigh(words))
'''
PROFILES = """[prod.service.compute]
cpu = 4
replicas = [2, 20]
batch = { max_wait_ms = 2.5 }

[prod.graph.price]
deadline_s = 0.2

[staging.service]
compute.gpu = 0
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "graph.py").write_text(GRAPH)
    (tmp_path / "dagc.toml").write_text(PROFILES)
    return tmp_path


def built(home: Path, environment: str | None = None) -> Compilation:
    return compile_file(home / "graph.py", Report(), lambda _words: None, environment=environment)


def test_a_profile_changes_its_numbers_in_branches_too_and_nothing_else(home: Path) -> None:
    plain, prod = built(home), built(home, "prod")
    plain_service, service = (made.planned.plan.services[1].capacity for made in (plain, prod))
    assert plain_service and service
    assert (plain_service.cpu, plain_service.memory_mib, plain_service.replicas) == (2, 512, (1, 1))
    assert (service.cpu, service.memory_mib, service.replicas) == (4, 512, (2, 20))
    (placed,) = {node.placement for node in prod.planned.traced[0].graph.nodes[-1].op.arms[1].nodes}
    assert (placed.max_batch, placed.max_wait_ms) == (16, 2.5)
    assert [made.planned.plan.services[0].endpoints[0].limits.deadline_s for made in (plain, prod)] == [0.5, 0.2]
    mains = [made.tree.files["services/price/main.py"] for made in (plain, prod)]
    assert mains[0] == mains[1]


def test_a_build_says_which_profile_it_was_made_with_and_is_the_same_again(home: Path) -> None:
    said = "numbers are those of profile `prod` in dagc.toml"
    prod = built(home, "prod")
    assert said in json.loads(prod.tree.files["plan.json"])["remarks"]
    assert said in prod.tree.files["README.md"].decode()
    assert b"dagc.toml" not in built(home).tree.files["plan.json"]
    assert built(home, "prod").tree.digest() == prod.tree.digest()
    assert built(home, "staging").planned.plan.services == built(home).planned.plan.services


@pytest.mark.parametrize("command", ["check", "serve", "deploy"])
def test_every_command_that_builds_takes_a_profile(home: Path, command: str) -> None:
    done = dagc(command, "graph.py", "--profile", "pord", cwd=home)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error[E0523]: `dagc.toml` has no profile `pord`\nhelp: did you mean `prod`?\n")


def test_a_lock_covers_the_gpus_of_every_profile(home: Path) -> None:
    (home / "dagc.toml").write_text("[prod.service.compute]\ngpu = 1\n[staging]\n")
    traced = check_file(home / "graph.py", Report())
    graphs = in_every_environment([each.graph for each in traced], home)
    gpus = [{node.placement.gpu for node in every_node(graph) if node.placement} for graph in graphs]
    assert gpus == [{0}, {1}, {0}]


def test_the_plan_shows_the_numbers_of_the_profile(home: Path) -> None:
    shown = dagc("plan", "graph.py", "--profile", "prod", cwd=home).stdout
    assert shown.startswith("numbers are those of profile `prod` in dagc.toml\n")
    assert "deadline 0.2 s" in shown


def mistakes(home: Path, profiles: str, environment: str | None = "prod") -> tuple[Diagnostic, ...]:
    (home / "dagc.toml").write_text(profiles)
    with pytest.raises(CompileError) as error:
        check_file(home / "graph.py", Report(), environment=environment)
    return error.value.report.errors


@pytest.mark.parametrize(
    ("profiles", "code", "place", "words"),
    [
        ("[prod.service.compte]\ncpu = 1", "E0525", "1:2", "`compte` is no service"),
        ("[prod.graph.cost]\ndeadline_s = 1", "E0525", "1:2", "`cost` is no graph of the file"),
        ("[prod.services.compute]\ncpu = 1", "E0525", "1:2", "`services` is no kind"),
        ("[prod.service.compute]\ncpus = 1", "E0525", "2:1", "`cpus` is no number of a service"),
        ("[prod.service.compute]\nbatch = { size = 1 }", "E0525", "2:1", "`size` is no number of a service"),
        ("[prod.graph.price]\nversion = '2.0.0'", "E0525", "2:1", "`version` is no number of a graph"),
        ("prod = 1", "E0525", "1:1", "`prod` is no table"),
        ("[prod.service.compute]\n\ncpu = 0", "E0514", "3:1", "`cpu` of service `compute` is `0`"),
        ("[prod.service.compute]\ncpu = 'two'", "E0514", "2:1", "`cpu` of service `compute` is `'two'`"),
        ("[prod.service.compute.batch]\nmax_size = 0", "E0514", "2:1", "`max_size` of service"),
        ("[prod.service.compute]\nreplicas = [5, 2]", "E0515", "2:1", "at least 5 instances and at most 2"),
        ("[prod.service.compute]\nbatch = { max_size = 1, max_wait_ms = 2 }", "E0521", "2:1", "room for nobody"),
        ("[prod.graph.price]\ndeadline_s = 0", "E0511", "2:1", "a deadline of `0` seconds"),
        ("[prod.graph.price]\ndeadline_s = inf", "E0511", "2:1", "a deadline of `inf` seconds"),
        ("[prod.graph\n", "E0524", "1:12", "`dagc.toml` is not TOML"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_at_its_line_of_the_file(
    home: Path, profiles: str, code: str, place: str, words: str
) -> None:
    (found,) = mistakes(home, profiles)
    assert (found.code, str(found.span)) == (code, f"dagc.toml:{place}")
    assert words in found.message and found.help


def test_mistakes_of_other_profiles_are_told_too_and_all_at_once(home: Path) -> None:
    found = mistakes(home, f"{PROFILES}\n[dev.service.gone]\ncpu = 0\n[dev.graph.price]\ndeadline_s = -1\n", None)
    assert [one.code for one in found] == ["E0525", "E0511"]


def test_a_pair_is_proposed_as_this_file_writes_it(home: Path) -> None:
    (found,) = mistakes(home, "[prod.service.compute]\nreplicas = [5, 2]")
    assert found.help == "write `replicas = [2, 5]`"


def test_a_missing_or_unreadable_file_is_told(home: Path) -> None:
    (found,) = mistakes(home, "")
    assert (found.code, found.help is not None and "[prod.service" in found.help) == ("E0523", True)
    (home / "dagc.toml").write_bytes(b"\xff")
    with pytest.raises(CompileError) as error:
        check_file(home / "graph.py", Report())
    assert [one.code for one in error.value.report.errors] == ["E0524"]


def test_a_deadline_of_a_profile_is_held_against_the_times_of_steps(home: Path) -> None:
    (home / "graph.py").write_text(
        GRAPH.replace("on=compute", "on=compute, timeout_s=0.4").replace("def weigh", "async def weigh")
    )
    (found,) = mistakes(home, PROFILES)
    assert (found.code, "its deadline is 0.2 s" in found.message) == ("E0330", True)
