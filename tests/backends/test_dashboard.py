"""The dashboard of a service asks for numbers that the service has, and for nothing else."""

import json
import re
import urllib.request
from pathlib import Path

import pytest

from dagc.artifacts.write import write
from dagc.compile import compile_file
from dagc.diagnostics import Report
from tests.running import serving

pytestmark = [pytest.mark.port, pytest.mark.ort]

PLAIN = '''"""One step."""

import dagc


@dagc.step
def double(number: int) -> int:
    return 2 * number


@dagc.graph
def plain(number: int) -> int:
    return double(number)
'''
FULL = '''"""A little of everything that is counted."""

import dagc

risk = dagc.http("RISK_URL", default="http://127.0.0.1:9")


def nothing() -> int:
    return 0


@dagc.step(timeout_s=0.1, retries=1, fallback=nothing)
async def asked(number: int, *, client: dagc.Http = risk) -> int:
    return number


@dagc.step(run="thread", batch=True)
def doubled(numbers: list[int]) -> list[int]:
    return [2 * number for number in numbers]


@dagc.step
def least(answers: list[int]) -> int:
    return min(answers)


@dagc.graph
def full(number: int) -> int:
    known = dagc.shadow(lambda: doubled(number), lambda: asked(number))
    return dagc.quorum([lambda: doubled(known), lambda: asked(known)], need=1, within_s=0.2, combine=least)
'''
NAME = re.compile(r"dagc_[a-z_]+")


def _built(folder: Path, text: str) -> Path:
    (folder / "graph.py").write_text(text)
    tree = compile_file(folder / "graph.py", Report(str(folder)), lambda _: None).tree
    write(tree, folder / "out")
    return folder / "out"


def _queries(built: Path, service: str) -> list[str]:
    document = json.loads((built / "dashboards" / f"{service}.json").read_text())
    return [target["expr"] for panel in document["panels"] for target in panel["targets"]]


@pytest.mark.parametrize(("name", "text"), [("plain", PLAIN), ("full", FULL)])
def test_every_number_that_the_dashboard_asks_for_is_one_the_service_has(tmp_path, name, text) -> None:
    built = _built(tmp_path, text)
    with serving(built / "services" / name) as address:
        number = json.dumps({"number": 3}).encode()
        asked = urllib.request.Request(f"{address}/v1/{name}", number, {"content-type": "application/json"})
        assert urllib.request.urlopen(asked, timeout=30).status == 200
        had = urllib.request.urlopen(f"{address}/metrics", timeout=30).read().decode()
    kinds = dict(line.split()[2:4] for line in had.splitlines() if line.startswith("# TYPE"))
    parts = [f"{family}_{part}" for family, kind in kinds.items() if kind == "histogram" for part in _PARTS]
    queries = _queries(built, name)
    used = {found for query in queries for found in NAME.findall(query)}
    assert used <= {*kinds, *parts}
    shown = {re.sub("_(bucket|sum|count)$", "", found) for found in used}
    assert set(kinds) - shown <= {"dagc_batch_size"}  # has no series where nothing runs in batches
    for query in queries:
        family = NAME.findall(query)[0]
        counted = [line for line in had.splitlines() if line.startswith(f"{family}{{")]
        for label in re.findall(r"by \(([a-z, ]+)\)", query)[0].split(", ") if " by " in query else ():
            assert all(f'{label}="' in line for line in counted), (query, label)


_PARTS = ("bucket", "sum", "count")


def test_a_service_has_panels_for_what_it_has(tmp_path) -> None:
    (tmp_path / "plain").mkdir()
    (tmp_path / "full").mkdir()
    plain = " ".join(_queries(_built(tmp_path / "plain", PLAIN), "plain"))
    full = " ".join(_queries(_built(tmp_path / "full", FULL), "full"))
    for family in (
        "dagc_fallbacks",
        "dagc_quorum",
        "dagc_shadow",
        "dagc_retries",
        "dagc_batch_size",
        "dagc_resource",
    ):
        assert family not in plain
        assert family in full


def test_two_builds_make_the_same_dashboard_and_panels_do_not_overlap(tmp_path) -> None:
    first = _built(tmp_path, FULL) / "dashboards" / "full.json"
    content = first.read_bytes()
    document = json.loads(content)
    places = [tuple(sorted(panel["gridPos"].items())) for panel in document["panels"]]
    assert len(set(places)) == len(places)
    assert [panel["id"] for panel in document["panels"]] == list(range(1, len(places) + 1))
    assert (_built(tmp_path, FULL) / "dashboards" / "full.json").read_bytes() == content
