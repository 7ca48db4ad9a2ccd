"""`dagc serve --reload`: a right edit takes over on the same port; a wrong one is told, and what ran goes on.

A door (`runtime/door.py`, as in a deployment) holds the port all the while and lends it to the service that
runs, so whoever connects while one follows another, or before there is any, waits and is not refused.
"""

import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from dagc.cli.address import require_free
from dagc.cli.companions import ended
from dagc.cli.outcome import Format, show
from dagc.cli.progress import steps
from dagc.cli.ready import ready_address
from dagc.cli.service_process import (
    ENDING,
    beside,
    dying_with_us,
    failed_service,
    service_folder,
    start_service,
)
from dagc.cli.watched_files import Look, changed, look
from dagc.diagnostics import CompileError, Report

_DOOR = Path(__file__).parents[1] / "runtime" / "door.py"
_PAUSE_S = 0.25
_PAUSES_PER_LOOK = 20
"""Looking takes at most a twentieth of the time: a large folder is looked at less often."""


def follow(source: Path, host: str, port: int, grpc_port: int | None, profile: str | None) -> None:
    """Serve `source` as it is at any time, with the numbers of `profile`, until a signal ends it.

    Raises:
        CompileError: the port cannot be held (E0701, E0702).
    """
    with _until_signal(), ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dagc-serve-")))
        doors = [stack.enter_context(_door("DAGC_DOOR", host, port))]
        if grpc_port is not None:
            doors.append(stack.enter_context(_door("DAGC_GRPC_DOOR", host, grpc_port)))
        with _Following(source, profile, folder, tuple(doors)) as following:
            following.run()


@dataclass(frozen=True, slots=True)
class _Door:
    """An open door: the variable that tells a service of it, its Unix socket, and where it is to be reached."""

    variable: str
    path: str
    address: str


@dataclass(frozen=True, slots=True)
class _Running:
    """A service that serves; closing `stack` ends it and those that it calls, and removes its build."""

    name: str
    process: "subprocess.Popen[str]"
    stack: ExitStack
    digest: str


class _Following:
    """The service that runs now, if any does, and what the file it is of was built from."""

    def __init__(self, source: Path, profile: str | None, folder: Path, doors: tuple[_Door, ...]) -> None:
        self._source = source
        self._profile = profile
        self._root = source.resolve().parent
        self._folder = folder
        self._doors = doors
        self._builds = 0
        self._running: _Running | None = None
        self._models: tuple[Path, ...] = ()

    def __enter__(self) -> "_Following":
        return self

    def __exit__(self, *_: object) -> None:
        self._replace(None)

    def run(self) -> None:
        """Build, and build again after every change; never returns."""
        while True:
            built_of = self._look()
            try:
                self._build()
            except CompileError as error:
                show(error.report, Format.TEXT)
                _say("the service of before goes on" if self._running else "nothing is served yet: mend it")
            told_now = {file: stamp for file, stamp in self._look().items() if file in self._models}
            files = self._changes({**told_now, **built_of})
            _say(f"{', '.join(f'`{file.name}`' for file in files[:3])} changed: building")

    def _look(self) -> Look:
        return look(self._root, self._models)

    def _build(self) -> None:
        """Compile, start what comes of it, and only then end what ran.

        Raises:
            CompileError: the graph is wrong, or what was made of it does not start.
        """
        from dagc.artifacts.write import write
        from dagc.compile import compile_file

        report = Report(str(self._source.parent))
        with steps() as watch:
            compilation = compile_file(self._source, report, watch, environment=self._profile)
        show(report, Format.TEXT)
        self._models = tuple(self._root / path for path in compilation.planned.traced[0].models)
        digest = compilation.tree.digest()
        if self._running is not None and self._running.digest == digest:
            _say("nothing of the service has changed")
            return
        self._builds += 1
        out = self._folder / str(self._builds)
        write(compilation.tree, out)
        self._replace(self._started(out, digest))
        place = " and ".join(door.address for door in self._doors)
        print(f"dagc: {compilation.planned.plan.name} ready on {place}", flush=True)

    def _started(self, out: Path, digest: str) -> _Running:
        with ExitStack() as stack:
            stack.callback(shutil.rmtree, out, ignore_errors=True)
            folder = service_folder(out)
            addresses = stack.enter_context(beside(folder))
            environment = {**addresses, **{door.variable: door.path for door in self._doors}}
            words = ("main.py", "--grpc-port", "0") if len(self._doors) > 1 else ("main.py",)
            process = start_service(
                folder, "127.0.0.1", 0, words=words, addresses=environment, stdout=subprocess.PIPE
            )
            stack.callback(_end, process)
            if ready_address(process, sys.stdout) is None:
                raise CompileError.of(failed_service(folder.name, process.wait()))
            return _Running(folder.name, process, stack.pop_all(), digest)

    def _replace(self, following: _Running | None) -> None:
        before, self._running = self._running, following
        if before is not None:
            before.stack.close()

    def _changes(self, built_of: Look) -> list[Path]:
        """What is another than it was built of, once it has held still for a moment: an editor writes several."""
        before = built_of
        while True:
            began = time.perf_counter()
            now = self._look()
            if now == before and now != built_of:
                return changed(built_of, now)
            before = now
            self._mourn()
            time.sleep(max(_PAUSE_S, _PAUSES_PER_LOOK * (time.perf_counter() - began)))

    def _mourn(self) -> None:
        """Say so when the service has ended by itself; the next change starts another."""
        if self._running is None or (code := self._running.process.poll()) is None:
            return
        if code:
            show(CompileError.of(failed_service(self._running.name, code)).report, Format.TEXT)
        self._replace(None)
        _say("the service has ended; the next change of a file starts it again")


@contextmanager
def _until_signal() -> Iterator[None]:
    """A signal ends the block quietly, wherever it is; while it ends, further ones are passed over."""

    def end(_number: int, _frame: FrameType | None) -> None:
        for number in ENDING:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt  # what every room lets through, the user's own code too

    before = {number: signal.signal(number, end) for number in ENDING}
    try:
        with suppress(KeyboardInterrupt):
            yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _door(variable: str, host: str, port: int) -> Iterator[_Door]:
    """A door that holds `port` of `host`.

    Raises:
        CompileError: it cannot (E0701, E0702).
    """
    # Not in $TMPDIR, which may be long: the path of a Unix socket has at most 107 bytes.
    with tempfile.TemporaryDirectory(prefix="dagc-door-", dir="/tmp") as folder:
        path = f"{folder}/door.sock"
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_DOOR), path, str(port), host],
            text=True,
            start_new_session=True,
            stdout=subprocess.PIPE,
            preexec_fn=dying_with_us(),
        )
        try:
            words = process.stdout.readline() if process.stdout else ""
            if not words.startswith("holding port "):
                require_free(host, port)  # who took it since says so
                raise CompileError.of(failed_service("door", process.wait()))
            at = f"[{host}]" if ":" in host else host
            scheme = "http://" if variable == "DAGC_DOOR" else "gRPC "
            yield _Door(variable, path, f"{scheme}{at}:{words.split()[-1]}")
        finally:
            _end(process)


def _end(process: "subprocess.Popen[str]") -> None:
    """Let it finish what is in flight, and end it."""
    process.terminate()
    ended(process)


def _say(words: str) -> None:
    print(f"dagc: {words}", file=sys.stderr, flush=True)
