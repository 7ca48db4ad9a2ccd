"""The walk-throughs in examples/ work when they are typed as they stand."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from tests.running import ROOT, serving

EXAMPLES = Path(__file__).parent.parent / "examples"
DAGC = (sys.executable, "-m", "dagc")


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


def test_the_first_graph_can_be_followed_from_the_models_to_a_mistake(tmp_path: Path) -> None:
    page = (EXAMPLES / "first_graph.md").read_text(encoding="utf-8")
    for name, content in re.findall(r"```python\n# (\w+\.py)\n(.*?)```", page, re.DOTALL):
        (tmp_path / name).write_text(content, encoding="utf-8")
    request = re.search(r"```json\n(.*?)```", page, re.DOTALL)
    assert request
    (tmp_path / "requests").mkdir()
    (tmp_path / "requests" / "first.json").write_text(request[1], encoding="utf-8")

    assert run(tmp_path, sys.executable, "train.py").returncode == 0
    built = run(tmp_path, *DAGC, "build", "graph.py", "-o", "build/wine")
    assert built.returncode == 0, built.stderr
    assert "fused scaler + classifier into one model: 2 sessions -> 1" in built.stdout
    assert "(1 with stored answers)" in built.stdout

    text = (tmp_path / "graph.py").read_text(encoding="utf-8")
    (tmp_path / "graph.py").write_text(text.replace("f32(13)", "f32(12)"), encoding="utf-8")
    checked = run(tmp_path, *DAGC, "check", "graph.py")
    assert checked.returncode == 1
    shown = re.search(r"```text\n(error.*?)\n", page)
    assert shown and shown[1] in checked.stderr


def test_the_commands_of_the_performance_page_run(tmp_path: Path) -> None:
    page = (EXAMPLES / "performance.md").read_text(encoding="utf-8")
    lines = [line for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL) for line in block.splitlines()]
    commands = [shlex.split(line) for line in lines if line.startswith("dagc ")]
    assert [words[1] for words in commands] == ["bench", "profile", "build", "serve", "bench"]
    bench, profile, build, serve, remote = commands
    quick = ["--seconds", "0.3"]
    measured = run(ROOT, *DAGC, *bench[1:], *quick, "--concurrency", "1,8", "--rate", "100")
    assert measured.returncode == 0, measured.stderr
    head = next(line for line in page.splitlines() if "closed loop   req/s" in line)
    assert head in measured.stdout.splitlines()
    parts = re.findall(r"^    ([a-z_.]+) +0", page, re.MULTILINE)
    assert parts and all(part in measured.stdout for part in parts)

    profile[profile.index("-o") + 1] = str(tmp_path / "profile.json")
    assert run(ROOT, *DAGC, *profile[1:], *quick).returncode == 0
    assert (tmp_path / "profile.json").is_file()
    build[build.index("-o") + 1] = str(tmp_path / "build")
    assert run(ROOT, *DAGC, *build[1:]).returncode == 0
    with serving(tmp_path / "build" / "services" / "tabular", "-W", "ignore") as address:
        remote[2], remote[remote.index("--seconds") + 1] = address, "0.3"
        asked = run(ROOT, *DAGC, *remote[1:])
    assert asked.returncode == 0, asked.stderr
    assert serve[1:3] == ["serve", "build/tabular"]


def test_the_graph_of_the_services_page_is_cut_as_the_page_says_and_served_whole(tmp_path: Path) -> None:
    page = (EXAMPLES / "services.md").read_text(encoding="utf-8")
    graph = re.search(r"```python\n# graph.py\n(.*?)```", page, re.DOTALL)
    assert graph
    (tmp_path / "graph.py").write_text(graph[1], encoding="utf-8")
    plan, build, _serve = (shlex.split(line) for line in page.splitlines() if line.startswith("dagc "))
    planned = run(tmp_path, *DAGC, *plan[1:])
    shown = re.search(r"```text\n(.*?)```", page, re.DOTALL)
    assert shown and shown[1] in planned.stdout
    profiles = re.search(r"```toml\n(# dagc.toml\n.*?)```", page, re.DOTALL)
    assert profiles
    (tmp_path / "dagc.toml").write_text(profiles[1], encoding="utf-8")
    assert "deadline 0.2 s" in run(tmp_path, *DAGC, *plan[1:], "--profile", "prod").stdout
    built = run(tmp_path, *DAGC, *build[1:])
    assert built.returncode == 0, built.stderr
    assert sorted(folder.name for folder in (tmp_path / "build/price/services").iterdir()) == ["price", "thinking"]


def test_the_commands_of_the_deploying_page_have_the_options_it_gives_them(tmp_path: Path) -> None:
    page = (EXAMPLES / "deploying.md").read_text(encoding="utf-8")
    lines = [line for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL) for line in block.splitlines()]
    commands = [shlex.split(line)[1:] for line in lines if line.startswith("dagc ")]
    assert {"lock", "deploy", "status", "rollback", "logs", "down", "build", "image"} == {
        each[0] for each in commands
    }
    options: dict[str, set[str]] = {}
    for name, *words in commands:
        options.setdefault(name, set()).update(word for word in words if word.startswith("-"))
    for name, used in options.items():
        shown = run(tmp_path, *DAGC, name, "--help").stdout
        assert not [option for option in used if option not in shown], name


def test_the_page_of_databases_and_keys_can_be_followed(tmp_path: Path) -> None:
    page = (EXAMPLES / "business_logic.md").read_text(encoding="utf-8")
    for name, content in re.findall(r"```python\n# (\w+\.py)\n(.*?)```", page, re.DOTALL):
        (tmp_path / name).write_text(content, encoding="utf-8")
    assert run(tmp_path, sys.executable, "fill.py").returncode == 0
    built = run(tmp_path, *DAGC, "build", "graph.py", "-o", "build/comments")
    assert built.returncode == 0 and "W0803" not in built.stderr, built.stderr
    calls = [shlex.split(line) for line in page.splitlines() if line.startswith("curl -s http")]
    told = re.findall(r"`(\{\"kind\".*?\})`", page)
    key = "0123456789abcdef" * 2
    environment = {**os.environ, "COMMENT_KEYS": f"me:{key}"}
    with serving(tmp_path / "build/comments/services/moderate", environment=environment) as url:
        for words, answer in zip(calls, told, strict=True):
            asked = [
                word.replace("http://127.0.0.1:8000", url).replace("${COMMENT_KEYS#me:}", key) for word in words
            ]
            assert run(tmp_path, *asked).stdout == answer


def test_what_programs_may_read_is_what_is_written(tmp_path: Path) -> None:
    page = (EXAMPLES / "programs.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(dagc [^`]*)` \| .*? \| (.*) \|$", page, re.MULTILINE)
    members = {shlex.split(command)[1]: re.findall(r"`(\w+)`", told) for command, told in rows}
    assert members.keys() == {"check", "plan", "build", "bench", "status"}
    graph = ROOT / "graphs" / "tabular" / "graph.py"
    quick = {
        "build": ["-o", str(tmp_path / "out")],
        "bench": ["--seconds", "0.2", "--concurrency", "1", "--rate", "20"],
    }
    for command in ("check", "plan", "build", "bench"):
        done = run(tmp_path, *DAGC, command, str(graph), "--format", "json", *quick.get(command, []))
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert [*(found[0] if command == "bench" else found)] == members[command]
    assert (tmp_path / "out" / "plan.json").is_file()
