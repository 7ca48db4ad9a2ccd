"""Pages a second of `graphs/ocr` as a service, beside the rapidocr package: `python -m benchmarks.ocr`.

Both read the pages of `graphs/ocr/render.py` in turn: the service for several clients at once over HTTP, the
package in a process of its own one after another, with as many threads as it likes. Rounds alternate; only ratios
mean anything.
"""

import argparse
import http.client
import json
import os
import runpy
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import cycle, islice
from pathlib import Path

from benchmarks.measure import free_ports
from benchmarks.processes import ServerProcess, adopt_orphans

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "graphs" / "ocr"
HOST = "127.0.0.1"
WARM_UP = 8
START_S = 60.0
DEADLINE_MS = "60000"


@dataclass(frozen=True, slots=True)
class Rate:
    """What was read in one measurement, and the CPU seconds a page took."""

    pages_per_s: float
    cpu_s_per_page: float
    errors: int = 0


def main() -> None:
    """Print every round and the median ratios as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--page", default="", help="only this page, else all in turn")
    parser.add_argument("--package", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    pages = [image for name, image in rendered().items() if asked.page in ("", name)]
    if asked.package:
        print(json.dumps(asdict(read_by_package(pages, asked.seconds))))
        return
    adopt_orphans()
    rounds = []
    with tempfile.TemporaryDirectory(prefix="dagc-ocr-") as folder:
        tree = Path(folder) / "build"
        build = [sys.executable, "-m", "dagc", "build", str(FOLDER / "graph.py"), "-o", str(tree)]
        subprocess.run(build, check=True, stdout=sys.stderr)
        for _ in range(asked.rounds):
            served = with_service(tree / "services" / "ocr", pages, asked.clients, asked.seconds)
            rounds.append((served, with_package(asked.page, asked.seconds)))
    faster = statistics.median(served.pages_per_s / package.pages_per_s for served, package in rounds)
    cheaper = statistics.median(package.cpu_s_per_page / served.cpu_s_per_page for served, package in rounds)
    shown = [{"served": asdict(served), "package": asdict(package)} for served, package in rounds]
    ratios = {"pages_per_s": round(faster, 3), "pages_per_cpu_s": round(cheaper, 3)}
    print(json.dumps({"clients": asked.clients, "rounds": shown, "ratios": ratios}, indent=2))


def rendered() -> Mapping[str, bytes]:
    """The pages as PNG files."""
    made = runpy.run_path(str(FOLDER / "render.py"))
    return {name: made["png"](make()) for name, make in made["PAGES"].items()}


def with_service(folder: Path, pages: Sequence[bytes], clients: int, seconds: float) -> Rate:
    """Pages the built service answers, run as its README says."""
    (port,) = free_ports(1)
    environment = {**os.environ, "DAGC_ACCESS_LOG": "off"}
    command = [sys.executable, "main.py", "--port", str(port)]
    with ServerProcess(command, folder, environment, folder.parent / "service.log") as server:
        wait_until_ready(port)
        load(port, list(islice(cycle(pages), WARM_UP)), clients, 1.0)
        before = server.cpu_s()
        seen = load(port, pages, clients, seconds)
        used = server.cpu_s() - before
    answered = sum(seen.answered)
    return Rate(round(answered / seen.seconds, 3), round(used / max(1, answered), 3), sum(seen.refused))


@dataclass(slots=True)
class Load:
    """What each client was answered."""

    answered: list[int]
    refused: list[int]
    seconds: float = field(default=0.0)


def load(port: int, pages: Sequence[bytes], clients: int, seconds: float) -> Load:
    """Ask for `seconds` by so many clients at once."""
    seen = Load([0] * clients, [0] * clients)
    begun = time.perf_counter()
    asking = [
        threading.Thread(target=_ask, args=(port, pages, at, seen, begun + seconds)) for at in range(clients)
    ]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    seen.seconds = time.perf_counter() - begun
    return seen


def _ask(port: int, pages: Sequence[bytes], at: int, seen: Load, end: float) -> None:
    """One client: the pages in turn from its own place, until the end."""
    connection = http.client.HTTPConnection(HOST, port, timeout=120)
    start = at % len(pages)
    for page in cycle([*pages[start:], *pages[:start]]):
        if time.perf_counter() >= end:
            return
        headers = {"content-type": "image/png", "x-request-timeout-ms": DEADLINE_MS}
        connection.request("POST", "/v1/ocr", page, headers)
        answer = connection.getresponse()
        answer.read()
        seen.answered[at] += answer.status == 200
        seen.refused[at] += answer.status != 200


def wait_until_ready(port: int) -> None:
    """Return when the service says it is ready."""
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        try:
            connection = http.client.HTTPConnection(HOST, port, timeout=5)
            connection.request("GET", "/ready")
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise RuntimeError("the service is not ready")


def with_package(page: str, seconds: float) -> Rate:
    """Pages the package reads in a process of its own."""
    words = ["--package", "--seconds", str(seconds), *(["--page", page] if page else [])]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.ocr", *words], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    return Rate(**json.loads(done.stdout))


def read_by_package(pages: Sequence[bytes], seconds: float) -> Rate:
    """In that process: read the pages in turn."""
    from rapidocr_onnxruntime import RapidOCR

    engine = RapidOCR()
    for page in islice(cycle(pages), WARM_UP):
        engine(page)
    begun, used, count = time.perf_counter(), time.process_time(), 0
    for page in cycle(pages):
        engine(page)
        count += 1
        if time.perf_counter() - begun >= seconds:
            break
    elapsed = time.perf_counter() - begun
    return Rate(round(count / elapsed, 3), round((time.process_time() - used) / count, 3))


if __name__ == "__main__":
    main()
