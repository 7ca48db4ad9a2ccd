"""From the user's file to graphs that are traced and checked: all of `dagc check`, and how every build begins."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from dagc.check.rules import check, check_endpoints
from dagc.diagnostics import Report
from dagc.dsl.environments import ENVIRONMENTS_NAME, in_environment
from dagc.dsl.load import load
from dagc.dsl.traced import Traced

__all__ = ["ENVIRONMENTS_NAME", "check_file", "no_collections"]


@contextmanager
def no_collections() -> Iterator[None]:
    """Inside it nothing looks for cycles: graphs have none, and looking is a tenth of the time of a large one."""
    collected = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collected:
            gc.enable()


@no_collections()
def check_file(source: Path, report: Report, *, environment: str | None = None) -> tuple[Traced, ...]:
    """The graphs of a file, traced and checked; raises `CompileError` with the mistakes of all of them together.

    They have the numbers of profile `environment` of `dagc.toml`. A graph whose body or signature is wrong is not
    checked further; the others are.
    """
    traced = load(source, report)
    if not report.errors:
        graphs = in_environment([one.graph for one in traced], traced[0].root, environment, report)
        traced = tuple(replace(one, graph=graph) for one, graph in zip(traced, graphs, strict=True))
    for graph in traced:
        found = Report(report.root)
        check(graph.graph, graph.store, found)
        report.extend(found.diagnostics)
    check_endpoints([graph.graph for graph in traced], report)
    report.stop_on_errors()
    return traced
