"""Every rule in one tuple. Order does not matter: each looks at the whole graph and reports its own mistakes."""

from collections.abc import Callable, Iterator, Sequence

from dagc.check.dims_consistent import dims_consistent
from dagc.check.dtypes_agree import dtypes_agree
from dagc.check.expressions_agree import expressions_agree
from dagc.check.inputs_used import inputs_used
from dagc.check.models_keep_contracts import models_keep_contracts
from dagc.check.names_distinct import names_distinct, names_valid
from dagc.check.results_used import results_used
from dagc.check.returns_agree import returns_agree
from dagc.check.shapes_agree import shapes_agree
from dagc.check.shapes_proven import shapes_proven
from dagc.check.steps_agree import steps_agree
from dagc.diagnostics import Diagnostic, Report
from dagc.ir.graph import Graph
from dagc.models.store import ModelStore

Rule = Callable[[Graph, ModelStore], Iterator[Diagnostic]]

RULES: tuple[Rule, ...] = (
    names_valid,
    expressions_agree,
    dtypes_agree,
    shapes_agree,
    dims_consistent,
    steps_agree,
    returns_agree,
    models_keep_contracts,
    inputs_used,
    results_used,
    shapes_proven,
)

_ABOUT_USE: tuple[Rule, ...] = (inputs_used, results_used)


def check(graph: Graph, store: ModelStore, report: Report) -> None:
    """Add every broken rule to the report: errors E0201-E0208, E0301-E0303 and E0410, warning W0209.

    If tracing has already reported an error, a value may look unused only because its reader was refused: the
    rules about use stay silent then.
    """
    traced_cleanly = not report.errors
    for rule in RULES:
        if traced_cleanly or rule not in _ABOUT_USE:
            report.extend(rule(graph, store))


def check_endpoints(graphs: Sequence[Graph], report: Report) -> None:
    """Add E0303 for every graph whose route another graph of the same build has taken."""
    report.extend(names_distinct(graphs))
