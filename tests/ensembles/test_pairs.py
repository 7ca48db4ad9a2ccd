"""Every combinator in every other: the plain call, the optimised graph and the service give one answer."""

from collections.abc import Iterator

import pytest

from dagc.diagnostics import Report
from dagc.dsl.load import load
from dagc.dsl.traced import Traced
from tests.dsl.user_files import MODELS
from tests.ensembles.conftest import HEAD, Compile, Serve
from tests.runtime.front.conftest import Wire

pytestmark = [pytest.mark.ort, pytest.mark.port]

STEPS = """
from typing import Literal


class Order(BaseModel):
    user: str = Field(max_length=8)
    country: Literal["DE", "FR", "US"]
    amount: float = Field(ge=-10, le=10)
    values: list[float] = Field(max_length=3)
    act: Literal["", "raise"] = ""


@dagc.step
def encode(order: Order) -> Row:
    return np.full(30, order.amount, np.float32)


@dagc.step
def risky(order: Order, value: Score) -> Score:
    if order.act == "raise":
        raise ValueError("a fault of a step")
    return value


@dagc.step
def summed(values: list[Score]) -> Score:
    return np.asarray(sum(values), np.float32)
"""

PATTERNS = {
    "each": "summed(dagc.each(order.values, lambda v_{n}: {a} + v_{n}, max_items=3))",
    "switch": 'dagc.switch(order.country, {{"DE": lambda: {a}, "FR": lambda: {b}}}, default=lambda: {a} * 3)',
    "route": (
        "dagc.route((order.amount > 5, lambda: {a}), (order.amount > 0, lambda: {b}), otherwise=lambda: {a} - {b})"
    ),
    "split": "dagc.split((0.5, lambda: {a}), (0.5, lambda: {b}), key=order.user)",
    "cascade": "dagc.cascade(lambda: {a}, lambda: {b}, accept=lambda s_{n}: s_{n} > 0)",
    "fallback": "dagc.fallback(lambda: risky(order, {a}), lambda: {b} + 7)",
    "shadow": "dagc.shadow(lambda: {a}, lambda: {b})",
    "quorum": (
        "dagc.quorum([lambda: {a}, lambda: risky(order, {b}), lambda: {b} + 1], need=2, within_s=5, "
        "combine=lambda f_{n}: dagc.mean(*f_{n}))"
    ),
}
PAIRS = [(outer, inner) for outer in PATTERNS for inner in PATTERNS]


def graph_of(outer: str, inner: str) -> str:
    nested = PATTERNS[inner].format(n="inner", a="score(row)", b="score(scaler(row))")
    whole = PATTERNS[outer].format(n="outer", a=nested, b="score(row * 2)")
    return f"""
@dagc.graph(deadline_s=20)
def {outer}_{inner}(order: Order) -> Score:
    row = encode(order)
    return {whole}
"""


GRAPHS = STEPS + "".join(graph_of(*pair) for pair in PAIRS)

ORDERS = [
    {"user": f"u{at}", "country": country, "amount": amount, "values": [1.0] * at, "act": act}
    for at, (country, amount, act) in enumerate(
        [("DE", 7.5, ""), ("FR", 2.0, ""), ("US", -3.0, ""), ("DE", 1.5, "raise")]
    )
]


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Traced]:
    folder = tmp_path_factory.mktemp("eager")
    (folder / "models").mkdir()
    for make in MODELS:
        (folder / "models" / f"{make.__name__}.onnx").write_bytes(make())
    (folder / "graph.py").write_text(HEAD + GRAPHS)
    return {made.graph.name: made for made in load(folder / "graph.py", Report(str(folder)))}


@pytest.fixture(scope="module")
def wire(compile_text: Compile, serve: Serve) -> Iterator[Wire]:
    made = serve(compile_text(GRAPHS)).wire(60.0)
    yield made
    made.close()


@pytest.mark.parametrize(("outer", "inner"), PAIRS)
def test_the_service_answers_as_the_plain_call(
    traced: dict[str, Traced], wire: Wire, outer: str, inner: str
) -> None:
    graph = traced[f"{outer}_{inner}"]
    plain = graph.function.__globals__[graph.graph.name]
    for order in ORDERS:
        with graph.importable():
            wanted = plain(*graph.arguments(order).values())
        reply = wire.ask(f"/v1/{graph.graph.name}", order)
        assert reply.status == 200, reply
        assert reply.json == pytest.approx(float(wanted), rel=1e-5)
        assert ("x-dagc-degraded" in reply.headers) <= (order["act"] == "raise")
