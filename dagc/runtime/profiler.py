"""This service with a stopwatch on every part: `python -m dagc_runtime.profiler TASK SAMPLES`, for `dagc profile`.

It serves as ever until it is told to stop, then writes what each part took. Timing every call costs microseconds
that no service should pay, so nothing of this is loaded otherwise. `TASK` is a JSON object: `steps`, a list of
`[module, qualname]`.
"""

import asyncio
import functools
import importlib
import inspect
import json
import sys
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from .codec import Codec
from .cpu_limit import cpu_limit
from .feed import Example
from .run import serve
from .service import Service
from .session import Session

KEPT = 64
"""Examples of each session that are kept to be run again, alone and together."""
LONG_S = 0.25
"""No larger batch is tried once a run takes so long."""
TRIED_S = 0.25
FEWEST_RUNS = 5
_WARMING = 0.1
"""The share of the first samples that is not counted: caches and branch predictors are still cold."""

T = TypeVar("T")


@dataclass(slots=True)
class Samples:
    """What was timed: seconds by part, and rows and seconds of runs by session."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    runs: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    examples: dict[str, list[Example]] = field(default_factory=dict)

    def clear(self) -> None:
        """Forget what the start took."""
        for found in (self.seconds, self.runs, self.examples):
            found.clear()

    def timed(self, part: str, function: Callable[..., object]) -> Callable[..., object]:
        """`function`, whose every call is a sample of `part`; of a coroutine function, until that ends."""

        @functools.wraps(function)
        def call(*args: object, **kwargs: object) -> object:
            begun = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                self.seconds.setdefault(part, []).append(time.perf_counter() - begun)

        @functools.wraps(function)
        async def wait(*args: object, **kwargs: object) -> object:
            begun = time.perf_counter()
            try:
                found = function(*args, **kwargs)
                return await found if inspect.isawaitable(found) else found
            finally:
                self.seconds.setdefault(part, []).append(time.perf_counter() - begun)

        return wait if asyncio.iscoroutinefunction(function) else call

    def run(self, quick: Callable[[Session, Sequence[Example]], list[object]]) -> Callable[..., list[object]]:
        """`Session.run`, whose every call is a sample, and some of whose examples are kept."""

        def run(session: Session, examples: Sequence[Example]) -> list[object]:
            begun = time.perf_counter()
            found = quick(session, examples)
            took = time.perf_counter() - begun
            self.runs.setdefault(session.name, []).append((len(examples), took))
            kept = self.examples.setdefault(session.name, [])
            if len(kept) < KEPT:
                kept.extend(examples)
            return found

        return run


def main(task: Path, results: Path, options: Sequence[str]) -> None:
    """Serve as the command line `options` say, with one worker, then write `results`."""
    steps: list[tuple[str, str]] = [tuple(each) for each in json.loads(task.read_text())["steps"]]
    samples = Samples()
    plain_run = Session.run
    _replace(Codec, "decode", samples.timed("decode", Codec.decode))
    _replace(Codec, "encode", samples.timed("encode", Codec.encode))
    _replace(Session, "run", samples.run(plain_run))
    _replace(Service, "step", _timed_guards(samples, steps))
    service: Service = importlib.import_module("main").service
    for module, qualname in steps:
        _time_step(samples, module, qualname)
    warm_up = service.warm_up

    def warm_up_untimed() -> None:
        warm_up()
        samples.clear()

    _replace(service, "warm_up", warm_up_untimed)
    serve(service, [*options, "--workers", "1", "--drain-s", "0"])
    _replace(Session, "run", plain_run)
    results.write_text(json.dumps(_document(samples, service)))


def _timed_guards(samples: Samples, steps: Sequence[tuple[str, str]]) -> Callable[..., object]:
    """`Service.step`, whose steps are timed with all that is done around them: main.py has them by other names."""
    plain = Service.step
    timed = {f"{module}.{qualname}" for module, qualname in steps}

    def step(service: Service, function: Callable[..., object], **more: Callable[[], object]) -> object:
        guarded = plain(service, function, **more)
        name = f"{function.__module__}.{function.__qualname__}"
        return samples.timed(name, guarded) if name in timed else guarded

    return step


def _time_step(samples: Samples, module: str, qualname: str) -> None:
    """Put a stopwatch in the place of a step, where main.py looks it up at each call."""
    owner: object = importlib.import_module(module)
    *outer, name = qualname.split(".")
    for each in outer:
        owner = getattr(owner, each)
    _replace(owner, name, samples.timed(f"{module}.{qualname}", getattr(owner, name)))


def _replace(owner: object, name: str, function: object) -> None:
    setattr(owner, name, function)


def _document(samples: Samples, service: Service) -> dict[str, object]:
    sessions = {}
    for name, runs in samples.runs.items():
        tried = _tried(service._sessions[name], samples.examples[name])
        counted = {"count": len(runs), "rows": sum(rows for rows, _ in runs)}
        sessions[name] = {**counted, "runs": _settled(runs), "tried": tried}
    calls = {part: len(times) for part, times in samples.seconds.items()}
    return {
        "cpus": cpu_limit(),
        "requests": calls.get("decode", 0),
        "calls": calls,
        "seconds": {part: _settled(times) for part, times in samples.seconds.items()},
        "sessions": sessions,
    }


def _settled(samples: list[T]) -> list[T]:
    return samples[int(len(samples) * _WARMING) :]


def _tried(session: Session, examples: Sequence[Example]) -> list[tuple[int, list[float]]]:
    """Seconds of runs of 1, 2, 4 ... examples of one lane, up to the session's `max_batch`."""
    lanes: dict[Hashable, list[Example]] = {}
    for example in examples:
        lanes.setdefault(session.lane(example), []).append(example)
    largest = max(lanes.values(), key=len)
    found = []
    size = 1
    while size <= session.max_batch:
        batch = [largest[at % len(largest)] for at in range(size)]
        seconds = _again(session, batch)
        found.append((size, seconds))
        if min(seconds) > LONG_S:
            break
        size *= 2
    return found


def _again(session: Session, batch: Sequence[Example]) -> list[float]:
    """Seconds of each run of a batch, for a while."""
    session.run(batch)
    found: list[float] = []
    end = time.perf_counter() + TRIED_S
    while len(found) < FEWEST_RUNS or time.perf_counter() < end:
        begun = time.perf_counter()
        session.run(batch)
        found.append(time.perf_counter() - begun)
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve(), sys.argv[3:])
