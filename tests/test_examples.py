"""The walk-throughs in examples/ work when they are typed as they stand."""

import re
import subprocess
import sys
from pathlib import Path

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
