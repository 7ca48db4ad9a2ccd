"""A plain call runs the graph as it reads, with and without a running event loop."""

import asyncio
import sys
import threading
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import dagc
from dagc.diagnostics import CompileError
from tests.dsl.user_files import HEADER

TEXT = """
import asyncio
import threading

loops = []


class Profile(BaseModel):
    factor: float


class Classes(NamedTuple):
    label: Annotated[NDArray[np.int64], i64()]
    probabilities: Annotated[NDArray[np.float32], f32(3)]


named = dagc.onnx("models/classifier.onnx", returns=Classes)
columns = dagc.onnx("models/columns.onnx")
make_profile = dagc.step(Profile)


@dagc.step
async def profile(country: str) -> Profile:
    await asyncio.sleep(0)
    loops.append(asyncio.get_running_loop())
    return Profile(factor=2.0)


@dagc.step()
def typed(label: int, best: float) -> str:
    return f"{type(label).__name__} {type(best).__name__} {label}"


@dagc.graph
def fraud(payment: Payment) -> Decision:
    known = profile(payment.country)
    row = scaler(encode(payment)) * known.factor
    return decide(payment, score(row))


@dagc.graph
def classes(payment: Payment) -> tuple[float, str]:
    found = named(encode(payment))
    both = classifier(encode(payment))
    return found.probabilities[0] + both.probabilities[1], typed(both.label, best=found.probabilities[2])


Series = Annotated[NDArray[np.float32], f32("n")]


class Window(BaseModel):
    values: Series


@dagc.graph
def joined(a: Series, window: Window) -> Series:
    return a + window.values


@dagc.graph
def first_of(a: Series, b: Series) -> float:
    return a[0]


@dagc.graph
def two_series(a: Series, other: Annotated[NDArray[np.float32], f32("m")]) -> float:
    return first_of(a, other)


@dagc.graph
def made(factor: float) -> Profile:
    return make_profile(factor=factor * 2)


@dagc.step
def plain_helper(x: float) -> float:
    return x + 1


@dagc.step
def calls_plain(x: float) -> float:
    return plain_helper(x)


@dagc.step
def calls_async(payment: Payment) -> Profile:
    return profile(payment.country)


@dagc.step
def calls_model(row: Row) -> Score:
    return score(row)


@dagc.step
def calls_graph(payment: Payment) -> Decision:
    return fraud(payment)
"""


@pytest.fixture
def graph(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The user's file imported as a test of theirs would."""
    name = f"graph_{folder.name}".replace("-", "_")
    (folder / f"{name}.py").write_text(HEADER + TEXT, encoding="utf-8")
    monkeypatch.syspath_prepend(str(folder))
    yield import_module(name)
    sys.modules.pop(name, None)


def codes(call: Callable[[], object]) -> list[str]:
    with pytest.raises(CompileError) as caught:
        call()
    return [diagnostic.code for diagnostic in caught.value.report.errors]


def test_a_plain_call_gives_the_answer(graph: ModuleType) -> None:
    payment = graph.Payment(amount=0.25, country="DE")
    assert graph.fraud(payment) == graph.Decision(allow=True, score=0.25)


def test_a_model_takes_and_gives_one_example_without_the_batch_axis(graph: ModuleType) -> None:
    row = np.arange(30, dtype=np.float32)
    np.testing.assert_array_equal(graph.scaler(row), row / 2)
    answer = graph.score(row)
    assert (type(answer), answer.shape, answer.dtype) == (np.ndarray, (), np.float32)


def test_one_element_tensors_reach_numbers_as_numbers(graph: ModuleType) -> None:
    payment = graph.Payment(amount=0.25, country="DE")
    total, text = graph.classes(payment)
    assert type(total) is float
    assert total == pytest.approx(2 / 3)
    assert text == "int float 0"


def test_a_class_as_a_step_makes_the_record(graph: ModuleType) -> None:
    assert graph.made(1.5) == graph.Profile(factor=3.0)


def test_a_record_gives_its_fields_as_columns(graph: ModuleType) -> None:
    person = type("Person", (dagc_model(),), {"__annotations__": {"age": float, "country": str}})
    np.testing.assert_array_equal(graph.columns(person(age=3, country="DE")), [3, 3])
    np.testing.assert_array_equal(graph.columns(4.0, country="DE"), [4, 4])


def dagc_model() -> type:
    from pydantic import BaseModel

    return BaseModel


def test_async_steps_share_one_loop_across_plain_calls(graph: ModuleType) -> None:
    payment = graph.Payment(amount=0.25, country="DE")
    graph.fraud(payment)
    graph.fraud(payment)
    assert len(set(graph.loops)) == 1


def test_inside_a_running_loop_aio_is_asked_for_and_works(graph: ModuleType) -> None:
    payment = graph.Payment(amount=0.25, country="DE")

    async def main() -> None:
        assert codes(lambda: graph.fraud(payment)) == ["E0134"]
        assert codes(lambda: graph.profile("DE")) == ["E0134"]
        answers = await asyncio.gather(*(dagc.aio(graph.fraud)(payment) for _ in range(8)))
        assert answers == [graph.Decision(allow=True, score=0.25)] * 8
        assert (await dagc.aio(graph.profile)("DE")).factor == 2.0
        assert set(graph.loops) == {asyncio.get_running_loop()}

    asyncio.run(main())


def test_the_refusal_inside_a_loop_says_what_to_write(graph: ModuleType) -> None:
    async def main() -> None:
        graph.fraud(graph.Payment(amount=0.25, country="DE"))

    with pytest.raises(CompileError) as caught:
        asyncio.run(main())
    assert caught.value.report.errors[0].help == "write `await dagc.aio(fraud)(...)`"


def test_a_named_size_is_one_size_in_a_plain_call_too(graph: ModuleType) -> None:
    three, one = np.arange(3, dtype=np.float32), np.ones(1, np.float32)
    np.testing.assert_array_equal(graph.joined(three, window=graph.Window(values=three)), three * 2)
    with pytest.raises(CompileError, match="`n` is 1 in `window.values`, and 3 in `a`") as caught:
        graph.joined(three, window=graph.Window(values=one))
    assert [found.code for found in caught.value.report.errors] == ["E0208"]
    assert graph.two_series(three, one) == 0  # what another graph takes in is no request


def test_an_exception_of_a_step_is_the_callers(graph: ModuleType) -> None:
    with pytest.raises(TypeError):
        graph.decide()
    with pytest.raises(AttributeError):
        graph.encode(None)


def test_plain_calls_run_in_many_threads_at_once(graph: ModuleType) -> None:
    answers: list[object] = []
    payment = graph.Payment(amount=0.25, country="DE")
    threads = [threading.Thread(target=lambda: answers.append(graph.fraud(payment))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [graph.Decision(allow=True, score=0.25)] * 8


def test_a_step_may_call_plain_steps_and_nothing_else_of_the_graph(graph: ModuleType) -> None:
    payment = graph.Payment(amount=0.25, country="DE")
    assert graph.calls_plain(1.0) == 2.0
    assert codes(lambda: graph.calls_async(payment)) == ["E0121"]
    assert codes(lambda: graph.calls_model(np.zeros(30, np.float32))) == ["E0121"]
    assert codes(lambda: graph.calls_graph(payment)) == ["E0121"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((np.zeros(30),), "E0139"),
        ((np.zeros(29, np.float32),), "E0139"),
        ((1.0,), "E0139"),
        (("text",), "E0139"),
        (([0.0] * 30,), "E0139"),
        ((np.array([object()] * 30),), "E0139"),
        ((), "E0130"),
        ((np.zeros(30, np.float32), 1), "E0128"),
    ],
)
def test_a_value_that_does_not_fit_a_model_is_refused(
    graph: ModuleType, arguments: tuple[object, ...], code: str
) -> None:
    assert codes(lambda: graph.score(*arguments)) == [code]


def test_names_that_do_not_exist_are_refused_with_the_nearest(graph: ModuleType) -> None:
    row = np.zeros(30, np.float32)
    assert codes(lambda: graph.score(y=row)) == ["E0129"]
    assert codes(lambda: graph.classifier(row).probabilites) == ["E0131"]
    label, probabilities = graph.classifier(row)
    assert (label.shape, probabilities.shape) == ((), (3,))
    assert len(graph.classifier(row)) == 2


def test_functions_compute_at_once_outside_a_graph() -> None:
    row = np.array([1.0, 2.0, 3.0], np.float32)
    assert dagc.mean(1.0, 2.0) == 1.5
    assert dagc.weighted((0.5, 2.0), (0.25, 4.0)) == 2.0
    assert dagc.clip(5.0, 0.0, 1.0) == 1.0
    assert dagc.where(True, "a", "b") == "a"
    assert dagc.vote(2, 1, 2, 1) == 1
    assert dagc.vote("b", "a", ties="first") == "b"
    for got, wanted in [
        (dagc.mean(row, row * 3), row * 2),
        (dagc.concat(row, row[:1]), np.float32([1, 2, 3, 1])),
        (dagc.stack(row, row, axis=1), np.stack([row, row], 1)),
        (dagc.softmax(row), np.exp(row) / np.exp(row).sum()),
        (dagc.normalise(row), row / np.linalg.norm(row)),
        (dagc.minimum(row, 2.0), np.float32([1, 2, 2])),
        (dagc.maximum(row, 2.0), np.float32([2, 2, 3])),
        (dagc.exp(dagc.log(dagc.sqrt(row * row))), row),
        (dagc.cast(row, "i64"), np.int64([1, 2, 3])),
        (dagc.total(row), np.float32(6)),
        (dagc.average(row), np.float32(2)),
        (dagc.lowest(row, axis=0), np.float32(1)),
        (dagc.highest(row), np.float32(3)),
        (dagc.argmax(row), np.int64(2)),
        (dagc.top_k(row, 2).values, np.float32([3, 2])),
        (dagc.top_k(row, 2).indices, np.int64([2, 1])),
    ]:
        assert isinstance(got, np.ndarray)
        assert got.dtype == wanted.dtype
        np.testing.assert_allclose(got, wanted, rtol=1e-6)


def test_a_mistake_in_a_constant_call_is_refused_too() -> None:
    assert codes(lambda: dagc.mean()) == ["E0127"]
    with pytest.raises(ValueError, match="4 largest of 3"):
        dagc.top_k(np.zeros(3), 4)


def test_a_name_dagc_does_not_have_is_an_attribute_error_that_knows_its_module() -> None:
    with pytest.raises(AttributeError) as caught:
        dagc.onxx  # type: ignore[attr-defined]  # noqa: B018
    assert (caught.value.name, caught.value.obj) == ("onxx", dagc)
    assert set(dagc.__all__) <= set(dir(dagc))
    assert all(getattr(dagc, name) is not None for name in dagc.__all__)


def test_a_refusal_of_a_request_has_a_4xx_status() -> None:
    assert dagc.Refuse("too large", field="amount").status == 422
    with pytest.raises(ValueError, match="400 to 499"):
        dagc.Refuse("no", status=500)


def test_importing_dagc_imports_neither_numpy_nor_pydantic() -> None:
    import subprocess

    code = "import sys, dagc; print(sorted({'numpy', 'pydantic', 'onnx', 'onnxruntime'} & set(sys.modules)))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown == "[]\n"
