"""The passes in their order, as one literal, and the runner that verifies, dumps and times every one of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import perf_counter

from dagc.diagnostics import CompileError, Diagnostic
from dagc.diagnostics.progress import counted
from dagc.ir.graph import Graph
from dagc.ir.ops import ModelKey
from dagc.ir.regions import rewritten
from dagc.ir.verify import verify
from dagc.models.store import ModelStore
from dagc.passes.fold_choices import FoldChoices
from dagc.passes.fold_constants import FoldConstants
from dagc.passes.fuse_models import FuseModels
from dagc.passes.keep_shared_models import KeepSharedModels
from dagc.passes.lower_choices import LowerChoices
from dagc.passes.lower_expressions import LowerExpressions
from dagc.passes.optimise_models import OptimiseModels
from dagc.passes.pass_ import Context, Pass, Remark
from dagc.passes.place_nodes import PlaceNodes
from dagc.passes.prune_outputs import PruneOutputs
from dagc.passes.remove_dead_nodes import RemoveDeadNodes
from dagc.passes.reproducer import write_reproducer
from dagc.passes.share_common_nodes import ShareCommonNodes

PIPELINE: tuple[Pass, ...] = (
    RemoveDeadNodes(),  # first, so that nothing is computed about nodes that go anyway
    PlaceNodes(),  # before sharing and fusing, which keep services apart
    ShareCommonNodes(),
    KeepSharedModels(),  # before anything makes another model of what others share
    FoldConstants(),
    FoldChoices(),  # after folding: a selector may have become a constant
    LowerChoices(),  # before expressions become models, which would have to stay where they are
    LowerExpressions(),  # after folding: a constant operand becomes part of the small model it belongs to
    RemoveDeadNodes(),  # the conversions and constants that lowering has made needless
    ShareCommonNodes(),  # lowering wraps the same Python scalar once for every reader
    PruneOutputs(),  # after sharing, which may find a reader for an output; before fusion, which then merges less
    RemoveDeadNodes(),  # what fed only a pruned part
    FuseModels(),  # after every expression is a model, so that arithmetic between models does not part them
    OptimiseModels(),  # last: onnxruntime writes operators of its own, which no analysis of ours reads
)

Dump = Callable[[str, Graph], None]
"""Told the pass and the graph after it, for every pass that changed something."""


@dataclass(frozen=True, slots=True)
class Optimised:
    """A graph after all passes, with what they remarked and the seconds each of them took, in order."""

    graph: Graph
    remarks: tuple[Remark, ...]
    timings: tuple[tuple[str, float], ...]


def run(
    graph: Graph, store: ModelStore, *, shared: Mapping[ModelKey, int] | None = None, dump: Dump | None = None
) -> Optimised:
    """The graph after every pass of `PIPELINE`, verified after each; `shared` as `shared_models` finds them.

    Raises:
        CompileError: E0901, a pass failed or broke the graph; a note names the file that reproduces it.
    """
    context = Context(store, shared or {})
    timings: list[tuple[str, float]] = []
    for step in counted(PIPELINE, f"fusing and optimising `{graph.name}`"):
        began = perf_counter()
        after = run_pass(step, graph, context)
        timings.append((step.name, perf_counter() - began))
        if dump is not None and after is not graph:
            dump(step.name, after)
        graph = after
    return Optimised(graph, tuple(dict.fromkeys(context.remarks)), tuple(timings))


def run_pass(step: Pass, graph: Graph, context: Context) -> Graph:
    """The graph after one pass over it and over its regions, verified where the pass changed something.

    Raises:
        CompileError: E0901, the pass fails or breaks the graph.
    """
    try:
        after = rewritten(graph, lambda found: step.run(found, context))
        if after is not graph or step is PIPELINE[0]:  # what comes from the user is verified once
            verify(after)
    except CompileError:
        raise
    except Exception as cause:
        raise _internal_error(step, graph, cause) from cause
    return after


def _internal_error(step: Pass, graph: Graph, cause: Exception) -> CompileError:
    file = write_reproducer(step.name, graph)
    return CompileError.of(
        Diagnostic.at(
            "E0901",
            f"pass `{step.name}` failed on graph `{graph.name}`",
            graph.span,
            "while optimising this graph",
            notes=(f"{type(cause).__name__}: {cause}", f"the graph before the pass is kept in {file}"),
            help="this is a bug of dagc, not of your graph: please report it with that file",
        )
    )
