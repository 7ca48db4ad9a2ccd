"""The pages of the codes of the language: the bad example gives the code, the good one gives nothing."""

import re
from pathlib import Path

import pytest

from dagc.diagnostics import Report
from dagc.diagnostics.pages import codes, page
from dagc.dsl.load import load

OURS = [code for code in codes() if "E0100" <= code <= "E0139"]
SHOWN = [code for code in OURS if "## Bad" in page(code)]


def example(code: str, heading: str) -> str:
    found = re.search(rf"^## {heading}\n\n```python\n(.*?)^```", page(code), re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[1]


def loaded(folder: Path, source: str) -> list[str]:
    (folder / "graph.py").write_text(source, encoding="utf-8")
    report = Report()
    traced = load(folder / "graph.py", report)
    assert bool(traced) != bool(report.errors) or len(traced) > 1 or "E0124" in str(report.errors)
    return [diagnostic.code for diagnostic in report.diagnostics]


@pytest.mark.parametrize("code", SHOWN)
def test_the_bad_example_gives_its_code_and_nothing_else(folder: Path, code: str) -> None:
    assert loaded(folder, example(code, "Bad")) == [code]


@pytest.mark.parametrize("code", SHOWN)
def test_the_good_example_gives_nothing(folder: Path, code: str) -> None:
    assert loaded(folder, example(code, "Good")) == []


@pytest.mark.parametrize("code", OURS)
def test_a_page_shows_how_its_code_arises(code: str) -> None:
    assert ("## Bad" in page(code) and "## Good" in page(code)) != ("## How to see it" in page(code))
