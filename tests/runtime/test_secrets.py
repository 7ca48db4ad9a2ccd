"""Settings: the variable first, then the file it names, then the place where engines mount secrets."""

from pathlib import Path

import pytest

from dagc.runtime import secrets
from dagc.runtime.secrets import setting
from dagc.runtime.settings import StartError


@pytest.fixture(autouse=True)
def mounted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in place of /run/secrets."""
    folder = tmp_path / "secrets"
    folder.mkdir()
    monkeypatch.setattr(secrets, "SECRETS", folder)
    return folder


def test_a_variable_goes_before_a_file_and_a_file_before_a_mounted_secret(
    tmp_path: Path, mounted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert setting("RISK_URL") is None
    (mounted / "RISK_URL").write_text("mounted\n")
    assert setting("RISK_URL") == "mounted"
    (tmp_path / "named").write_text("named\r\n")
    monkeypatch.setenv("RISK_URL_FILE", str(tmp_path / "named"))
    assert setting("RISK_URL") == "named"
    monkeypatch.setenv("RISK_URL", "variable")
    assert setting("RISK_URL") == "variable"


def test_one_newline_at_the_end_is_no_part_of_a_value(mounted: Path) -> None:
    (mounted / "KEYS").write_text(" a\nb\n\n")
    assert setting("KEYS") == " a\nb\n"


def test_an_empty_file_is_no_value(mounted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (mounted / "KEYS").write_text("\n")
    assert setting("KEYS") is None
    monkeypatch.setenv("RISK_URL_FILE", "/dev/null")
    assert setting("RISK_URL") is None


@pytest.mark.parametrize("held", [b"\xff\xfe", b"k" * 70_000], ids=["no text", "too long"])
def test_a_file_that_holds_no_value_stops_the_start_without_being_repeated(mounted: Path, held: bytes) -> None:
    (mounted / "KEYS").write_bytes(held)
    with pytest.raises(StartError) as stopped:
        setting("KEYS")
    assert stopped.value.code == "setting" and "kkk" not in str(stopped.value)


def test_a_named_file_that_is_missing_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEYS_FILE", "/nowhere/keys")
    with pytest.raises(StartError, match="KEYS_FILE names cannot be read: No such file"):
        setting("KEYS")
