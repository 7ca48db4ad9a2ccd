"""A container from its start until it is healthy, or its last words."""

import time

from dagc.deploy.engine import Container, Engine
from dagc.deploy.progress import Progress
from dagc.deploy.refusals import one_line
from dagc.diagnostics import CompileError, Diagnostic

_MIB = 1024 * 1024
_PAUSE_S = 0.25
_LAST_LINES = 8


def start_healthy(engine: Engine, name: str, container: str, timeout_s: float, progress: Progress) -> None:
    """Start a container and return once its health check holds.

    Raises:
        CompileError: it ended (E0714), or is not healthy in time (E0715); either with its last words.
    """
    engine.start(container)
    began = time.monotonic()
    task = f"start {name}"
    while (waited := time.monotonic() - began) < timeout_s:
        progress(task, int(waited), 0)
        found = engine.container(container)
        if found is None or not found.running:
            raise CompileError.of(_ended(engine, name, container, found))
        if engine.run_inside(container, _check(engine, container)) == 0:
            engine.keep_running(container)
            progress(task, 1, 1)
            return
        time.sleep(_PAUSE_S)
    message = f"service `{name}` is not healthy {timeout_s:g} s after its start"
    help_ = "give it longer with `--timeout`, or find in its log what it waits for"
    raise CompileError.of(Diagnostic("E0715", message, notes=_last_words(engine, container), help=help_))


def _check(engine: Engine, container: str) -> tuple[str, ...]:
    """The image's health check, asked more often than the engine would."""
    return engine.health_check(container) or ("python3", "-c", "")


def _ended(engine: Engine, name: str, container: str, found: Container | None) -> Diagnostic:
    if found is None:
        return Diagnostic("E0714", f"the container of service `{name}` was removed while it started")
    notes = _last_words(engine, container)
    if found.out_of_memory or found.exit_code == 137:
        limit = found.memory_bytes // _MIB
        message = f"service `{name}` was killed while it started: it needs more than its {limit} MiB of memory"
        return Diagnostic("E0714", message, notes=notes, help="give it more with `--memory`")
    message = f"service `{name}` ended with code {found.exit_code} while it started"
    help_ = "what it wrote last says why; `dagc serve` runs the same service without a container"
    return Diagnostic("E0714", message, notes=notes, help=help_)


def _last_words(engine: Engine, container: str) -> tuple[str, ...]:
    lines = [one_line(line) for line in engine.log(container, _LAST_LINES).splitlines() if line.strip()]
    return tuple(lines) or ("it wrote nothing",)
