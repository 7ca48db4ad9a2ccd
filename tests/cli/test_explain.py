"""`dagc explain`: every page, a list of them, and help with a code that does not exist."""

from pathlib import Path

import pytest

from dagc.cli.explain import explain
from dagc.diagnostics.pages import codes, page, title
from tests.running import dagc


@pytest.mark.parametrize("code", codes())
def test_every_code_is_explained_by_its_page(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    explain(code.lower())
    assert capsys.readouterr().out == page(code)


def test_without_a_code_all_are_listed_with_their_titles(tmp_path: Path) -> None:
    done = dagc("explain", cwd=tmp_path)
    assert done.stdout.splitlines() == [f"{code}  {title(code)}" for code in codes()]


@pytest.mark.parametrize(
    ("word", "hint"), [("E203", "did you mean `E0203`?"), ("shapes", "`dagc explain` lists them all")]
)
def test_a_code_that_does_not_exist_is_refused_with_a_way_on(tmp_path: Path, word: str, hint: str) -> None:
    done = dagc("explain", word, cwd=tmp_path)
    assert done.returncode == 2
    assert f"there is no code `{word}`; {hint}" in done.stderr
