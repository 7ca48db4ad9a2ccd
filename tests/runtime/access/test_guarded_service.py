"""A built service whose graphs say who may ask: every way in, by every spelling, with and without a key."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import ed25519

from dagc.artifacts.write import write
from dagc.compile import compile_file
from dagc.diagnostics import Report
from tests.running import ready_address, serving
from tests.runtime.front.conftest import Wire, request

pytestmark = pytest.mark.port

GRAPH = '''
import dagc


@dagc.step
def doubled(number: float) -> float:
    return number * 2


@dagc.graph(auth=dagc.api_key("TWICE_API_KEYS"))
def twice(number: float) -> float:
    """A number, twice."""
    return doubled(number)


@dagc.graph(auth=dagc.jwt("TOKENS", issuer="https://login", audience="numbers", scopes=["twice"]))
def scoped(number: float) -> float:
    return doubled(number)


@dagc.graph(auth=(dagc.api_key("TWICE_API_KEYS"), dagc.jwt("TOKENS", issuer="https://login", audience="numbers")))
def either(number: float) -> float:
    return doubled(number)


@dagc.graph
def silent(number: float) -> float:
    return doubled(number)
'''
SHOP, OFFICE = "s" * 32, "o" * 32
SIGNER = ed25519.Ed25519PrivateKey.generate()
PUBLIC = SIGNER.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo).decode()
GIVEN = {"TWICE_API_KEYS": f"shop:{SHOP},office:{OFFICE}", "TOKENS": PUBLIC}
ENDPOINTS = ("/v1/twice", "/v1/scoped", "/v1/either", "/v1/silent")
PAGES = ("/", "/openapi.json", "/docs", "/metrics", "/nowhere", "/v2", "/v2/models/twice", "/dagc/docs")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    at = tmp_path_factory.mktemp("guarded")
    (at / "graph.py").write_text(GRAPH)
    write(compile_file(at / "graph.py", Report(), lambda _: None).tree, at / "build")
    return at / "build" / "services" / "graph"


def environment(**given: str) -> dict[str, str]:
    return {**os.environ, "DAGC_ACCESS_LOG": "off", "DAGC_WORKERS": "1", **given}


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with serving(folder, environment=environment(**GIVEN)) as served:
        yield served


@pytest.fixture
def wire(address: str) -> Iterator[Wire]:
    made = Wire(int(address.rpartition(":")[2]))
    yield made
    made.close()


def token(**more: object) -> str:
    said = {"iss": "https://login", "aud": "numbers", "sub": "batch", "exp": int(time.time()) + 3600, **more}
    return jwt.encode(said, SIGNER, "EdDSA")


def ask(address: str, path: str, **headers: str) -> httpx.Response:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.post(f"{address}{path}", json={"number": 4}, headers=names)


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/v1/twice", {"x_api_key": SHOP}), ("/v1/twice", {"authorization": f"Bearer {OFFICE}"}),
        ("/v1/either", {"x_api_key": SHOP}), ("/v1/either", {"authorization": f"Bearer {token()}"}),
        ("/v1/scoped", {"authorization": f"Bearer {token(scope='other twice')}"}),
        ("/v1/silent", {"x_api_key": OFFICE}), ("/v1/silent", {"authorization": f"Bearer {token(scope='twice')}"}),
    ],
)  # fmt: skip
def test_a_caller_that_is_known_is_answered(address: str, path: str, headers: dict[str, str]) -> None:
    answer = ask(address, path, **headers)
    assert (answer.status_code, answer.json()) == (200, 8.0)


@pytest.mark.parametrize(
    "headers",
    [
        {}, {"x_api_key": "x" * 32}, {"authorization": f"Basic {SHOP}"}, {"authorization": f"Bearer {SHOP}."},
        {"authorization": f"Bearer {token(exp=1)}"}, {"cookie": SHOP}, {"x_api_key": f"shop:{SHOP}"},
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ENDPOINTS)
def test_a_caller_that_is_not_known_is_told_how_to_be(address: str, path: str, headers: dict[str, str]) -> None:
    answer = ask(address, path, **headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthorized")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert SHOP not in answer.text


def test_the_key_of_one_graph_does_not_open_another(address: str) -> None:
    assert ask(address, "/v1/scoped", x_api_key=SHOP).status_code == 401
    assert ask(address, "/v1/twice", authorization=f"Bearer {token(scope='twice')}").status_code == 401


def test_a_token_without_the_scope_is_a_403(address: str) -> None:
    answer = ask(address, "/v1/scoped", authorization=f"Bearer {token(scope='read')}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")
    assert "insufficient_scope" in answer.headers["www-authenticate"]


@pytest.mark.parametrize(
    "method", ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"]
)
@pytest.mark.parametrize("path", [*ENDPOINTS, *PAGES])
def test_every_path_is_closed_to_every_method(wire: Wire, path: str, method: str) -> None:
    answer = wire.send(request(path, b"", method=method)).read(bodiless=method == "HEAD")
    assert answer.status == 401
    assert wire.ended()


SPELLINGS = [
    "/v1/%74wice", "/v1/twice/", "//v1/twice", "/v1//twice", "/v1/./twice", "/v1/../v1/twice", "/V1/TWICE",
    "/v1/twice?a=1", "/v1/twice%00", "/v1%2ftwice", "/v1/twice;a=1", "/v1/twice#live", "/v1/twice%20",
    "/live/../v1/twice", "/live%2f..%2fv1%2ftwice", "/live/", "/live%00", "//live", "/LIVE", "/live;/v1/twice",
    "/ready/x", "/?/live", "/v1/twice?/live", "/v1/twice%3f/live", "http://a/v1/twice", "http://a/v1/silent?x",
    "/v1/twice%2f", "/%2e%2e/v1/twice", "/v1/twice%c0%ae", "/v2/health/live/../../v1/twice", "/%252fv1/twice",
    "/v1/\\twice",
]  # fmt: skip


@pytest.mark.parametrize("version", ["1.1", "1.0"])
@pytest.mark.parametrize("path", SPELLINGS)
def test_no_spelling_of_a_path_opens_it(wire: Wire, path: str, version: str) -> None:
    answer = wire.send(request(path, {"number": 1}, version=version)).read()
    assert answer.status == 401
    assert wire.ended()


@pytest.mark.parametrize("path", ["/live", "/ready", "/%6cive", "/live?x=1", "http://a/ready"])
def test_health_is_everybodys(wire: Wire, path: str) -> None:
    assert wire.get(path).status == 200


@pytest.mark.parametrize("path", ["/", "/openapi.json", "/docs", "/metrics"])
@pytest.mark.parametrize("headers", [{"x-api-key": SHOP}, {"authorization": f"Bearer {token(scope='twice')}"}])
def test_pages_are_for_whoever_the_service_knows(address: str, path: str, headers: dict[str, str]) -> None:
    assert httpx.get(f"{address}{path}", headers=headers).status_code == 200


@pytest.mark.parametrize("path", ["/v1/twice", "/v1/%74wice", "/nowhere"])
def test_who_is_not_known_is_told_so_before_the_body_is_sent(wire: Wire, path: str) -> None:
    head = f"POST {path} HTTP/1.1\r\nhost: a\r\n"
    answer = wire.send(f"{head}content-length: 900\r\nexpect: 100-continue\r\n\r\n".encode()).read()
    assert (answer.status, answer.headers["connection"]) == (401, "close")
    assert wire.ended()


@pytest.mark.parametrize("size", [900, 20_000_000])
def test_the_refusal_survives_a_client_that_goes_on_sending(wire: Wire, size: int) -> None:
    wire.send(f"POST /v1/twice HTTP/1.1\r\nhost: a\r\ncontent-length: {size}\r\n\r\n".encode())
    for _ in range(size // 200_000):
        wire.send(b"x" * 200_000)
    assert wire.read().status == 401


def test_each_request_of_a_pipeline_needs_its_own_key(wire: Wire) -> None:
    key = f"x-api-key: {SHOP}"
    asked = [request("/v1/twice", {"number": n}, key) for n in (1, 2)]
    asked += [request("/v1/%74wice", {"number": 3}, key), request("/v1/twice", {"number": 4})]
    wire.send(b"".join([*asked, request("/v1/twice", {"number": 5}, key)]))
    answers = [wire.read() for _ in range(4)]
    assert [(each.status, each.json) for each in answers[:3]] == [(200, 2.0), (200, 4.0), (200, 6.0)]
    assert answers[3].status == 401
    assert wire.ended()


def test_of_two_equal_fields_the_first_counts_and_a_trailer_is_none(wire: Wire) -> None:
    twice = wire.ask("/v1/twice", {"number": 1}, "x-api-key: wrong", f"x-api-key: {SHOP}")
    assert twice.status == 401
    again = Wire(wire.port)
    head = "POST /v1/twice HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ntrailer: x-api-key\r\n\r\n"
    again.send(f'{head}c\r\n{{"number":1}}\r\n0\r\nx-api-key: {SHOP}\r\n\r\n'.encode())
    assert again.read().status == 401
    again.close()


def test_an_upgrade_is_no_way_round(wire: Wire) -> None:
    for offered in ("h2c", "websocket"):
        other = Wire(wire.port)
        assert other.ask("/v1/twice", {"number": 1}, "connection: upgrade", f"upgrade: {offered}").status == 401
        other.close()


def test_openapi_says_who_may_ask(address: str) -> None:
    document = httpx.get(f"{address}/openapi.json", headers={"x-api-key": SHOP}).json()
    schemes = document["components"]["securitySchemes"]
    assert {name: found["type"] for name, found in schemes.items()} == {
        "api_key": "apiKey", "api_key_bearer": "http", "token_tokens": "http",
    }  # fmt: skip
    said = {path: item["post"]["security"] for path, item in document["paths"].items()}
    assert said["/v1/twice"] == [{"api_key": []}, {"api_key_bearer": []}]
    assert said["/v1/scoped"] == [{"token_tokens": ["twice"]}]
    assert {"401", "403"} & set(document["paths"]["/v1/twice"]["post"]["responses"]) == {"401"}
    assert {"401", "403"} <= set(document["paths"]["/v1/scoped"]["post"]["responses"])


def test_the_plan_names_settings_and_nothing_holds_what_they_hold(folder: Path) -> None:
    plan = json.loads((folder.parent.parent / "plan.json").read_text())
    settings = {each["name"]: each for each in plan["services"][0]["settings"]}
    assert set(settings) == {"TWICE_API_KEYS", "TOKENS"}
    assert all(each["secret"] and each["default"] is None for each in settings.values())
    assert {"pyjwt", "cryptography"} <= set(plan["services"][0]["requirements"])


def started(folder: Path, **given: str) -> subprocess.Popen[str]:
    command = [sys.executable, "main.py", "--port", "0", "--drain-s", "0"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, cwd=folder, env=environment(**given), text=True, **pipes)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"TOKENS": PUBLIC}, "`TWICE_API_KEYS` is not set"), ({"TWICE_API_KEYS": SHOP}, "`TOKENS` is not set"),
        ({"TOKENS": PUBLIC, "TWICE_API_KEYS": " , "}, "`TWICE_API_KEYS`"),
        ({"TOKENS": "no key", "TWICE_API_KEYS": SHOP}, "`TOKENS` holds no public keys"),
        ({"TOKENS": PUBLIC, "TWICE_API_KEYS": "short"}, "key 1 of `TWICE_API_KEYS`"),
        ({"TOKENS_FILE": "/nowhere/at/all", "TWICE_API_KEYS": SHOP}, "TOKENS_FILE"),
    ],
)  # fmt: skip
def test_a_setting_that_is_missing_or_none_stops_the_start(folder: Path, given: dict[str, str], said: str) -> None:
    _, errors = started(folder, **given).communicate(timeout=60)
    line = json.loads(errors.strip().splitlines()[-1])
    assert said in line["message"]
    assert "Traceback" not in errors


def test_keys_may_be_in_files_and_log_lines_name_the_caller(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(f"shop:{SHOP}\n")
    (tmp_path / "tokens").write_text(PUBLIC)
    given = {"TWICE_API_KEYS_FILE": str(tmp_path / "keys"), "TOKENS_FILE": str(tmp_path / "tokens")}
    process = started(folder, **given, DAGC_ACCESS_LOG="all", DAGC_OPEN_METRICS="1")
    address = ready_address(process)
    assert ask(address, "/v1/twice", x_api_key=SHOP).status_code == 200
    assert ask(address, "/v1/either", authorization=f"Bearer {token()}").status_code == 200
    assert ask(address, "/v1/twice", x_api_key="x" * 40).status_code == 401
    assert httpx.get(f"{address}/", headers={"x-api-key": SHOP}).status_code == 200
    assert 'code="401"} 1' in httpx.get(f"{address}/metrics").text
    process.terminate()
    _, errors = process.communicate(timeout=60)
    lines = [json.loads(line) for line in errors.splitlines()]
    found = [(line["route"], line["status"], line.get("caller")) for line in lines if "route" in line]
    assert found == [
        ("/v1/twice", 200, "shop"), ("/v1/either", 200, "batch"), ("/v1/twice", 401, None), ("other", 200, "shop"),
        ("other", 200, None),
    ]  # fmt: skip
    assert SHOP not in errors
