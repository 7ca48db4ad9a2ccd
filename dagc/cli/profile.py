"""`dagc profile`: what the parts of a service cost on this machine, written beside the graph for later builds."""

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dagc.cli.outcome import Format, reporting
from dagc.cli.progress import steps
from dagc.cli.served import served
from dagc.cli.service_process import service_folder
from dagc.diagnostics import CompileError, Diagnostic, Report

if TYPE_CHECKING:
    from dagc.bench.answers import Answers
    from dagc.bench.client import Outcome, Target
    from dagc.bench.profiled import Profiled
    from dagc.bench.questions import Asked
    from dagc.compile import Compilation, Watch
    from dagc.plan.profile import Profile
    from dagc.plan.service_plan import Service

ROUNDS = 4
"""Each server is asked in turn, so that a machine that becomes slower slows all of them."""


def profile(
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="The graph file.")],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="Where to write; profile.json beside the graph by default.")
    ] = None,
    seconds: Annotated[float, typer.Option(help="Of each measurement.", min=0.2, max=600)] = 2.0,
) -> None:
    """Measure what each model, each step, reading and writing cost on this machine.

    Commit the file: builds read it to choose batch sizes and where runs go, and `dagc plan` predicts with it. A
    service that asks for a key gets the one in DAGC_KEY.

    Example: dagc profile graphs/tabular/graph.py
    """
    from dagc.artifacts.canonical import json_bytes
    from dagc.cli.asking import fit

    target = out or source.parent / "profile.json"
    with (
        reporting(Format.TEXT),
        steps() as watch,
        tempfile.TemporaryDirectory(prefix="dagc-profile-") as folder,
        fit(str(source)),
    ):
        found, (service, *others) = _measured(source, Path(folder), seconds, watch)
        _write(target, json_bytes(found.document()))
    left = [f"not measured: what runs in service {other.name}" for other in others]
    typer.echo("\n".join([*_lines(found, service), *left, f"wrote {target}"]))


def _measured(source: Path, folder: Path, seconds: float, watch: "Watch") -> "tuple[Profile, tuple[Service, ...]]":
    """The profile of the service that answers for `source`, made without one; that service, and those it calls."""
    from dagc.bench import profiled
    from dagc.cli.asking import asked

    compilation = _built(source, folder / "service", watch)
    _built(Path(str(profiled.__file__)).with_name("constant") / "graph.py", folder / "constant", watch)
    services = compilation.planned.plan.services
    service = services[0]
    found = []
    with ExitStack() as stack:
        plain = stack.enter_context(served(service_folder(folder / "service"))).address
        constants = stack.enter_context(served(service_folder(folder / "constant"))).address
        turn, task = (_Client(constants, _constant(name)) for name in ("turn", "task"))
        run = _Client(constants, _smallest())
        timed_run = stack.enter_context(_profiled(folder / "constant", (), _smallest()))
        for each in asked(compilation):
            watch(f"asking {each.route}")
            seen = _Client(plain, each)
            with _profiled(folder / "service", _steps(service, each.name), each) as timed:
                for _ in range(ROUNDS):
                    for client in (turn, task, run, timed_run.client, seen, timed.client):
                        client.ask(seconds / ROUNDS)
            found.append(timed.found(seen.total))
    smallest = timed_run.found(run.total)
    return profiled.profile(service, found, turn.total, task.total, smallest), services


def _built(source: Path, out: Path, watch: "Watch") -> "Compilation":
    """The build of a graph as it is without a profile."""
    from dagc.artifacts.write import write
    from dagc.compile import compile_file

    compilation = compile_file(source, Report(str(source.parent)), watch, unmeasured=True)
    write(compilation.tree, out)
    return compilation


class _Client:
    """One client of one endpoint, that asks for a while, stops, and asks again."""

    def __init__(self, address: str, endpoint: "Asked") -> None:
        from dagc.bench.client import Outcome
        from dagc.bench.questions import answered, target

        self._target: Target = target(address, endpoint.route)
        self._answers: Answers = answered(self._target, endpoint.questions)
        self.total: Outcome = Outcome()

    def ask(self, seconds: float) -> None:
        """Offer requests for so many seconds and add up what comes of them."""
        from dagc.bench.client import Load, offer

        outcome = offer(self._target, self._answers, Load(seconds, 1))
        self.total.latencies_s.extend(outcome.latencies_s)
        self.total.statuses.update(outcome.statuses)
        self.total.wrong += outcome.wrong


@dataclass(slots=True)
class _Timed:
    """A service with a stopwatch on every part, while it runs and after."""

    client: _Client
    endpoint: "Asked"
    results: Path

    def found(self, seen: "Outcome") -> "Profiled":
        """What the timed service wrote down, beside what its client saw."""
        from dagc.bench.profiled import Profiled, Samples

        samples = Samples.model_validate_json(self.results.read_bytes())
        return Profiled(self.endpoint.name, samples, seen)


@contextmanager
def _profiled(build: Path, steps: Sequence[tuple[str, str]], endpoint: "Asked") -> Iterator[_Timed]:
    """A build served with stopwatches, on `steps` too; its samples are written when the block ends."""
    task, results = build / f"{endpoint.name}.task.json", build / f"{endpoint.name}.samples.json"
    task.write_text(json.dumps({"steps": steps}), encoding="utf-8")
    words = ("-m", "dagc_runtime.profiler", str(task), str(results))
    with served(service_folder(build), words=words) as running:
        yield _Timed(_Client(running.address, endpoint), endpoint, results)


def _steps(service: "Service", endpoint: str) -> list[tuple[str, str]]:
    """Module and qualname of every Python step of an endpoint."""
    from dagc.plan.nesting import every_call

    (stages,) = (each.stages for each in service.endpoints if each.name == endpoint)
    return sorted({(call.module, call.qualname) for call in every_call(stages)})


def _constant(name: str) -> "Asked":
    from dagc.bench.answers import Question
    from dagc.bench.questions import Asked

    return Asked(name, f"/v1/{name}", (Question.of("nothing", {}, {"label": 1, "chance": 0.5}),))


def _smallest() -> "Asked":
    from dagc.bench.answers import Question
    from dagc.bench.questions import Asked

    return Asked("run", "/v1/run", (Question.of("a row", {"row": [1.0, 2.0, 3.0, 4.0]}, [2.0, 4.0, 6.0, 8.0]),))


def _write(target: Path, content: bytes) -> None:
    """Raises `CompileError` (E0508) when the disk refuses."""
    try:
        target.write_bytes(content)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise CompileError.of(Diagnostic("E0508", f"`{target}` cannot be written: {reason}")) from None


def _lines(found: "Profile", service: "Service") -> Sequence[str]:
    """What was measured, and how near the prediction comes that is made of it."""
    from dagc.plan.prediction import predicted, total_ms

    lines = [f"front     {found.front.turn.p50_ms:g} ms, {found.front.task.p50_ms:g} ms where steps wait"]
    for session in found.sessions:
        more = f"{session.batch} together {session.together.p50_ms:g} ms" if session.batch > 1 else "one at a time"
        lines.append(
            f"session   {session.name}: {session.run.p50_ms:g} ms, {session.alone.p50_ms:g} ms in a row, {more}"
        )
    lines += [f"step      {step.name}: {step.call.p50_ms:g} ms" for step in found.steps]
    by_name = {session.name: session for session in service.sessions}
    for endpoint in service.endpoints:
        known = found.of_endpoint(endpoint.name)
        if known is None:
            continue
        guess = total_ms(predicted(endpoint.name, endpoint.stages, by_name, found, {}))
        real = known.measured.p50_ms
        lines.append(f"endpoint  {endpoint.name}: p50 predicted {guess:.3g} ms, measured {real:g} ms")
    return lines
