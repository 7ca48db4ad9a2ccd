"""What a profiled service wrote down and what its client saw, put together as a profile with sensible numbers."""

import platform
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from pydantic import BaseModel

from dagc.bench.client import Outcome
from dagc.plan.profile import (
    EndpointProfile,
    Front,
    Machine,
    Profile,
    SessionProfile,
    SessionUse,
    Spread,
    StepProfile,
)
from dagc.plan.service_plan import Service

_DIGITS = 3


class SessionSamples(BaseModel):
    """Of one session: runs and rows in all, rows and seconds of each run, seconds of runs of each size tried."""

    count: int
    rows: int
    runs: list[tuple[int, float]]
    tried: list[tuple[int, list[float]]]


class Samples(BaseModel):
    """What `dagc_runtime.profiler` writes; `calls` are all calls of a part, `seconds` the settled samples."""

    cpus: int
    requests: int
    calls: dict[str, int]
    seconds: dict[str, list[float]]
    sessions: dict[str, SessionSamples]


@dataclass(frozen=True, slots=True)
class Profiled:
    """One endpoint: samples of its parts, and what one client saw of the service without a stopwatch."""

    name: str
    samples: Samples
    seen: Outcome


def profile(
    service: Service, endpoints: Sequence[Profiled], turn: Outcome, task: Outcome, run: Profiled
) -> Profile:
    """The profile of a service; `turn` and `task` are of constant answers, `run` of the smallest model."""
    return Profile(
        dagc=version("dagc"),
        machine=_machine(endpoints[0].samples.cpus),
        front=_front(turn, task, run),
        sessions=tuple(_sessions(service, endpoints)),
        steps=tuple(_steps(endpoints)),
        endpoints=tuple(_endpoint(each) for each in endpoints),
    )


def spread(seconds: Sequence[float]) -> Spread:
    """Median and 99th percentile in milliseconds, three digits each; zeros of nothing."""
    ordered = sorted(seconds)
    if not ordered:
        return Spread(p50_ms=0.0, p99_ms=0.0)
    middle, high = ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return Spread(p50_ms=rounded(1000 * middle), p99_ms=rounded(1000 * high))


def rounded(number: float) -> float:
    """Three significant digits: more would be noise, and a change in every commit."""
    return float(f"{number:.{_DIGITS}g}")


def _front(turn: Outcome, task: Outcome, run: Profiled) -> Front:
    """What a run takes besides itself is what the smallest one adds to a constant answer beyond its own parts."""
    parts = [*run.samples.seconds.values(), *([took for _, took in s.runs] for s in run.samples.sessions.values())]
    known = _seen(turn).p50_ms + sum(spread(part).p50_ms for part in parts)
    besides_ms = max(0.0, _seen(run.seen).p50_ms - known)
    return Front(turn=_seen(turn), task=_seen(task), run_ms=rounded(besides_ms))


def _sessions(service: Service, endpoints: Sequence[Profiled]) -> list[SessionProfile]:
    found = []
    for session in service.sessions:
        samples = [e.samples.sessions[session.name] for e in endpoints if session.name in e.samples.sessions]
        if samples:
            found.append(_session(session.name, session.sha256, samples))
    return found


def _session(name: str, sha256: str, samples: Sequence[SessionSamples]) -> SessionProfile:
    sizes = max((each.tried for each in samples), key=len)
    alone, (batch, seconds) = spread(sizes[0][1]), sizes[-1]
    together = spread(seconds)
    row = max(0.0, (together.p50_ms - alone.p50_ms) / (batch - 1)) if batch > 1 else alone.p50_ms
    # Runs of several examples (of a list) say what one of a single example would have taken.
    single = [took - (rows - 1) * row / 1000 for each in samples for rows, took in each.runs]
    return SessionProfile(
        name=name,
        sha256=sha256,
        run=spread([max(0.0, took) for took in single]),
        alone=alone,
        together=together,
        batch=batch,
        fixed_ms=rounded(max(0.0, alone.p50_ms - row)),
        row_ms=rounded(row),
    )


def _steps(endpoints: Sequence[Profiled]) -> list[StepProfile]:
    seconds: dict[str, list[float]] = {}
    for each in endpoints:
        for part, times in each.samples.seconds.items():
            if part not in ("decode", "encode"):
                seconds.setdefault(part, []).extend(times)
    return [StepProfile(name=name, call=spread(seconds[name])) for name in sorted(seconds)]


def _endpoint(each: Profiled) -> EndpointProfile:
    samples = each.samples
    requests = max(1, samples.requests)
    return EndpointProfile(
        name=each.name,
        requests=requests,
        decode=spread(samples.seconds.get("decode", ())),
        encode=spread(samples.seconds.get("encode", ())),
        measured=_seen(each.seen),
        steps=_shares(samples.calls, requests, lambda part: part not in ("decode", "encode")),
        sessions={
            name: SessionUse(runs=rounded(used.count / requests), rows=rounded(used.rows / requests))
            for name, used in sorted(samples.sessions.items())
        },
    )


def _shares(calls: Mapping[str, int], requests: int, wanted: Callable[[str], bool]) -> dict[str, float]:
    return {part: rounded(count / requests) for part, count in sorted(calls.items()) if wanted(part)}


def _seen(outcome: Outcome) -> Spread:
    return spread(outcome.latencies_s)


def _machine(cpus: int) -> Machine:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return Machine(
        processor=found[1] if found else platform.machine(),
        cpus=cpus,
        system=f"{platform.system().lower()} {platform.machine()}",
        python=".".join(platform.python_version_tuple()[:2]),
        onnxruntime=version("onnxruntime"),
    )
