"""What crosses between services and what comes back: values, refusals, failures, flags and deadlines."""

import time
from collections.abc import Iterator
from pathlib import Path
from shutil import copy

import httpx
import pytest

from dagc.artifacts.write import write
from dagc.compile import compile_file
from dagc.diagnostics import Report
from dagc.plan.service_plan import ServicePlan
from tests.cut.conftest import Running, running

pytestmark = pytest.mark.ort


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ServicePlan]:
    home = tmp_path_factory.mktemp("home")
    copy(Path(__file__).parent / "behaviour.py", home / "graph.py")
    made = compile_file(home / "graph.py", Report(), lambda _words: None)
    write(made.tree, home / "build")
    return home / "build", made.planned.plan


@pytest.fixture(scope="module")
def services(built: tuple[Path, ServicePlan]) -> Iterator[Running]:
    with running(built[0], "graph", SLOW="1") as found:
        yield found


@pytest.fixture(scope="module")
def client(services: Running) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=services.address, timeout=30) as found:
        yield found


def ask(client: httpx.Client, graph: str, amount: float, **headers: str) -> httpx.Response:
    return client.post(f"/v1/{graph}", json={"amount": amount}, headers=headers)


def test_the_plan_has_a_service_for_each_placement_and_the_first_calls_the_others(
    built: tuple[Path, ServicePlan],
) -> None:
    front, *others = built[1].services
    assert (front.name, sorted(front.calls)) == ("graph", ["compute", "rules"])
    assert {service.name: service.endpoints for service in others} == {"compute": (), "rules": ()}
    compute = next(service for service in others if service.name == "compute")
    assert compute.capacity
    assert compute.capacity.replicas == (1, 3)
    assert not built[1].services[0].parts


def test_a_record_keeps_its_type_its_hidden_fields_and_which_were_set(client: httpx.Client) -> None:
    assert ask(client, "records", 1.5).json() == "kept ['amount']"


def test_arrays_cross_with_nan_and_infinity_and_may_be_written_to(client: httpx.Client) -> None:
    assert ask(client, "arrays", 1.5).json() == "2.5 nan inf"


def test_a_refusal_of_another_service_is_a_refusal_of_the_whole(client: httpx.Client) -> None:
    found = ask(client, "refusing", -1)
    assert found.status_code == 409
    assert found.json()["error"] == {"code": "refused", "message": "amounts are positive", "field": "amount"}
    assert ask(client, "refusing", 2).json() == 2.0


def test_a_failure_of_another_service_is_one_here_and_tells_nothing(client: httpx.Client) -> None:
    found = ask(client, "breaking", 1)
    assert (found.status_code, found.json()["error"]["code"]) == (500, "internal")
    assert "secret" not in found.text


def test_what_is_left_of_the_deadline_holds_in_the_other_service(client: httpx.Client) -> None:
    begun = time.monotonic()
    found = ask(client, "waiting", 60, **{"x-request-timeout-ms": "300"})
    assert (found.status_code, found.json()["error"]["code"]) == (504, "deadline")
    assert time.monotonic() - begun < 10
    assert ask(client, "waiting", 0).json() == 0.0


def test_a_failure_of_another_service_has_the_fallback_that_the_graph_has_for_it(client: httpx.Client) -> None:
    found = ask(client, "guarded", -1)
    assert (found.json(), found.headers["x-dagc-degraded"]) == (0.0, "guarded.fallback")
    assert "x-dagc-degraded" not in ask(client, "guarded", 3).headers


def test_what_stood_in_inside_another_service_is_told_of_the_whole_answer(client: httpx.Client) -> None:
    found = ask(client, "flagged", -1)
    assert (found.json(), found.headers["x-dagc-degraded"]) == (-1.0, "flagged.fallback")


def test_items_of_a_list_go_in_one_call(built: tuple[Path, ServicePlan], client: httpx.Client) -> None:
    amounts = [float(number) for number in range(100)]
    assert client.post("/v1/halves", json={"amounts": amounts}).json() == [amount / 2 for amount in amounts]
    (part,) = (part for service in built[1].services for part in service.parts if part.graph == "halves")
    assert [stage.kind for stage in part.stages] == ["each"]


def test_items_that_cross_between_services_travel_together_and_come_back_in_order(
    built: tuple[Path, ServicePlan], services: Running, client: httpx.Client
) -> None:
    (half,) = (remote for remote in built[1].services[0].remotes if remote.name == "compute_half_2")
    assert half.items == 2000
    for count in (0, 1, 1500):
        amounts = [float(number) for number in range(count)]
        found = client.post("/v1/mixed", json={"amounts": amounts})
        assert found.json() == [round(amount / 2, 1) for amount in amounts]
    assert (
        client.post("/v1/mixed", json={"amounts": [1.0, -1.0]}).status_code == 500
    )  # one fails: so does the list
    assert client.post("/v1/mixed", json={"amounts": [0.0] * 2001}).json()["error"]["code"] == "too_many_items"


def test_lists_in_lists_cross_as_one_list_does(client: httpx.Client) -> None:
    found = client.post("/v1/nested", json={"amounts": [3.0, 0.0, 1.0]})
    assert found.json() == [[1.5, 1.5, 1.5], [], [0.5]]


def test_a_request_id_is_the_same_in_every_service(client: httpx.Client) -> None:
    assert ask(client, "arrays", 1, **{"x-request-id": "mine-1"}).headers["x-request-id"] == "mine-1"


def test_internal_routes_take_messages_only(services: Running, client: httpx.Client) -> None:
    assert client.post("/internal/halves/half", json={}).status_code == 404  # the front has no parts
