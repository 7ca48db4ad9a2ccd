"""From the user's file to graphs that are traced and checked: all of `dagc check`, and how every build begins."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dagc.check.rules import check, check_endpoints
from dagc.diagnostics import Report
from dagc.dsl.load import load
from dagc.dsl.traced import Traced


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
def check_file(source: Path, report: Report) -> tuple[Traced, ...]:
    """The graphs of a file, traced and checked; raises `CompileError` with the mistakes of all of them together.

    A graph whose body or signature is wrong is not checked further; the others are.
    """
    traced = load(source, report)
    for graph in traced:
        found = Report(report.root)
        check(graph.graph, graph.store, found)
        report.extend(found.diagnostics)
    check_endpoints([graph.graph for graph in traced], report)
    report.stop_on_errors()
    return traced
