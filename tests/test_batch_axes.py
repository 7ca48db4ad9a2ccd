"""A voice detector whose state has its batch along axis 1 and whose rate has none, built and asked over HTTP."""

import asyncio
import json
import re
import signal
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from dagc.artifacts.write import write
from dagc.compile import Compilation, compile_file
from dagc.diagnostics import Report
from dagc.models.runner import Runner
from dagc.runtime.batcher import Batcher, SessionCall
from dagc.runtime.feed import Example
from dagc.runtime.observer import Watch
from dagc.runtime.session import Session
from dagc.runtime.settings import load_settings
from tests.built import running
from tests.dsl.user_files import HEADER, MODELS
from tests.models.batched_elsewhere import voice
from tests.running import near

pytestmark = [pytest.mark.ort, pytest.mark.port]

GRAPH = """
State = Annotated[NDArray[np.float32], f32(2, 4)]


class Heard(NamedTuple):
    output: Annotated[NDArray[np.float32], f32(1)]
    stateN: State


class Chunk(BaseModel):
    sound: Annotated[NDArray[np.float32], f32(None)]
    state: State
    rate: Literal[8000, 16000]


class Spoken(BaseModel):
    speech: float
    state: list[list[float]]


@dagc.step
def spoken(speech: Annotated[NDArray[np.float32], f32(1)], state: State) -> Spoken:
    return Spoken(speech=float(speech[0]), state=state.tolist())


axes = {"state": 1, "stateN": 1, "sr": None}
vad = dagc.onnx("models/voice.onnx", returns=Heard, batch_axes=axes)


@dagc.graph
def listen(chunk: Chunk) -> Spoken:
    heard = vad(chunk.sound, chunk.state, chunk.rate)
    return spoken(heard.output * 2, heard.stateN)


@dagc.graph
def slowly(chunk: Chunk) -> Spoken:
    heard = vad(chunk.sound, chunk.state, 8000)
    return spoken(heard.output, heard.stateN)


@dagc.graph
def otherwise(chunk: Chunk) -> Spoken:
    heard = vad(chunk.sound, chunk.state, dagc.where(chunk.rate > 8000, 8000, 16000))
    return spoken(heard.output, heard.stateN)
"""

ASKS = [
    (("listen", "slowly", "otherwise")[number % 3], 4 + number % 2, (8_000, 16_000)[number // 6 % 2])
    for number in range(32)
]
"""Of each of 32 requests: the graph, how many sounds, the rate."""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Compilation, Path]:
    """The build, proven with stand-ins for requests of both rates, and its one service."""
    folder = tmp_path_factory.mktemp("voice")
    (folder / "models").mkdir()
    for make in MODELS:
        (folder / "models" / f"{make.__name__}.onnx").write_bytes(make())
    (folder / "models" / "voice.onnx").write_bytes(voice().SerializeToString())
    (folder / "graph.py").write_text(HEADER + GRAPH, encoding="utf-8")
    report = Report(str(folder))
    compilation = compile_file(folder / "graph.py", report, lambda _words: None)
    assert {found.code for found in report.diagnostics} <= {"W0501", "W0803"}, report.diagnostics
    write(compilation.tree, folder / "build")
    (service,) = (folder / "build" / "services").iterdir()
    return compilation, service


def chunk(number: int) -> dict[str, object]:
    random = np.random.default_rng(number)
    _, sounds, rate = ASKS[number]
    sound, state = random.normal(size=sounds).round(3), random.normal(size=(2, 4)).round(3)
    return {"sound": sound.tolist(), "state": state.tolist(), "rate": rate}


def wanted(number: int) -> dict[str, object]:
    """What the model as it was exported says of the request alone."""
    given = chunk(number)
    graph, _, asked = ASKS[number]
    rate = {"listen": asked, "slowly": 8_000, "otherwise": 24_000 - asked}[graph]
    feeds = {
        "input": np.array([given["sound"]], np.float32),
        "state": np.array(given["state"], np.float32)[:, np.newaxis],
        "sr": np.array(rate),
    }
    output, state = Runner(voice().SerializeToString()).run(feeds, ("output", "stateN"))
    speech = np.asarray(output, np.float64)[0, 0] * (2 if graph == "listen" else 1)
    return {"speech": float(speech), "state": np.asarray(state)[:, 0].tolist()}


def test_the_plan_says_what_requests_agree_on(built: tuple[Compilation, Path]) -> None:
    compilation, folder = built
    assert {proof.verdict for proof in compilation.proofs} == {"equal"}
    sessions = {
        session["name"]: session for session in json.loads((folder / "service.json").read_text())["sessions"]
    }
    agreed = {name: session.get("agreed_on", []) for name, session in sessions.items()}
    assert agreed == {"gt_where": [], "vad": ["sr"], "vad_model": ["sr"]}
    assert {session["one_by_one"] for session in sessions.values()} == {None}
    assert "if they agree on `sr`" in (folder.parent.parent / "README.md").read_text()


def test_a_rate_that_a_model_computes_stays_outside(built: tuple[Compilation, Path]) -> None:
    remarks = [remark.message for after in built[0].planned.optimised for remark in after.remarks]
    assert any("requests have to agree on `sr`, which a model computes" in remark for remark in remarks)


def test_32_requests_at_once_each_get_what_they_get_alone(built: tuple[Compilation, Path], tmp_path: Path) -> None:
    with running(built[0], tmp_path / "build") as service:
        wires = [service.wire() for _ in ASKS]
        for wire in wires:
            assert wire.get("/ready").status == 200
        service.stop(signal.SIGSTOP)  # until all have asked: they are read in one turn, and share its runs
        for number, wire in enumerate(wires):
            wire.post(f"/v1/{ASKS[number][0]}", chunk(number))
        service.stop(signal.SIGCONT)
        for number, wire in enumerate(wires):
            assert near(wire.read().json, wanted(number), 1e-5), number
        counted = service.wire().get("/metrics").body.decode()
    rows, runs = (total(counted, f"dagc_batch_size_{what}") for what in ("sum", "count"))
    assert rows == len(ASKS)
    assert runs < rows  # how many share one depends on how many are read in one turn


def total(metrics: str, name: str) -> float:
    """What a counter of the sessions of the detector says together."""
    lines = re.findall(rf'^{name}{{session="vad.*}} (.*)$', metrics, re.MULTILINE)
    return sum(map(float, lines))


class Counted(Session):
    """A session that notes the examples of each run."""

    ran: list[Sequence[Example]]

    def run(self, examples: Sequence[Example]) -> list[object]:
        self.ran.append(examples)
        return super().run(examples)


def test_requests_of_another_rate_never_share_a_run(built: tuple[Compilation, Path]) -> None:
    settings = next(one for one in load_settings(built[1] / "service.json").sessions if one.name == "vad")
    session = Counted(settings, built[1])
    session.ran = []
    session.open()
    names = [feed.name for feed in settings.feeds]
    asks = [
        {
            "input": np.full(4, number, np.float32),
            "state": np.zeros((2, 4), np.float32),
            "sr": np.array(8_000) if number % 4 else 16_000,
        }
        for number in range(16)
    ]

    async def ask() -> None:
        call = SessionCall(Batcher(Watch()), session)
        await asyncio.gather(*(call(*(one[name] for name in names)) for one in asks))

    asyncio.run(ask())
    at = names.index("sr")
    rates = [[int(np.asarray(example[at])) for example in run] for run in session.ran]
    assert sorted(map(len, rates)) == [4, 12]
    assert all(len(set(run)) == 1 for run in rates)
