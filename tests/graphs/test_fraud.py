"""`fraud`: lookups that overlap, on real servers; dependencies that fail; secrets that stay where they are."""

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import httpx
import pytest

from tests.graphs.conftest import Build, Built
from tests.resources.misbehaving import Misbehaving, misbehaving
from tests.resources.servers import Server, postgres, program, redis, server_folder
from tests.running import KEY, KEYS, ROOT, free_port, near, ready_address

pytestmark = [pytest.mark.ort, pytest.mark.port]

FOLDER = ROOT / "graphs" / "fraud"
CASES = [json.loads(path.read_text()) for path in sorted((FOLDER / "requests").glob("*.json"))]
BUREAU = json.dumps({"score": 0.1, "listed": False}).encode()
GOOD = [case for case in CASES if case["request"]["merchant"] == "bookshop"]


@pytest.fixture(scope="module")
def built(build: Build) -> Built:
    return build(FOLDER)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with server_folder() as found:
        yield found


@pytest.fixture(scope="module")
def database(folder: Path) -> Iterator[Server]:
    """PostgreSQL with the customers of the embedded default."""
    server = postgres(folder / "postgres")
    server.start()
    with sqlite3.connect(FOLDER / "profiles.db") as kept:
        rows = ", ".join(str(row) for row in kept.execute("SELECT * FROM profiles"))
    table = "CREATE TABLE people (user_id TEXT PRIMARY KEY, age_days INT, spent REAL, payments INT)"
    slow = "CREATE VIEW profiles AS SELECT people.* FROM people, (SELECT pg_sleep(0.1)) AS slept"
    statements = f"{table}; INSERT INTO people VALUES {rows}; {slow}"
    where = f"postgresql://app:canary-secret@127.0.0.1:{server.port}/postgres"
    asked = [program("psql", "postgresql"), where, "-q", "-v", "ON_ERROR_STOP=1"]
    subprocess.run([*asked, "-c", statements], check=True)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def store(folder: Path) -> Iterator[Server]:
    """Redis with what the customers did in the last hour."""
    server = redis(folder / "redis")
    server.start()
    client = pytest.importorskip("redis").Redis(port=server.port, password="canary-secret")
    with client, sqlite3.connect(FOLDER / "features.db") as kept:
        for key, value in kept.execute("SELECT key, value FROM entries"):
            client.set(key, value)
    yield server
    server.stop()


@pytest.fixture
def bureau() -> Iterator[Misbehaving]:
    with misbehaving() as found:
        found.body = BUREAU
        yield found


@dataclass
class Running:
    """A service that runs, and what it has said."""

    client: httpx.Client
    log: Path

    def ask(self, case: dict[str, object]) -> httpx.Response:
        return self.client.post("/v1/fraud", json=case["request"])

    def number(self, start: str) -> float:
        """The sum of the metrics that begin so."""
        lines = [line for line in self.client.get("/metrics").text.splitlines() if line.startswith(start)]
        return sum(float(line.rpartition(" ")[2]) for line in lines)


@contextmanager
def running(built: Built, tmp_path: Path, **settings: str) -> Iterator[Running]:
    log = tmp_path / "log"
    environment = {**os.environ, **KEYS, "PYTHONDONTWRITEBYTECODE": "1", "DAGC_ACCESS_LOG": "all", **settings}
    command = [sys.executable, "main.py", "--port", "0", "--drain-s", "0", "--workers", "1"]
    with log.open("w") as said:
        process = subprocess.Popen(
            command, cwd=built.service, env=environment, stdout=subprocess.PIPE, stderr=said, text=True
        )
        try:
            assert process.stdout is not None
            process.stderr = log.open()
            with httpx.Client(base_url=ready_address(process), timeout=30, headers=KEY) as client:
                yield Running(client, log)
        finally:
            process.terminate()
            process.wait(30)
            process.stdout.close()
            process.stderr.close()
    assert process.returncode == 0, log.read_text()


def test_three_lookups_on_real_servers_overlap_and_answer_as_stored(
    built: Built, database: Server, store: Server, bureau: Misbehaving, tmp_path: Path
) -> None:
    client = pytest.importorskip("redis").Redis(port=store.port, password="canary-secret")
    bureau.mode = "slow 0.1"
    settings = {
        "PROFILES_DATABASE_URL": f"postgres://app:canary-secret@127.0.0.1:{database.port}/postgres",
        "FEATURES_URL": f"redis://:canary-secret@127.0.0.1:{store.port}/0",
        "RISK_URL": f"{bureau.url}?key=canary-secret",
    }
    with client, running(built, tmp_path, **settings) as service:
        texts = []
        for case in GOOD:
            client.execute_command("CLIENT", "PAUSE", "100", "ALL")
            answer = service.ask(case)
            texts.append(answer.text)
            assert answer.status_code == 200
            if "x-dagc-degraded" not in answer.headers:
                assert near(answer.json(), case["response"], 1e-5), (case, answer.json())
        request_s = service.number("dagc_request_seconds_sum")
        apart_s = service.number("dagc_resource_seconds_sum")
        assert service.number("dagc_resource_seconds_count") >= 3 * len(GOOD)
        # Each of the three takes a tenth of a second: one after the other they would be the request's time.
        assert request_s < 0.8 * apart_s
        texts += [service.client.get(path).text for path in ("/metrics", "/openapi.json", "/")]
    texts.append(service.log.read_text())
    texts += [path.read_text(errors="replace") for path in built.tree.rglob("*") if path.is_file()]
    assert not any("canary" in text for text in texts)
    assert b"x-request-id: " in bureau.asked[0] and b"x-request-timeout-ms: " in bureau.asked[0]


@pytest.mark.parametrize("mode", ["hung", "reset", "garbage", "truncated", "status 503"])
def test_a_bureau_that_fails_gives_degraded_answers_in_time_and_is_found_again(
    built: Built, bureau: Misbehaving, tmp_path: Path, mode: str
) -> None:
    with running(built, tmp_path, RISK_URL=bureau.url) as service:
        assert "x-dagc-degraded" not in service.ask(GOOD[0]).headers
        bureau.mode = mode
        for case in (*GOOD, *GOOD)[:8]:
            answer = service.ask(case)
            assert answer.status_code == 200 and answer.headers["x-dagc-degraded"] == "risk"
            assert answer.json().keys() == {"allow", "score", "reasons"}
            assert answer.elapsed.total_seconds() < 30  # the deadline is one second; a loaded machine is slow
        assert service.number('dagc_fallbacks_total{node="risk"}') == 8
        assert service.number('dagc_resource_failures_total{resource="RISK_URL"') >= 5
        assert service.number('dagc_breaker_state{edge="RISK_URL"}') > 0
        asked = len(bureau.asked)
        assert asked < 16  # the breaker has left it alone
        bureau.mode, until = "good", time.monotonic() + 60
        while "x-dagc-degraded" in service.ask(GOOD[0]).headers:
            assert time.monotonic() < until, "it has not healed within a minute"
            time.sleep(0.1)
        assert service.number('dagc_breaker_state{edge="RISK_URL"}') == 0
    log = service.log.read_text()
    assert "`RISK_URL` failed several times in a row and is left alone" in log and "answers again" in log


def test_servers_that_are_not_there_are_no_reason_not_to_start(built: Built, tmp_path: Path) -> None:
    settings = {
        "PROFILES_DATABASE_URL": f"postgresql://app:canary-secret@127.0.0.1:{free_port()}/postgres",
        "FEATURES_URL": f"redis://:canary-secret@127.0.0.1:{free_port()}",
        "RISK_URL": f"http://127.0.0.1:{free_port()}",
    }
    with running(built, tmp_path, **settings) as service:
        answer = service.ask(GOOD[0])
        assert answer.status_code == 200
        assert set(answer.headers["x-dagc-degraded"].split(", ")) == {"profile", "recent", "risk"}
        assert service.client.get("/ready").status_code == 200
    log = service.log.read_text()
    assert log.count("does not answer") == 3 and "canary" not in log


@pytest.mark.parametrize(
    ("setting", "value", "reason"),
    [
        ("PROFILES_DATABASE_URL", "mysql://app:canary-secret@db/x", "`mysql://` is not supported"),
        ("PROFILES_DATABASE_URL", "db.internal:5432/canary", "its value is no URL"),
        ("PROFILES_DATABASE_URL", "postgresql://app:canary@:70000/x", "the host or the port cannot be read"),
        ("FEATURES_URL", "redis://", "needs a host"),
        ("RISK_URL", "ftp://canary.host/", "`ftp://` is not supported"),
    ],
)
def test_a_url_that_cannot_be_used_stops_the_start_with_the_reason(
    built: Built, setting: str, value: str, reason: str
) -> None:
    done = subprocess.run(
        [sys.executable, "main.py", "--port", "0", "--workers", "1"],
        cwd=built.service,
        env={**os.environ, **KEYS, setting: value, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1 and "ready" not in done.stdout
    said = json.loads(done.stderr.splitlines()[-1])
    assert said["code"] == "resource" and setting in said["message"] and reason in said["message"]
    assert "canary" not in done.stderr


def test_a_secret_in_a_file_is_read_as_one_in_a_variable(
    built: Built, bureau: Misbehaving, tmp_path: Path
) -> None:
    (tmp_path / "url").write_text(f"{bureau.url}\n")
    with running(built, tmp_path, RISK_URL_FILE=str(tmp_path / "url")) as service:
        assert near(service.ask(GOOD[0]).json(), GOOD[0]["response"], 1e-5)
    assert len(bureau.asked) == 1


def test_a_plain_call_takes_another_resource_and_leaves_no_noise(tmp_path: Path) -> None:
    script = tmp_path / "plain.py"
    script.write_text(
        "import asyncio, dagc, graph\n"
        "class Fake:\n"
        "    async def one_or_none(self, query, record, /, **parameters):\n"
        "        return record(age_days=len(parameters['user_id']))\n"
        "assert graph.profile('abc', db=Fake()).age_days == 3\n"
        "assert graph.profile('u001').age_days == 1460\n"
        "payment = graph.Payment(user_id='u001', merchant='bookshop', amount=49.9, country='DE')\n"
        "assert asyncio.run(dagc.aio(graph.fraud)(payment)) == graph.fraud(payment)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", str(script)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{FOLDER}:{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_build_asks_no_server_whatever_the_environment_says(
    bureau: Misbehaving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dagc.compile import compile_file
    from dagc.diagnostics import Report

    monkeypatch.setenv("RISK_URL", bureau.url)
    monkeypatch.setenv("FEATURES_URL", f"redis://127.0.0.1:{free_port()}")
    compilation = compile_file(FOLDER / "graph.py", Report(), lambda _words: None)
    assert bureau.asked == [] and all(proof.verdict == "equal" for proof in compilation.proofs)


def test_the_rule_gives_every_reason_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(FOLDER)
    spec = spec_from_file_location("fraud_graph", FOLDER / "graph.py")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    payment = module.Payment(user_id="x", merchant="gift-cards-now", amount=1, country="DE")
    asked = module.risk("gift-cards-now", 1.0)
    decision = module.decide(payment, 0.2, module.Profile(age_days=40), module.Recent(), asked)
    assert not decision.allow and decision.reasons == ["the merchant is on the bureau's list"]
