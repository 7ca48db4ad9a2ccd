"""B1: schemathesis on the document of a service finds no 5xx, and no answer the document does not know."""

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.runtime.hostile.conftest import Target

pytestmark = [pytest.mark.port, pytest.mark.filterwarnings("ignore")]

CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)
EXAMPLES = 40
"""Of each kind for each endpoint; a run of thousands belongs to an evening."""
ENDPOINTS = ("everything", "pieces", "image")


@pytest.fixture(scope="module")
def schema(target: Target) -> schemathesis.BaseSchema:
    document = httpx.get(f"{target.address}/openapi.json").json()
    made = schemathesis.openapi.from_dict(document)
    made.config.update(base_url=target.address)
    return made


@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("name", ENDPOINTS)
def test_no_request_of_the_document_makes_the_service_fail(
    target: Target, schema: schemathesis.BaseSchema, name: str, mode: schemathesis.GenerationMode
) -> None:
    operation = schema[f"/v1/{name}"]["POST"]
    seen: set[int] = set()

    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: schemathesis.Case) -> None:
        # Who gives a request no time is told 504, as the document says; that is no fault of the service.
        case.headers.pop("x-request-timeout-ms", None)
        answer = case.call(timeout=20)
        seen.add(answer.status_code)
        case.validate_response(answer, checks=list(CHECKS))

    ask()
    assert not {status for status in seen if status >= 500}
    assert target.lives()
