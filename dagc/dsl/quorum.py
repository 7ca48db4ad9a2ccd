"""`quorum`: several members asked at the same time, and an answer made of those that have come by a time."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from dagc.diagnostics import Span
from dagc.dsl.branches import Arms, Branch, are_sound, record_choice, recorded_arms, tell
from dagc.dsl.complete import callers_folder, complete, unknown
from dagc.dsl.eager import refuse_inside_step
from dagc.dsl.handle import Handle
from dagc.dsl.region import results, unsuitable
from dagc.dsl.times import are_functions, is_time
from dagc.evaluate.standing import answers_of
from dagc.ir.graph import Graph, Quorum
from dagc.ir.meeting import meeting
from dagc.ir.types import Type, Unknown
from dagc.trace.recorder import Recorder, recording, recording_with

R = TypeVar("R")
T = TypeVar("T")

_NAME = "dagc.quorum"
_EXAMPLE = (
    "dagc.quorum([lambda: a(row), lambda: b(row)], need=1, within_s=0.05, combine=lambda found: dagc.mean(*found))"
)


@complete(_EXAMPLE, code="E0197")
def quorum(
    members: Sequence[Callable[[], R]], *, need: int, within_s: float, combine: Callable[[list[R]], T]
) -> T:
    """What `combine` makes of the members' answers that have come within `within_s`; a late one holds up nobody.

    An answer of fewer than all members says so: its header `x-dagc-degraded` holds `node=4/5`, a metric counts it.
    In a plain call nothing is late, and members that fail are left out.

    Args:
        members: functions without parameters that each give one value of one type; all run at the same time.
        need: how many have to answer; with fewer the request fails (504 where some were late, else 503).
        within_s: seconds after which those that have not answered are given up.
        combine: takes the list of the answers that came, in the members' order: `lambda found: dagc.mean(*found)`.
            It is recorded once for each number of answers.

    Raises:
        QuorumShort: in a plain call, fewer than `need` members answered.
    """
    refuse_inside_step("function", _NAME, callers_folder())
    if not (_are_members(members, need) and is_time(_NAME, within_s) and _combines(combine)):
        return unknown("quorum")  # type: ignore[return-value]
    recorder = recording()
    if recorder is None:
        return combine(answers_of(members, need))
    branches = [(f"member {number}", member) for number, member in enumerate(members, start=1)]
    return _recorded(recorder, branches, need, float(within_s), combine)  # type: ignore[return-value]


def _recorded(
    recorder: Recorder, branches: Sequence[Branch], need: int, within_s: float, combine: Callable[..., object]
) -> object:
    asked = recorded_arms(recorder, _NAME, branches, "quorum")
    if asked.is_tuple:
        tell(
            "E0199",
            "members of `dagc.quorum` give several values",
            "give one value, for example a record of a step",
        )
        return unknown("quorum")
    combined = [_combined(recorder, asked.types[0], count, combine) for count in range(need, len(branches) + 1)]
    captures = tuple(
        dict.fromkeys((*asked.captures, *(value for region, _, _ in combined for value in region.captures)))
    )
    members = tuple(replace(graph, inputs=captures) for graph in asked.graphs)
    combines = tuple(replace(graph, inputs=(*graph.inputs[:count], *captures)) for _, graph, count in combined)
    arms = Arms((*members, *combines), captures, _types(combines), len(combines[0].outputs) > 1)
    return record_choice(recorder, Quorum(members, need, within_s, combines), (), arms, "quorum")


def _combined(
    recorder: Recorder, type: Type, count: int, combine: Callable[..., object]
) -> tuple[Recorder, Graph, int]:
    """The combination of so many answers as a region, whose first inputs they are."""
    span = recorder.here()
    region = recorder.region(span, owner=f"`{_NAME}`")
    answers = [region.input(f"answer_{number}", type, span) for number in range(1, count + 1)]

    def say(message: str, help: str) -> None:
        """Report what `combine` returns instead."""
        tell("E0192", f"`combine` of `{_NAME}` returns {message}", help)

    with recording_with(region):
        outputs, returns = results(region, combine([Handle(region, answer) for answer in answers]), say)
    return region, region.body(f"of_{count}", outputs, returns, span or Span("graph.py", 1)), count


def _types(combines: Sequence[Graph]) -> tuple[Type, ...]:
    """What the combinations give together. Reports E0304 where the number of answers changes the type."""
    each = [[graph.types()[output] for output in graph.outputs] for graph in combines]
    found = [meeting(given) for given in zip(*each, strict=False)]
    if None in found or len({len(given) for given in each}) > 1:
        shown = " or ".join(dict.fromkeys(f"`{graph.returns}`" for graph in combines))
        message = f"`combine` of `{_NAME}` gives {shown}, by how many members have answered"
        tell("E0304", message, "let it give one type for any number of answers: a mean, a vote, a sum")
    return tuple(type or Unknown() for type in found)


def _are_members(members: object, need: object) -> bool:
    if not isinstance(members, list | tuple) or not members:
        what = "is asked of no members" if isinstance(members, list | tuple) else "takes a list of members"
        tell("E0197", f"`{_NAME}` {what}", f"write `{_EXAMPLE}`")
        return False
    branches = [(f"member {number}", member) for number, member in enumerate(members, start=1)]
    sound = are_functions(_NAME, branches, _EXAMPLE)
    sound = are_sound(_NAME, branches, _EXAMPLE) and sound
    if not isinstance(need, int) or isinstance(need, bool) or not 1 <= need <= len(members):
        shown = need if isinstance(need, int | float | str) else type(need).__name__
        message = f"`need` of `{_NAME}` is a number of members from 1 to {len(members)}, not `{shown}`"
        tell("E0197", message, "write how many answers are enough")
        return False
    return sound


def _combines(combine: object) -> bool:
    problem = unsuitable(combine, ("answers",), _EXAMPLE)
    if problem is not None:
        tell(
            "E0197", f"`combine` of `{_NAME}` is called with the list of answers, and is {problem[0]}", problem[1]
        )
    return problem is None
