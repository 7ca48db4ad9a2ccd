"""One server at one workload: cold start, answers, load, memory; and the open-loop test."""

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict

from benchmarks.catalogue import CATALOGUE, CONSTANT
from benchmarks.environments import CACHE, HERE, Environment
from benchmarks.load import HOST, Case, cases, check_answers, post, wrk
from benchmarks.machine import QUIET_CORES, busy_s, loop_ms
from benchmarks.openloop import Offer, Outcome
from benchmarks.processes import ServerProcess
from benchmarks.records import Load, Offered, OpenLoop, Run
from benchmarks.servers import DAGC, Server

START_S = 90.0
WARM_UP_S = 2
DEADLINE_S = 1.0
"""Of the open-loop test: dagc's default deadline, and what the client waits for any peer."""
CONNECTIONS = 4000
"""Of the open-loop client; dagc's front holds 4,096 by default."""
SATURATING = 256
FACTORS = (0.5, 0.8, 1.5, 2.0, 4.0, 8.0)


class MeasurementError(Exception):
    """A server that does not start or answers wrongly: its numbers would mean nothing."""


FAILURES = (MeasurementError, RuntimeError, subprocess.SubprocessError, OSError, http.client.HTTPException)


class Running:
    """A started server that has given its first right answer; a context manager that stops it.

    Raises:
        MeasurementError: no right answer within `START_S`, or one of the 64 answers is wrong.
    """

    def __init__(self, server: Server, workload: str, environment: Environment, cores: Sequence[int]) -> None:
        self.port, *others = free_ports(3)
        self.path = server.path.format(graph=CATALOGUE[workload].graph)
        self.workload = workload
        self.failed_checks = 0
        words = {
            "python": str(environment.programs / "python"),
            "programs": str(environment.programs),
            "port": str(self.port),
            "port_2": str(others[0]),
            "port_3": str(others[1]),
            "workers": str(len(cores)),
            "app": server.app(workload),
        }
        expected = cases(workload)
        self._expected = [] if server.name == CONSTANT else expected
        with ExitStack() as undo:
            self.process = undo.enter_context(
                ServerProcess(
                    [word.format(**words) for word in server.command],
                    server.folder(workload),
                    _variables(server, workload, words),
                    CACHE / "logs" / f"{server.name}-{workload}.log",
                    cores,
                    server.stop_signal,
                )
            )
            self.cold_start_s = self._first_answer(expected[0])
            self.check()
            self._stack = undo.pop_all()

    def __enter__(self) -> "Running":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def check(self) -> None:
        """Ask all cases one after another, and again all at once."""
        for together in (1, len(self._expected)):
            if not self._expected:
                return
            wrong, failed = check_answers(self.port, self.path, self._expected, together)
            self.failed_checks += failed
            if wrong:
                raise MeasurementError(f"wrong answer ({together} at a time): {wrong}\n{self.process.tail()}")

    def _first_answer(self, case: Case) -> float:
        last = "nothing listens"
        while time.perf_counter() - self.process.started < START_S:
            try:
                status, body = post(self.port, self.path, case.body)
            except (OSError, http.client.HTTPException) as error:
                last = str(error)
            else:
                last = (case.wrong(status, body) if self._expected else None) or ""
                if not last and status == 200:
                    return round(time.perf_counter() - self.process.started, 3)
            if self.process.ended:
                raise MeasurementError(f"it ended while starting\n{self.process.tail()}")
            time.sleep(0.01)
        raise MeasurementError(f"no right answer in {START_S:g} s: {last}\n{self.process.tail()}")


def measure(
    server: Server,
    workload: str,
    environment: Environment,
    concurrencies: Sequence[int],
    seconds: float,
    number: int,
) -> Run:
    """One start of a server, loaded at each concurrency in turn. A failure is a record too."""
    record = Run(server.name, workload, number)
    wait_for_quiet(None)
    try:
        with Running(server, workload, environment, all_cores()) as running:
            record.cold_start_s = running.cold_start_s
            wrk(workload, running.port, running.path, 8, WARM_UP_S)
            most = CATALOGUE[workload].most
            record.loads = [load(running, each, seconds) for each in concurrencies if each <= most]
            record.processes, record.pss_mb = running.process.memory()
            running.check()
            record.failed_checks = running.failed_checks
    except FAILURES as error:
        record.failure = f"{type(error).__name__}: {error}"[:2000]
    return record


def load(running: Running, concurrency: int, seconds: float) -> Load:
    """wrk at one concurrency; again if others were busy, and then the quieter of both."""
    first = _load(running, concurrency, seconds)
    if first.foreign_cores <= QUIET_CORES:
        return first
    return min(first, _load(running, concurrency, seconds), key=lambda each: each.foreign_cores)


def _load(running: Running, concurrency: int, seconds: float) -> Load:
    wait_for_quiet(running.process)
    speed = loop_ms()
    server_before, all_before = running.process.cpu_s(), busy_s()
    seen = wrk(running.workload, running.port, running.path, concurrency, seconds)
    server_s, all_s = running.process.cpu_s() - server_before, busy_s() - all_before
    return Load(
        concurrency=concurrency,
        requests_per_s=round(seen.requests / seen.duration_s, 1),
        p50_ms=seen.p50_ms,
        p90_ms=seen.p90_ms,
        p99_ms=seen.p99_ms,
        max_ms=seen.max_ms,
        errors=seen.errors,
        cpu_us=round(server_s / max(seen.requests, 1) * 1e6, 1),
        client_cores=round(seen.client_cpu_s / seen.duration_s, 2),
        server_cores=round(server_s / seen.duration_s, 2),
        foreign_cores=round(max(0.0, all_s - server_s - seen.client_cpu_s) / seen.duration_s, 2),
        loop_ms=speed,
    )


def overload(server: Server, workload: str, environment: Environment, seconds: float) -> OpenLoop:
    """The open-loop test: the server has half of the cores, the client the other half.

    Saturation is what 256 connections in a closed loop get out of it, by the same client.
    """
    cores = all_cores()
    own, clients = (cores[: len(cores) // 2], cores[len(cores) // 2 :]) if len(cores) > 1 else (cores, cores)
    record = OpenLoop(server.name, workload)
    try:
        with Running(server, workload, environment, own) as running:
            wrk(workload, running.port, running.path, 64, WARM_UP_S)
            full = _offer(running, clients, None, SATURATING, seconds)
            record.saturation = round((full.good + full.late) / full.seconds, 1)
            for factor in FACTORS:
                rate = record.saturation * factor
                record.offered.append(_offered(factor, rate, _offer(running, clients, rate, CONNECTIONS, seconds)))
                time.sleep(1)  # what is still queued is worked off before the next rate
            running.check()
    except FAILURES as error:
        record.failure = f"{type(error).__name__}: {error}"[:2000]
    return record


def _offer(
    running: Running, cores: Sequence[int], rate: float | None, connections: int, seconds: float
) -> Outcome:
    bodies = [case.body.decode() for case in cases(running.workload)]
    offer = Offer(running.port, running.path, bodies, seconds, rate, connections, DEADLINE_S, list(cores))
    finished = subprocess.run(
        [sys.executable, "-m", "benchmarks.openloop"],
        cwd=HERE.parent,
        input=json.dumps(asdict(offer)),
        capture_output=True,
        text=True,
        timeout=seconds + 60,
        check=False,
    )
    if finished.returncode != 0:
        raise RuntimeError(f"open-loop client: {finished.stderr[-500:]}")
    return Outcome(**json.loads(finished.stdout))


def _offered(factor: float, rate: float, seen: Outcome) -> Offered:
    return Offered(
        factor=factor,
        rate=round(rate, 1),
        goodput=round(seen.good / seen.seconds, 1),
        accepted_p50_ms=seen.accepted_p50_ms,
        accepted_p99_ms=seen.accepted_p99_ms,
        late=seen.late,
        unsent=seen.unsent,
        lost=seen.lost,
        statuses=seen.statuses,
        client_idle_share=seen.idle_share,
    )


def wait_for_quiet(process: ServerProcess | None, limit_s: float = 6.0) -> None:
    """Wait until processes of others use little CPU, at most `limit_s`."""
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        start, all_before = time.monotonic(), busy_s()
        own_before = process.cpu_s() if process else 0.0
        time.sleep(0.3)
        own = process.cpu_s() - own_before if process else 0.0
        if (busy_s() - all_before - own) / (time.monotonic() - start) < QUIET_CORES:
            return


def all_cores() -> list[int]:
    """The CPUs this process may use."""
    return sorted(os.sched_getaffinity(0))


def free_ports(count: int) -> list[int]:
    """Ports of the loopback address nobody listens on."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind((HOST, 0))
        return [int(each.getsockname()[1]) for each in sockets]


def _variables(server: Server, workload: str, words: Mapping[str, str]) -> dict[str, str]:
    """The server's environment: ours, less what would change how it runs, and what its settings say."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "DAGC_"))}
    own["PATH"] = f"{words['programs']}:{own.get('PATH', '')}"
    own["OMP_NUM_THREADS"] = "1"
    own["ORT_DISABLE_TELEMETRY"] = "1"
    if server.peer != DAGC:
        own["PYTHONPATH"] = str(HERE / "peers" / "shared")
        own |= {"BENCH_WORKLOAD": workload, "BENCH_PORT": words["port"], "BENCH_WORKERS": words["workers"]}
        own["BENCH_FUSED"] = str(CATALOGUE[workload].service() / "models")
    return own | {name: value.format(**words) for name, value in server.settings.items()}
