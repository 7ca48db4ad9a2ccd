"""`dagc bench` and `dagc profile` on a small graph: real services, and what a build makes of their numbers."""

import json
import re
from pathlib import Path

import pytest

from tests.running import dagc

pytestmark = [pytest.mark.port, pytest.mark.ort]

QUICK = ("--seconds", 0.3)


def test_a_graph_is_measured_and_every_answer_is_checked(folder: Path) -> None:
    done = dagc("bench", "graph.py", "--concurrency", "1,4", "--rate", 50, *QUICK, "--format", "json", cwd=folder)
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(done.stdout)
    assert [each["connections"] for each in found["closed"]] == [1, 4]
    for each in found["closed"]:
        assert each["statuses"].keys() == {"200"} and each["wrong"] == 0 and each["requests_per_s"] > 0
        assert each["latency_ms"]["p50"] <= each["latency_ms"]["p99.9"]
        assert "score" in {part["part"] for part in each["parts"]}
        assert each["server_cpu_us"] > 0 and each["client_cpu_s"] > 0
    (opened,) = found["open"]
    assert opened["rate_per_s"] == 50


def test_a_build_is_measured_as_text_with_its_saturation(folder: Path) -> None:
    assert dagc("build", "graph.py", "-o", "out", cwd=folder).returncode == 0
    done = dagc("bench", "out", "--concurrency", 2, *QUICK, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "POST /v1/rate: 64 requests in turn, every answer checked" in done.stdout
    assert re.search(r"saturation: holds up to [\d,]+ requests a second", done.stdout)
    assert "score" in done.stdout


@pytest.mark.parametrize("words", [("--concurrency", "0"), ("--concurrency", "a"), ("--rate", "-1")])
def test_what_is_no_number_is_a_mistake_of_usage(folder: Path, words: tuple[str, str]) -> None:
    assert dagc("bench", "graph.py", *words, cwd=folder).returncode == 2


def test_a_profile_is_read_by_the_next_plan_and_names_no_machine(folder: Path) -> None:
    done = dagc("profile", "graph.py", "--seconds", 0.3, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "endpoint  rate: p50 predicted" in done.stdout
    text = (folder / "profile.json").read_text()
    found = json.loads(text)
    (session,) = found["sessions"]
    assert session["name"] == "score" and session["batch"] == 64
    assert 0 < session["alone"]["p50_ms"] <= session["alone"]["p99_ms"]
    assert found["endpoints"][0]["sessions"] == {"score": {"rows": 1.0, "runs": 1.0}}
    assert found["machine"].keys() == {"processor", "cpus", "system", "python", "onnxruntime"}
    assert str(folder) not in text

    plan = json.loads(dagc("plan", "graph.py", "--format", "json", cwd=folder).stdout)["services"][0]
    assert plan["sessions"][0]["run_ms"] == session["run"]["p50_ms"]
    assert {part["source"] for part in plan["endpoints"][0]["predicted"]} == {"measured"}
    assert dagc("build", "graph.py", "-o", "out", cwd=folder).returncode == 0
    settings = json.loads((folder / "out" / "services" / "rate" / "service.json").read_text())
    assert settings["sessions"][0]["run_ms"] == session["run"]["p50_ms"]


def test_a_build_reads_the_profile_and_measures_nothing(folder: Path) -> None:
    assert dagc("profile", "graph.py", "--seconds", 0.2, cwd=folder).returncode == 0
    builds = [dagc("build", "graph.py", "-o", name, "--format", "json", cwd=folder) for name in ("one", "two")]
    assert len({json.loads(done.stdout)["sha256"] for done in builds}) == 1
