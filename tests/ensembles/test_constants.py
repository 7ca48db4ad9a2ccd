"""Numbers that branches give beside tensors: they become what the other branches give, in every combinator."""

import json
from collections.abc import Iterator

import pytest

from dagc.compile import Compilation
from dagc.diagnostics import CompileError
from tests.ensembles.conftest import Compile, Serve
from tests.ensembles.test_standing_runs import ask
from tests.runtime.front.conftest import Wire

pytestmark = [pytest.mark.ort, pytest.mark.port]

GRAPH = """
from typing import Literal


class Order(BaseModel):
    value: float = Field(ge=-100, le=100)
    kind: Literal["new", "old", "odd"] = "new"
    user: str = Field(default="u", max_length=8)


@dagc.step
def encode(order: Order) -> Row:
    if order.value > 50:
        raise ValueError("too much for the primary")
    return np.full(30, order.value, np.float32)


@dagc.step
def doubled(rated: Score) -> float:
    assert isinstance(rated, np.ndarray), type(rated)
    return float(rated) * 2


@dagc.graph
def safe(order: Order) -> Score:
    return dagc.fallback(lambda: score(encode(order)), 0.5)


@dagc.graph
def safe_twice(order: Order) -> float:
    return doubled(dagc.fallback(lambda: score(encode(order)), lambda: 1))


@dagc.graph
def chosen(order: Order) -> Score:
    row = encode(order)
    return dagc.switch(order.kind, {"new": lambda: score(row), "old": lambda: 0.25, "odd": lambda: 7}) * 2


@dagc.graph
def ruled(order: Order) -> Score:
    row = encode(order)
    low = (order.value < -10, lambda: -1.5)
    return dagc.route((order.value > 0, lambda: score(row)), low, otherwise=lambda: 0)


@dagc.graph
def shared(order: Order) -> Score:
    row = encode(order)
    return dagc.split((0.5, lambda: score(row)), (0.5, lambda: 3.0), key=order.user)


@dagc.graph
def narrowed(order: Order) -> Score:
    row = encode(order)
    return dagc.cascade(lambda: score(row), lambda: 0.0, accept=lambda found: found > 1)


@dagc.graph
def polled(order: Order) -> Score:
    row = encode(order)
    members = [lambda: score(row), lambda: 10.0, lambda: score(scaler(row))]
    return dagc.quorum(members, need=2, within_s=0.5, combine=lambda found: dagc.mean(*found))
"""


@pytest.fixture(scope="module")
def compilation(compile_text: Compile) -> Compilation:
    return compile_text(GRAPH)


@pytest.fixture(scope="module")
def wire(compilation: Compilation, serve: Serve) -> Iterator[Wire]:
    made = serve(compilation).wire(20.0)
    yield made
    made.close()


def test_the_service_answers_as_the_plain_call(compilation: Compilation, wire: Wire) -> None:
    asked = [
        {"value": value, "kind": kind, "user": user}
        for value in (-40.0, -2.0, 0.25, 3.0)
        for kind, user in (("new", "a"), ("old", "b"), ("odd", "c"))
    ]
    for traced in compilation.planned.traced:
        plain = traced.function.__globals__[traced.graph.name]
        for body in asked:
            with traced.importable():
                wanted = traced.answer(plain(*traced.arguments(body).values()))
            status, found, _ = ask(wire, traced.graph.name, body)
            assert status == 200 and found == pytest.approx(json.loads(json.dumps(wanted)), abs=1e-4), (
                traced.graph.name
            )


def test_a_backup_that_is_a_number_answers_and_is_told(wire: Wire) -> None:
    assert ask(wire, "safe", {"value": 60.0}) == (200, 0.5, "safe.fallback")
    assert ask(wire, "safe_twice", {"value": 60.0})[:2] == (200, 2.0)


@pytest.mark.parametrize("given", ["'high'", "1e39", "True"])
def test_what_is_no_number_of_the_dtype_is_refused(compile_text: Compile, given: str) -> None:
    steps = GRAPH.partition("@dagc.graph")[0]
    text = f"{steps}\n@dagc.graph\ndef safe(order: Order) -> Score:\n"
    text += f"    return dagc.fallback(lambda: score(encode(order)), {given})\n"
    with pytest.raises(CompileError) as caught:
        compile_text(text)
    assert [found.code for found in caught.value.report.errors] == ["E0304"]


def test_the_document_tells_of_the_header_where_something_may_stand_in(compilation: Compilation) -> None:
    document = json.loads(compilation.tree.files["services/graph/openapi.json"])
    told = {
        path: operation["post"]["responses"]["200"].get("headers") for path, operation in document["paths"].items()
    }
    assert "`polled.quorum=2/3`" in told["/v1/polled"]["x-dagc-degraded"]["description"]
    assert "`safe.fallback`" in told["/v1/safe"]["x-dagc-degraded"]["description"]
    assert told["/v1/chosen"] is None and told["/v1/shared"] is None
