"""`dagc bench`: what a service does under load, and where its time goes."""

import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from dagc.cli.outcome import WRONG, Format, reporting
from dagc.cli.progress import steps


def bench(
    source: Annotated[
        str,
        typer.Argument(metavar="BUILD_OR_URL", help="A build, a graph file, or the URL of a running service."),
    ],
    concurrency: Annotated[str, typer.Option(help="Connections of the closed loops.")] = "1,8,64",
    seconds: Annotated[float, typer.Option(help="Of each load.", min=0.2, max=3600)] = 2.0,
    rate: Annotated[
        float | None,
        typer.Option(help="Requests a second of one open loop, instead of a search for saturation.", min=0.1),
    ] = None,
    p99_ms: Annotated[float, typer.Option(help="A rate holds while p99 stays under this.", min=0.1)] = 50.0,
    requests: Annotated[
        Path | None,
        typer.Option(help="A folder of stored requests; by default the one beside the graph, else invented ones."),
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="text for people, json for programs.")] = Format.TEXT,
) -> None:
    """Measure a service: throughput, latency, where the time goes, and the rate up to which it holds.

    A build or a graph file is served meanwhile on this machine. Every answer is checked. The client shares the
    machine: what it uses itself is told. A service that asks for a key gets the one in DAGC_KEY.

    Example: dagc bench graphs/tabular/graph.py --concurrency 1,64 --seconds 3
    """
    from dagc.bench.measure import Plan, measured
    from dagc.bench.questions import answered, target
    from dagc.cli.asking import fit, place
    from dagc.cli.bench_report import bench_json, bench_text

    connections = _numbers(concurrency)
    found = []
    with (
        reporting(form),
        steps() as watch,
        tempfile.TemporaryDirectory(prefix="dagc-bench-") as folder,
        fit(source),
        place(source, Path(folder), requests) as where,
    ):
        for endpoint in where.endpoints:
            watch(f"asking {endpoint.route}")
            aim = target(where.address, endpoint.route)
            plan = Plan(connections, seconds, rate, p99_ms, endpoint.deadline_s)
            answers = answered(aim, endpoint.questions)
            found.append(measured(endpoint.name, where.address, aim, answers, plan, where.pid, watch))
    sys.stdout.write(bench_json(found) if form is Format.JSON else bench_text(found))
    if any(each.wrong for each in found):
        sys.exit(WRONG)


def _numbers(text: str) -> tuple[int, ...]:
    try:
        found = tuple(int(word) for word in text.split(","))
    except ValueError:
        found = ()
    if not found or not all(1 <= number <= 10_000 for number in found):
        raise typer.BadParameter("write numbers from 1 to 10000, as in `1,8,64`", param_hint="--concurrency")
    return found
