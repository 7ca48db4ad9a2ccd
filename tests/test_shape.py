"""The shape of the house: no large rooms, and every module says what it holds."""

import ast
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DAGC = ROOT / "dagc"
FILES = sorted(DAGC.rglob("*.py"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(DAGC)))
def test_a_file_has_at_most_400_lines(file: Path) -> None:
    assert len(file.read_text(encoding="utf-8").splitlines()) <= 400


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(DAGC)))
def test_a_module_says_in_at_most_8_lines_what_it_holds(file: Path) -> None:
    docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
    assert docstring
    assert len(docstring.splitlines()) <= 8


def test_the_top_level_holds_what_a_newcomer_expects() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    tops = {line.split("/")[0] for line in listed.stdout.splitlines()}
    assert tops <= {
        "dagc", "templates", "graphs", "examples", "tests", "benchmarks", "CHANGELOG.md", "README.md",
        "LICENSE", "Makefile", "pyproject.toml", "requirements.lock", ".ci", ".gitignore",
    }  # fmt: skip
