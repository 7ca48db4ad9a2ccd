"""What is said when an engine refuses, by its own words; the words are those of real engines."""

import json
from pathlib import Path

import pytest
from docker.context.config import get_meta_file

from dagc.deploy.engine_address import engine_address, machine
from dagc.deploy.refusals import refused
from dagc.diagnostics import CompileError

WORDS = [
    ("write /srv/packages/numpy/x.so: no space left on device", "E0713"),
    ("Error processing tar file(exit status 1): write /a: no space left on device", "E0713"),
    (
        "driver failed programming external connectivity on endpoint door (1f): Bind for 127.0.0.1:8000 failed: "
        "port is already allocated",
        "E0701",
    ),
    (
        "Error starting userland proxy: listen tcp4 127.0.0.1:8000: bind: address already in use",
        "E0701",
    ),
    ('Conflict. The container name "/dagc-rate-rate-2" is already in use by container "1f"', "E0722"),
    ("Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available", "E0721"),
]


@pytest.mark.parametrize(("words", "code"), WORDS)
def test_the_engines_words_become_a_code_and_stay_readable(words: str, code: str) -> None:
    found = refused("start it", words)
    assert found.code == code
    assert found.notes == (words,)


def test_what_an_engine_says_cannot_draw_on_a_terminal() -> None:
    found = refused("start it", "bad\x1b[31m\nthing" + "x" * 1000)
    assert found.notes[0].startswith("bad[31m thing") and len(found.notes[0]) == 300


def test_the_engine_is_that_of_the_context_as_docker_has_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    context = Path(get_meta_file("far"))  # as `docker context create far --docker host=...` writes it
    context.parent.mkdir(parents=True)
    endpoint = {"Host": "tcp://127.0.0.1:9", "SkipTLSVerify": False}
    told = {"Name": "far", "Metadata": {}, "Endpoints": {"docker": endpoint}}
    context.write_text(json.dumps(told), encoding="utf-8")
    assert "unix://" in str(engine_address()["base_url"])
    monkeypatch.setenv("DOCKER_CONTEXT", "far")
    assert engine_address() == {"base_url": "tcp://127.0.0.1:9"}
    monkeypatch.setenv("DOCKER_CONTEXT", "gone")
    with pytest.raises(CompileError) as refusal:
        engine_address()
    assert "no docker context `gone`" in refusal.value.report.errors[0].notes[0]


def test_an_engine_over_ssh_is_reached_by_its_forwarded_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "ssh://me@far:2222")
    with pytest.raises(CompileError) as refusal:
        engine_address()
    assert refusal.value.report.errors[0].code == "E0710"
    assert "me@far:2222" in refusal.value.report.errors[0].help


@pytest.mark.parametrize(
    ("url", "name"),
    [("unix:///var/run/docker.sock", ""), ("tcp://127.0.0.2:2375", ""), ("tcp://far:2376", "far")],
)
def test_an_address_tells_whether_the_engine_is_on_another_machine(url: str, name: str) -> None:
    assert machine({"base_url": url}) == name
