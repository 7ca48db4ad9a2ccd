"""Every rule in one tuple. Order does not matter: each looks at the whole graph and reports its own mistakes."""

from collections.abc import Callable, Iterator, Sequence

from dagc.check.cases_complete import cases_complete
from dagc.check.deadlines_fit import deadlines_fit
from dagc.check.dims_consistent import dims_consistent
from dagc.check.dtypes_agree import dtypes_agree
from dagc.check.expressions_agree import expressions_agree
from dagc.check.inputs_used import inputs_used
from dagc.check.labels_not_averaged import labels_not_averaged
from dagc.check.late_steps_left import late_steps_left
from dagc.check.models_keep_contracts import models_keep_contracts
from dagc.check.names_distinct import names_distinct, names_valid
from dagc.check.one_at_a_time import one_at_a_time
from dagc.check.results_used import results_used
from dagc.check.returns_agree import returns_agree
from dagc.check.rules_distinct import rules_distinct
from dagc.check.shapes_agree import shapes_agree
from dagc.check.shapes_proven import shapes_proven
from dagc.check.steps_agree import steps_agree
from dagc.check.voters_agree import voters_agree
from dagc.diagnostics import Diagnostic, Report
from dagc.ir.graph import Graph
from dagc.ir.regions import walk
from dagc.models.store import ModelStore

Rule = Callable[[Graph, ModelStore], Iterator[Diagnostic]]

RULES: tuple[Rule, ...] = (
    names_valid,
    expressions_agree,
    one_at_a_time,
    dtypes_agree,
    shapes_agree,
    dims_consistent,
    steps_agree,
    returns_agree,
    deadlines_fit,
    models_keep_contracts,
    labels_not_averaged,
    late_steps_left,
    voters_agree,
    cases_complete,
    rules_distinct,
    inputs_used,
    results_used,
    shapes_proven,
)

_ABOUT_USE: tuple[Rule, ...] = (inputs_used, results_used)

_ABOUT_SIGNATURES: tuple[Rule, ...] = (names_valid, returns_agree, inputs_used, deadlines_fit)
"""Those that compare a graph with its declaration; a region declares nothing."""

_ABOUT_ALL: tuple[Rule, ...] = (labels_not_averaged, late_steps_left)
"""Those that look into the regions themselves, with what stands around these."""


def check(graph: Graph, store: ModelStore, report: Report) -> None:
    """Add every broken rule to the report: errors of E01, E02 and E03, E0410, warnings of W02 and W03.

    Regions are looked at by the same rules, each as a graph of its own.
    If tracing has already reported an error, a value may look unused only because its reader was refused: the
    rules about use stay silent then.
    """
    left_out = _ABOUT_USE if report.errors else ()
    for found in walk(graph):
        skipped = left_out if found is graph else (*left_out, *_ABOUT_SIGNATURES, *_ABOUT_ALL)
        for rule in RULES:
            if rule not in skipped:
                report.extend(rule(found, store))


def check_endpoints(graphs: Sequence[Graph], report: Report) -> None:
    """Add E0303 for every graph whose route another graph of the same build has taken."""
    report.extend(names_distinct(graphs))
