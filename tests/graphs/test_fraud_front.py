"""`fraud` behind keys and the shop's own application: who is answered, what is said of a mistake, what stays."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings

from tests.graphs.conftest import Build
from tests.running import KEY, ROOT, dagc, near, serving

pytestmark = [pytest.mark.ort, pytest.mark.port]

FOLDER = ROOT / "graphs" / "fraud"
CASES = [json.loads(path.read_text()) for path in sorted((FOLDER / "requests").glob("*.json"))]


@pytest.fixture(scope="module")
def client(build: Build) -> Iterator[httpx.Client]:
    with serving(build(FOLDER).service) as address, httpx.Client(base_url=address, timeout=30) as client:
        yield client


@pytest.mark.parametrize("case", CASES[:4], ids=lambda case: case["request"]["user_id"])
def test_the_shop_decides_as_the_graph_does(client: httpx.Client, case: dict[str, dict[str, object]]) -> None:
    asked = case["request"]
    order = {
        "customer": asked["user_id"], "shop": asked["merchant"], "total": asked["amount"],
        "country": asked["country"],
    }  # fmt: skip
    paid = client.post("/checkout", json=order).json()
    decided = client.post("/v1/fraud", json=asked, headers=KEY).json()
    assert near(decided, case["response"], case.get("tolerance", 1e-4))
    assert paid["paid"] == decided["allow"]


def test_the_graph_asks_for_a_key_and_the_shop_sees_to_its_own_routes(client: httpx.Client) -> None:
    assert client.post("/v1/fraud", json=CASES[0]["request"]).status_code == 401
    assert client.get("/dagc/openapi.json").status_code == 401
    assert client.get("/metrics").status_code == 401
    assert client.get("/orders/7").json() == {"number": 7}
    assert client.get("/openapi.json").json()["info"]["title"] == "Shop"
    assert client.get("/docs").status_code == 200
    assert client.get("/live").status_code == client.get("/ready").status_code == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"user_id": "u" * 65}, "user_id"), ({"amount": -1}, "amount"), ({"country": "XX"}, "country"),
        ({"merchant": 7}, "merchant"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(client: httpx.Client, body: dict[str, object], field: str) -> None:
    answer = client.post("/v1/fraud", json={**CASES[0]["request"], **body}, headers=KEY)
    assert (answer.status_code, answer.json()["error"]["field"]) == (422, field)
    assert client.post("/v1/fraud", content=b"x" * 10_000_000, headers=KEY).status_code == 413


@pytest.mark.filterwarnings("ignore")
def test_schemathesis_finds_no_failure_and_no_violation(client: httpx.Client) -> None:
    document = client.get("/dagc/openapi.json", headers=KEY).json()
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=str(client.base_url))

    @settings(
        max_examples=30, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=schema["/v1/fraud"]["POST"].as_strategy())
    def ask(case: schemathesis.Case) -> None:
        case.headers.pop("x-request-timeout-ms", None)
        answer = case.call(timeout=20, headers=KEY)
        assert answer.status_code < 500, answer.text
        case.validate_response(answer, excluded_checks=[schemathesis.checks.CHECKS.get_one("ignored_auth")])

    ask()


def test_serving_without_the_setting_says_what_to_do() -> None:
    done = dagc("serve", FOLDER / "graph.py", "--port", "0", cwd=Path(ROOT))
    assert done.returncode == 1
    assert "error[E0376]: setting `FRAUD_API_KEYS` is not given" in done.stderr
    assert "FRAUD_API_KEYS_FILE" in done.stderr
