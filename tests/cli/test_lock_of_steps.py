"""What the module of a step imports is pinned, and a lock that lacks it builds nothing."""

import json
import subprocess
import sys

from tests.running import ROOT, dagc

GRAPH = '''"""A step whose module asks for more than the runtime does."""

import helper

import dagc


@dagc.step
def rounded(number: float) -> str:
    return helper.rounded(number)


@dagc.graph
def demo(number: float) -> str:
    return rounded(number)
'''
HELPER = "import iniconfig\n\n\ndef rounded(number):\n    return f'{number:.2f} of {iniconfig.__name__}'\n"
OFFLINE = ROOT / "tests" / "diagnostics" / "offline_lock.py"


def test_a_package_that_a_step_imports_is_pinned_or_the_build_stops(tmp_path) -> None:
    (tmp_path / "graph.py").write_text(GRAPH)
    (tmp_path / "helper.py").write_text(HELPER)
    locked = subprocess.run(
        [sys.executable, str(OFFLINE), "graph.py"], cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, check=False
    )
    assert locked.returncode == 0
    lock = json.loads((tmp_path / "dagc.lock").read_text())
    assert "iniconfig" in {pin["name"] for pin in lock["requirements"]}
    assert dagc("build", "graph.py", "-o", "out", cwd=tmp_path).returncode == 0
    text = (tmp_path / "out" / "services" / "demo" / "requirements.txt").read_text()
    assert "iniconfig==" in text
    assert "sqlalchemy==" not in text

    lock["requirements"] = [pin for pin in lock["requirements"] if pin["name"] != "iniconfig"]
    (tmp_path / "dagc.lock").write_text(json.dumps(lock))
    refused = dagc("build", "graph.py", "-o", "other", cwd=tmp_path)
    assert refused.returncode == 1
    assert "error[E0505]: `iniconfig` is needed but not in `dagc.lock`" in refused.stderr
    assert not (tmp_path / "other").exists()


def test_a_package_that_is_not_installed_stops_the_build_at_its_import(tmp_path) -> None:
    (tmp_path / "graph.py").write_text(GRAPH)
    (tmp_path / "helper.py").write_text(HELPER.replace("    return", "    import nobody_has_this\n\n    return"))
    refused = dagc("build", "graph.py", "-o", "out", cwd=tmp_path)
    assert refused.returncode == 1
    assert "error[E0503]: no installed package provides `nobody_has_this`" in refused.stderr
    assert "helper.py:5" in refused.stderr
