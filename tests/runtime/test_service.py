"""The service as a whole: glue and settings that disagree, several sessions and rounds, isolation of requests."""

import contextlib

import pytest

GRAPH = """
import contextvars
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

import dagc
from dagc import f32, string

Series = Annotated[NDArray[np.float32], f32("T")]
Words = Annotated[NDArray[np.object_], string(2)]
Number = Annotated[NDArray[np.float32], f32()]
NAME = contextvars.ContextVar("name", default="nobody")


def mark(name: str) -> str:
    seen = NAME.get()
    NAME.set(name)
    return seen


def check(name: str) -> str:
    return NAME.get()


@dagc.graph
def rounds(series: Series, times: int) -> Series: ...


@dagc.graph
def words(words: Words, name: str) -> tuple[Words, str, str]: ...


@dagc.graph(version="2")
def total(series: Series) -> Number: ...
"""
MAIN = """
service = Service(__file__)
double = service.session("double")
echo = service.session("echo")
total_of = service.session("total_of")


@service.endpoint(graph.rounds)
async def rounds(series, times):
    for _ in range(times):
        series = await double(series)
    return series


@service.endpoint(graph.words)
async def words(words, name):
    before = graph.mark(name)
    echoed = await echo(words)
    return echoed, before, graph.check(name)


@service.endpoint(graph.total)
async def total(series):
    return await total_of(await double(series))
"""


@pytest.fixture
def build(kit, folder):
    series, words = {"x": ("f32", ("T",))}, {"x": ("str", (2,))}
    models = {
        "double": ([("Add", "x x", "y")], series, {"y": ("f32", ("T",))}, {}),
        "echo": ([("Identity", "x", "y")], words, {"y": ("str", (2,))}, {}),
        "total_of": ([("ReduceSum", "x axes", "y0"), ("Squeeze", "y0 axes", "y")], series, {"y": ("f32", ())},
                     {"axes": ("i64", [1], [1])}),
    }  # fmt: skip

    def make(graph=GRAPH, main=MAIN, waits=False):
        ends = [
            kit.endpoint("rounds", parameters=["series", "times"], body=None, waits=waits),
            kit.endpoint("words", parameters=["words", "name"], body=None, waits=waits),
            kit.endpoint("total", parameters=["series"], body=None, waits=waits),
        ]
        sessions = [
            (kit.session(name, feeds, fetches), kit.model(nodes, feeds, fetches, **constants))
            for name, (nodes, feeds, fetches, constants) in models.items()
        ]
        return folder.write(graph, main, ends, sessions)

    return make


@pytest.mark.parametrize("waits", [False, True])
def test_unequal_shapes_and_numbers_of_rounds_keep_apart_in_one_turn(build, kit, waits):
    served = build(waits=waits).serve()
    served.main.service.observer = seen = kit.Counted()
    bodies = [{"series": [float(i)] * (1 + i % 3), "times": i % 4} for i in range(60)]
    answers = served.ask("/v1/rounds", *bodies)
    assert [body for _, body in answers] == [[float(i * 2 ** (i % 4))] * (1 + i % 3) for i in range(60)]
    assert len(seen.batches) == 9  # three shapes, at most three rounds
    assert sum(size for _, size in seen.batches) == sum(i % 4 for i in range(60))


@pytest.mark.parametrize("waits", [False, True])
def test_strings_pass_and_a_request_sees_only_its_own_context(build, waits):
    served = build(waits=waits).serve()
    answers = served.ask("/v1/words", *[{"words": [f"a{i}", "ü"], "name": f"n{i}"} for i in range(20)])
    assert answers == [(200, [[f"a{i}", "ü"], "nobody", f"n{i}"]) for i in range(20)]


def test_one_session_feeds_another_and_one_number_comes_out(build):
    served = build().serve()
    assert served.ask("/v1/total", {"series": [1, 2, 3]}, {"series": [4]}) == [(200, 12.0), (200, 8.0)]


def test_a_service_tells_its_name_versions_routes_and_sessions(build):
    service = build().serve().main.service
    assert (service.name, service.version, service.openapi) == ("test", "1.0.0", b"{}")
    assert list(service.endpoints) == ["/v1/rounds", "/v1/words", "/v1/total"]
    assert service.sessions == ("double", "echo", "total_of")
    endpoint = service.endpoints["/v1/total"]
    assert (endpoint.name, endpoint.waits, endpoint.limits.max_queue) == ("total", False, 100_000)


@contextlib.contextmanager
def refused(code):
    with pytest.raises(Exception) as caught:  # the class is the copied runtime's own
        yield
    assert type(caught.value).__name__ == "StartError"
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ('session("echo")', 'session("eco")', "glue"),
        ("async def total(", "async def totals(", "glue"),
        ("@service.endpoint(graph.total)\n", "", "glue"),
    ],
)
def test_glue_that_disagrees_with_the_settings_stops_the_start(build, old, new, code):
    folder = build(main=MAIN.replace(old, new))
    with refused(code):
        folder.serve()


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("models/echo.onnx", "model_missing"),
        ("service.json", "settings_missing"),
        ("openapi.json", "openapi_missing"),
    ],
)
def test_a_missing_file_stops_the_start(build, file, code):
    folder = build()
    (folder.path / file).unlink()
    with refused(code):
        folder.serve()


def test_a_changed_model_stops_the_start(build):
    folder = build()
    model = folder.path / "models" / "echo.onnx"
    model.write_bytes(model.read_bytes() + b"\x00")
    with refused("model_changed"):
        folder.serve()
