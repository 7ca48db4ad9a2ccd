"""Plain steps that would hold a service's event loop for long: nobody is answered meanwhile, probes included."""

from collections.abc import Iterator, Mapping, Sequence

from dagc.diagnostics import Diagnostic, Span
from dagc.ir.graph import Graph
from dagc.ir.ops import CallStep
from dagc.ir.regions import every_node
from dagc.plan.profile import PROFILE_NAME, Profile

MEASURED_MS = 10.0
"""As long as a run of a model may take on the loop."""
SEEN_MS = 50.0
"""What a build sees of a step is rough, on whatever machine it runs: only much is told."""

Key = tuple[str, str]
"""Module and qualified name of a step."""


def measured_holders(graphs: Sequence[Graph], profile: Profile | None) -> Iterator[Diagnostic]:
    """W0504 for each plain step that `profile` measured to take long."""
    for key, span in _plain_steps(graphs).items():
        known = profile.of_step(".".join(key)) if profile is not None else None
        if known is not None and known.call.p50_ms > MEASURED_MS:
            yield _holder(key, span, known.call.p50_ms, f"as `{PROFILE_NAME}` says of half of its calls")


def seen_holders(
    graphs: Sequence[Graph], medians_s: Mapping[Key, float], profile: Profile | None
) -> Iterator[Diagnostic]:
    """W0504 for each plain step that took long in the calls that proved the build, of which these are medians.

    Of a step that `profile` has measured nothing is said: that is the better measurement.
    """
    for key, span in _plain_steps(graphs).items():
        measured = profile is not None and profile.of_step(".".join(key)) is not None
        if not measured and (ms := 1000 * medians_s.get(key, 0.0)) > SEEN_MS:
            yield _holder(key, span, ms, "in half of the calls that proved this build")


def _plain_steps(graphs: Sequence[Graph]) -> Mapping[Key, Span]:
    """Steps that run on the loop without waiting, each with the first place that calls it."""
    found: dict[Key, Span] = {}
    for node in (node for graph in graphs for node in every_node(graph)):
        if isinstance(node.op, CallStep) and not node.op.waits:
            found.setdefault((node.op.module, node.op.qualname), node.spans[0])
    return found


def _holder(key: Key, span: Span, ms: float, measured: str) -> Diagnostic:
    return Diagnostic.at(
        "W0504",
        f"step `{key[1]}` holds the event loop for {ms:.3g} ms",
        span,
        "nobody is answered meanwhile",
        notes=(f"it took that long {measured}",),
        help='declare it `@dagc.step(run="thread")`, or `run="process"` if it computes in Python itself',
    )
