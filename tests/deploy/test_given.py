"""Variables and secrets as they are typed: taken, handed to who declares them, or refused, not repeated."""

import json
from pathlib import Path

import pytest

from dagc.artifacts.compose import read_compose
from dagc.artifacts.tree import ArtifactTree
from dagc.deploy.built_tree import BuiltService
from dagc.deploy.given import Given, needed_is_given, secrets, variables, variables_of_file
from dagc.diagnostics import CompileError

COMPOSE = Path(__file__).parent.parent / "backends" / "golden" / "compose.yaml"


def service(name: str, **settings: tuple[bool, bool]) -> BuiltService:
    """A service with settings: whether each is secret, and whether it is needed."""
    told = [
        {"name": each, "meaning": "", "secret": secret, "needed": needed}
        for each, (secret, needed) in settings.items()
    ]
    tree = ArtifactTree({"service.json": json.dumps({"settings": told}).encode()})
    return BuiltService(name, Path(), tree, read_compose(COMPOSE).services["graph"], {}, {})


def test_what_stands_behind_the_first_equals_sign_is_the_value() -> None:
    assert variables(["A=b=c", "LONG_NAME=x y"]) == {"A": "b=c", "LONG_NAME": "x y"}


def test_a_name_alone_takes_the_value_from_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RISK_KEY", "canary")
    assert variables(["RISK_KEY"]) == {"RISK_KEY": "canary"}
    assert secrets(["RISK_KEY"]) == {"RISK_KEY": b"canary"}
    monkeypatch.delenv("RISK_KEY")
    for read in (variables, secrets):
        with pytest.raises(CompileError, match="E0723"):
            read(["RISK_KEY"])


def test_a_secret_is_what_its_file_holds(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("x\n", encoding="utf-8")
    assert secrets([f"token={tmp_path / 'token'}"]) == {"token": b"x\n"}


def test_a_file_of_variables_has_one_a_line(tmp_path: Path) -> None:
    (tmp_path / "env").write_text("# mine\n\nA=b=c\nNAME=x y\n", encoding="utf-8")
    assert variables_of_file(tmp_path / "env") == {"A": "b=c", "NAME": "x y"}
    with pytest.raises(CompileError, match="E0723"):
        variables_of_file(tmp_path / "none")


@pytest.mark.parametrize("text", ["=canary", "a b=canary", "../x=canary", "NAME=", "canary=" + "/no/such/file"])
def test_what_is_of_another_form_is_refused_and_not_repeated(text: str, tmp_path: Path) -> None:
    with pytest.raises(CompileError, match="E0723"):
        secrets([text])
    if text.startswith("canary"):
        return
    (tmp_path / "env").write_text(text, encoding="utf-8")
    for read in (lambda: secrets([text]), lambda: variables([text]), lambda: variables_of_file(tmp_path / "env")):
        with pytest.raises(CompileError, match="E0723") as refused:
            read()
        assert "canary" not in str(refused.value)


def test_a_file_too_large_for_a_secret_is_refused(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(b"x" * 100_000)
    with pytest.raises(CompileError, match="E0723"):
        secrets([f"token={tmp_path / 'token'}"])


def test_a_service_gets_its_own_settings_and_what_nobody_declares() -> None:
    front, encoder = service("front", RISK_KEY=(True, True)), service("encoder", LANGUAGE=(False, False))
    given = Given({"RISK_KEY": "canary", "LANGUAGE": "en", "MODE": "calm"}, {"token": b"t"})
    assert given.of(front, (front, encoder)) == Given({"MODE": "calm"}, {"RISK_KEY": b"canary", "token": b"t"})
    assert given.of(encoder, (front, encoder)) == Given({"LANGUAGE": "en", "MODE": "calm"}, {"token": b"t"})


def test_every_setting_without_a_value_is_told() -> None:
    services = (service("front", RISK_KEY=(True, True), URL=(False, True), LANGUAGE=(False, False)),)
    needed_is_given(services, Given({"URL": "x"}, {"RISK_KEY": b"x"}))
    with pytest.raises(CompileError) as refused:
        needed_is_given(services, Given({}, {}))
    assert [found.code for found in refused.value.report.errors] == ["E0724", "E0724"]
    assert {"--secret RISK_KEY" in str(found.help) or "--env URL" in str(found.help) for found in
            refused.value.report.errors} == {True}  # fmt: skip


def test_what_is_given_does_not_show_in_a_printed_form() -> None:
    assert "canary" not in repr(Given({"A": "canary"}, {"B": b"canary"}))
