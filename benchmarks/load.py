"""Requests and answers: the cases of a workload, single requests over a socket, and wrk for closed-loop load."""

import http.client
import json
import os
import re
import resource
import subprocess
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmarks.catalogue import CATALOGUE
from benchmarks.environments import CACHE
from dagc.bench.answers import near
from dagc.evaluate.requests import stored_requests

HOST = "127.0.0.1"
REQUEST_S = 10
MOST_CASES = 64
TRIES = 3
_DONE = """
local requests, next = {}, 0
function init()
  wrk.headers["Content-Type"] = "application/json"
  for place, body in ipairs(bodies) do requests[place] = wrk.format("POST", nil, nil, body) end
end
function request()
  next = next % #requests + 1
  return requests[next]
end
function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    'JSON {"requests":%d,"duration_us":%d,"p50_us":%.1f,"p90_us":%.1f,"p99_us":%.1f,"max_us":%.1f,"errors":%d}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(90), latency:percentile(99),
    latency.max, errors.connect + errors.read + errors.write + errors.timeout + errors.status))
end
"""


@dataclass(frozen=True, slots=True)
class Case:
    """One request body, and the answer it must get."""

    body: bytes
    response: object
    tolerance: float

    def wrong(self, status: int, answer: bytes) -> str | None:
        """What is wrong with an answer, if something is."""
        if status != 200:
            return f"status {status}: {answer[:200]!r}"
        try:
            found = json.loads(answer)
        except ValueError:
            return f"not JSON: {answer[:200]!r}"
        return None if near(found, self.response, self.tolerance) else f"{answer[:300]!r}, not {self.response}"


@dataclass(frozen=True, slots=True)
class Closed:
    """What wrk saw: `concurrency` connections, each sending its next request when the last is answered."""

    requests: int
    duration_s: float
    p50_ms: float
    p90_ms: float
    p99_ms: float
    max_ms: float
    errors: int
    client_cpu_s: float


def cases(workload: str) -> list[Case]:
    """The stored cases of a workload, at most `MOST_CASES`, from the first to the last."""
    stored = [each.stored for each in stored_requests(CATALOGUE[workload].folder)]
    step = max(1, len(stored) // MOST_CASES)
    return [
        Case(json.dumps(each.request, separators=(",", ":")).encode(), each.response, each.tolerance or 1e-5)
        for each in stored[::step][:MOST_CASES]
    ]


def post(port: int, path: str, body: bytes) -> tuple[int, bytes]:
    """Status and body of one request on a connection of its own; raises OSError or HTTPException."""
    connection = http.client.HTTPConnection(HOST, port, timeout=REQUEST_S)
    try:
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def check_answers(port: int, path: str, expected: Sequence[Case], together: int) -> tuple[str | None, int]:
    """What is wrong with the first wrong answer, and how many requests failed and were asked again.

    `together` requests are under way at a time. All at once is the test of a server that batches: each must get
    its own answer. A failed request is an error to be counted, a wrong answer is the end.
    """
    gate = threading.Barrier(together)

    def ask(case: Case) -> tuple[str | None, int]:
        gate.wait(timeout=REQUEST_S)
        failed = 0
        status, answer = post(port, path, case.body)
        while status >= 500 and failed < TRIES:
            failed += 1
            status, answer = post(port, path, case.body)
        return case.wrong(status, answer), failed

    with ThreadPoolExecutor(together) as pool:
        whole = len(expected) // together * together
        found = list(pool.map(ask, expected[:whole]))
    return next((wrong for wrong, _ in found if wrong), None), sum(failed for _, failed in found)


def wrk(workload: str, port: int, path: str, concurrency: int, seconds: float) -> Closed:
    """One run of wrk with the workload's bodies in turn.

    Raises:
        RuntimeError: wrk said nothing that could be read.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = ["wrk", "-t1", f"-c{concurrency}", f"-d{max(1, round(seconds))}s", f"--timeout={REQUEST_S}s"]
    command += ["-s", os.fspath(_script(workload)), f"http://{HOST}:{port}{path}"]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    line = re.search(r"^JSON (\{.*\})$", finished.stdout, re.MULTILINE)
    if line is None:
        raise RuntimeError(f"wrk: {(finished.stdout + finished.stderr)[-300:]}")
    found = json.loads(line[1])
    return Closed(
        requests=found["requests"],
        duration_s=found["duration_us"] / 1e6,
        p50_ms=found["p50_us"] / 1e3,
        p90_ms=found["p90_us"] / 1e3,
        p99_ms=found["p99_us"] / 1e3,
        max_ms=found["max_us"] / 1e3,
        errors=found["errors"],
        client_cpu_s=after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
    )


def _script(workload: str) -> Path:
    """wrk's Lua script for a workload: its bodies, made into requests once."""
    path = CACHE / "wrk" / f"{workload}.lua"
    path.parent.mkdir(parents=True, exist_ok=True)
    bodies = ",\n".join(f"[==[{case.body.decode()}]==]" for case in cases(workload))
    path.write_text(f"local bodies = {{\n{bodies}\n}}\n{_DONE}", encoding="utf-8")
    return path
