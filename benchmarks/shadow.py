"""What a challenger costs its champion's clients: `python -m benchmarks.shadow` prints a table, and exits with 1.

`graphs/model_update` four times: without its challenger, with it, with one that takes 2 s more, and with one that
fails. An open loop asks each of them the stored requests at one rate, in turn. Wanted: every answer is the
champion's, and the 99th percentile is less than 2 ms above that without a challenger. For a machine that is quiet.
"""

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measure import free_ports
from benchmarks.processes import ServerProcess, adopt_orphans
from dagc.bench.answers import Answers, Question
from dagc.bench.client import Load, Outcome, Target, offer
from dagc.evaluate.requests import stored_requests

GRAPH = Path(__file__).parent.parent / "graphs" / "model_update"
SHADOW = "dagc.shadow(old, new, compare=same_band)"
MOST_MS = 2.0
FORMS = {
    "no challenger": ("alone", ""),
    "a challenger": ("watched", ""),
    "one that takes 2 s more": ("watched", "slow"),
    "one that fails": ("watched", "broken"),
}
"""Which build, and what `DRILL` says."""


def main() -> int:
    """The exit code: 0 when no answer is another and no form is `MOST_MS` slower."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.shadow", description=__doc__)
    parser.add_argument("--rate", type=float, default=200.0, help="requests a second")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each form in each round")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    adopt_orphans()
    answers = Answers([
        Question.of(each.name, each.stored.request, each.stored.response)
        for each in stored_requests(GRAPH)
        if each.stored.graph == "watched"
    ])  # fmt: skip
    load = Load(options.seconds, 64, options.rate, 1.0)
    seen: dict[str, list[Outcome]] = {form: [] for form in FORMS}
    with tempfile.TemporaryDirectory(prefix="dagc-shadow-") as folder:
        built = {name: build(Path(folder), name) for name in ("alone", "watched")}
        for _ in range(options.rounds):
            for form, (name, drill) in FORMS.items():
                with serving(built[name], drill, Path(folder) / "log") as port:
                    target = Target("127.0.0.1", port, "/v1/watched")
                    offer(target, answers, Load(1.0, 8))
                    seen[form].append(offer(target, answers, load))
    return 0 if told(seen) else 1


def told(seen: dict[str, list[Outcome]]) -> bool:
    """Whether all is as wanted; the table is printed."""
    print("| | p50 ms | p99 ms | more p99 than alone | answers | wrong |\n|---|---|---|---|---|---|")
    middle = {form: statistics.median(one.percentile_ms(99) for one in rounds) for form, rounds in seen.items()}
    alone = middle["no challenger"]
    holds = True
    for form, rounds in seen.items():
        half = statistics.median(one.percentile_ms(50) for one in rounds)
        answered = sum(len(one.latencies_s) for one in rounds)
        wrong = sum(bool(one.wrong) + one.lost + (set(one.statuses) != {200}) for one in rounds)
        holds = holds and not wrong and middle[form] - alone < MOST_MS
        more = f"{middle[form] - alone:+.2f} ms"
        print(f"| {form} | {half:.2f} | {middle[form]:.2f} | {more} | {answered:,} | {wrong} |", flush=True)
    print("\nholds" if holds else "\n**breaks**")
    return holds


def build(folder: Path, name: str) -> Path:
    """The service of a form: `alone` is the same graph without the challenger."""
    copied = folder / name
    shutil.copytree(GRAPH, copied)
    (copied / "dagc.lock").unlink()
    source = copied / "graph.py"
    if name == "alone":
        text = source.read_text(encoding="utf-8")
        if SHADOW not in text:
            raise SystemExit(f"{GRAPH.name}/graph.py has no `{SHADOW}`")
        source.write_text(text.replace(SHADOW, "old()"), encoding="utf-8")
    command = [sys.executable, "-m", "dagc", "build", str(copied / "graph.py")]
    command += ["-o", str(folder / f"{name}-build")]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return folder / f"{name}-build" / "services" / "graph"


@contextmanager
def serving(service: Path, drill: str, log: Path) -> Iterator[int]:
    """The port of the service, which runs until the block ends."""
    (port,) = free_ports(1)
    command = [sys.executable, "main.py", "--port", str(port), "--workers", "1"]
    with ServerProcess(command, service, {"DAGC_ACCESS_LOG": "off", "PATH": "/usr/bin", "DRILL": drill}, log):
        until = time.monotonic() + 30
        while time.monotonic() < until:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield port


if __name__ == "__main__":
    sys.exit(main())
