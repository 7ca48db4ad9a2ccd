"""`auth=` and `dagc.ingress` in a user's file: what they are taken for, and what is told of what they are not."""

from pathlib import Path

import pytest

from dagc.diagnostics import Report
from dagc.dsl.auth import ApiKey, Jwt
from dagc.dsl.load import load
from dagc.dsl.traced import Traced

HEAD = """import dagc
from fastapi import FastAPI

app = FastAPI()


@dagc.step
def doubled(number: float) -> float:
    return number * 2


"""
GRAPH = """@dagc.graph
def twice(number: float) -> float:
    return doubled(number)


"""


def loaded(folder: Path, text: str) -> tuple[tuple[Traced, ...], Report]:
    (folder / "graph.py").write_text(HEAD + text)
    report = Report()
    return load(folder / "graph.py", report), report


def codes(folder: Path, text: str) -> list[str]:
    return [found.code for found in loaded(folder, text)[1].errors]


def guarded(auth: str) -> str:
    return GRAPH.replace("@dagc.graph", f"@dagc.graph(auth={auth})")


KEY = ApiKey("TWICE_KEYS")
TOKEN = Jwt("TOKENS", "https://login", "numbers", ("twice",))
TOKEN_TEXT = 'dagc.jwt("TOKENS", issuer="https://login", audience="numbers", scopes=["twice"])'


@pytest.mark.parametrize(
    ("auth", "wanted"),
    [
        ('dagc.api_key("TWICE_KEYS")', (KEY,)), (TOKEN_TEXT, (TOKEN,)), ("None", ()),
        (f'(dagc.api_key("TWICE_KEYS"), {TOKEN_TEXT})', (KEY, TOKEN)), ('[dagc.api_key("TWICE_KEYS")]', (KEY,)),
    ],
)  # fmt: skip
def test_a_graph_has_the_ways_of_knowing_its_callers(tmp_path: Path, auth: str, wanted: object) -> None:
    (traced,), report = loaded(tmp_path, guarded(auth))
    assert not report.errors
    assert traced.auth == wanted


@pytest.mark.parametrize(
    ("auth", "code"),
    [
        ('"TWICE_KEYS"', "E0370"), ("dagc.api_key", "E0370"), ("()", "E0370"), ("True", "E0370"), ("app", "E0370"),
        ('(dagc.api_key("TWICE_KEYS"), "OTHER")', "E0370"), ('dagc.api_key("sk-abc")', "E0371"),
        ('dagc.api_key("twice_keys")', "E0371"), ('dagc.api_key("")', "E0371"), ("dagc.api_key(7)", "E0371"),
        ('dagc.api_key("DAGC_KEYS")', "E0371"),
        ('dagc.api_key("A" * 80)', "E0371"), ('dagc.api_key("A__B")', "E0371"),
        ('dagc.api_key("A\\nB")', "E0371"), ('dagc.jwt("TOKENS", issuer="", audience="a")', "E0372"),
        ('dagc.jwt("TOKENS", issuer="i", audience=None)', "E0372"),
        ('dagc.jwt("TOKENS", issuer="i", audience="a", scopes=["a b"])', "E0372"),
        ('dagc.jwt("TOKENS", issuer="i", audience="a", scopes=[7])', "E0372"),
    ],
)  # fmt: skip
def test_what_is_no_way_of_knowing_callers_is_told(tmp_path: Path, auth: str, code: str) -> None:
    assert codes(tmp_path, guarded(auth)) == [code]


@pytest.mark.parametrize("call", ["dagc.api_key()", 'dagc.jwt("TOKENS")', 'dagc.api_key("A", issuer="b")'])
def test_a_wrong_call_is_told_at_its_line(tmp_path: Path, call: str) -> None:
    _, report = loaded(tmp_path, guarded(call))
    (found,) = report.errors
    assert found.code == "E0180"
    assert found.span is not None and found.span.file == "graph.py"


def test_a_secret_in_place_of_a_name_is_not_repeated(tmp_path: Path) -> None:
    _, report = loaded(tmp_path, guarded('dagc.api_key("sk-live-0123456789")'))
    assert "sk-live" not in str(report.errors[0].message) + str(report.errors[0].help)


def test_an_application_in_front_is_known_by_its_name(tmp_path: Path) -> None:
    (traced,), report = loaded(tmp_path, f"{GRAPH}front = dagc.ingress(app, max_body_mib=2)\n")
    assert not report.errors
    found = traced.ingress
    assert found is not None
    assert (found.module, found.name, found.max_body_bytes, found.auth, found.open) == (
        "graph", "app", 2 * 2**20, (), False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("auth", "ways", "opened"),
    [('dagc.api_key("SHOP_KEYS")', (ApiKey("SHOP_KEYS"),), False), ('"app"', (), True), ("None", (), False)],
)
def test_who_may_use_the_application_is_told_with_it(
    tmp_path: Path, auth: str, ways: object, opened: object
) -> None:
    (traced,), report = loaded(tmp_path, f"{GRAPH}dagc.ingress(app, auth={auth})\n")
    assert not report.errors
    assert traced.ingress is not None
    assert (traced.ingress.auth, traced.ingress.open) == (ways, opened)


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ('dagc.ingress("graph:app")', "E0373"), ("dagc.ingress(None)", "E0373"),
        ("dagc.ingress(app, max_body_mib=0)", "E0373"), ("dagc.ingress(app, max_body_mib=True)", "E0373"),
        ("dagc.ingress(app, max_body_mib=float('nan'))", "E0373"), ("dagc.ingress(FastAPI())", "E0374"),
        ("dagc.ingress(app)\nother = dagc.ingress(FastAPI())", "E0374"), ('dagc.ingress(app, auth="me")', "E0370"),
        ('dagc.ingress(app, auth=dagc.api_key("sk-1"))', "E0371"), ("dagc.ingress()", "E0180"),
        ('app.add_api_route("/ready", print)\ndagc.ingress(app)', "E0375"),
        ('app.add_api_route("/v1/twice", print, methods=["POST"])\ndagc.ingress(app)', "E0375"),
    ],
)  # fmt: skip
def test_what_no_service_can_have_in_front_is_told(tmp_path: Path, lines: str, code: str) -> None:
    assert codes(tmp_path, f"{GRAPH}{lines}\n") == [code]


def test_an_application_declared_twice_is_one(tmp_path: Path) -> None:
    assert codes(tmp_path, f"{GRAPH}dagc.ingress(app)\ndagc.ingress(app)\n") == []


def test_a_file_without_an_application_has_none_after_one_that_had(tmp_path: Path) -> None:
    loaded(tmp_path, f"{GRAPH}dagc.ingress(app)\n")
    (traced,), _ = loaded(tmp_path, GRAPH)
    assert traced.ingress is None
