"""Variables and secrets as they are typed: taken, or refused without being repeated."""

from pathlib import Path

import pytest

from dagc.deploy.given import secrets, variables
from dagc.diagnostics import CompileError


def test_what_stands_behind_the_first_equals_sign_is_the_value() -> None:
    assert variables(["A=b=c", "LONG_NAME=x y"]) == {"A": "b=c", "LONG_NAME": "x y"}


def test_a_secret_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("x", encoding="utf-8")
    assert secrets([f"token={tmp_path / 'token'}"]) == {"token": tmp_path / "token"}


@pytest.mark.parametrize("text", ["canary", "=canary", "a b=canary", "../x=canary", "NAME="])
def test_what_is_of_another_form_is_refused_and_not_repeated(text: str) -> None:
    for read in (variables, secrets):
        with pytest.raises(CompileError, match="E0723") as refused:
            read([text])
        assert "canary" not in str(refused.value)


def test_a_secret_without_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CompileError, match="E0723"):
        secrets([f"token={tmp_path / 'none'}"])
