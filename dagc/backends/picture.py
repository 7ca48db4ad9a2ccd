"""An endpoint drawn in text: from the request to the answer, one row a stage."""

from collections.abc import Iterator, Mapping, Sequence

from dagc.backends.citations import cite, joined_parts
from dagc.backends.layout import flat, literal
from dagc.backends.values import value
from dagc.plan.service_plan import (
    Arm,
    CallStage,
    ChooseStage,
    EachStage,
    Endpoint,
    RemoteStage,
    RunStage,
    Service,
    Session,
    Stage,
    StandStage,
    TogetherStage,
)

_Row = tuple[str, str, str]


def picture(endpoint: Endpoint, service: Service) -> Iterator[str]:
    """Lines of the drawing: each stage with its result, what makes it and the line it comes from."""
    sessions = {session.name: session for session in service.sessions}
    rows = [row for stage in endpoint.stages for row in _rows(stage, sessions)]
    left = max((len(row[0]) for row in rows), default=0)
    middle = max((len(row[1]) for row in rows), default=0)
    yield f"request  {', '.join(endpoint.parameters)}"
    yield "   |"
    for made, maker, line in rows:
        yield f"   +-- {made.ljust(left)}  <-  {maker.ljust(middle)}  {line}".rstrip()
    yield "   |"
    yield "   v"
    yield f"answer   {_answer(endpoint)}"


def _rows(stage: Stage, sessions: Mapping[str, Session]) -> Iterator[_Row]:
    match stage:
        case CallStage():
            yield ", ".join(stage.targets), f"step {stage.qualname}{_carried(stage)}", cite(stage.lines)
        case RunStage():
            parts = joined_parts(sessions[stage.session].parts)
            stands_for = "" if parts == stage.session else f" ({parts})"
            yield ", ".join(stage.targets), f"model {stage.session}{stands_for}", cite(stage.lines)
        case RemoteStage():
            yield ", ".join(stage.targets), f"service {stage.remote}", cite(stage.lines)
        case EachStage():
            yield from _for_items(stage, sessions, "")
        case ChooseStage():
            yield from _for_arms(stage, sessions, "")
        case StandStage():
            yield from _for_branches(stage, sessions, "")
        case TogetherStage():
            yield from _overlapping(stage.calls, sessions)


def _overlapping(
    calls: Sequence[CallStage | EachStage | ChooseStage | StandStage | RemoteStage],
    sessions: Mapping[str, Session],
) -> Iterator[_Row]:
    for at, one in enumerate(calls, start=1):
        others = f", together with the {'next' if at < len(calls) else 'one before'}"
        if isinstance(one, EachStage):
            yield from _for_items(one, sessions, others)
        elif isinstance(one, ChooseStage):
            yield from _for_arms(one, sessions, others)
        elif isinstance(one, StandStage):
            yield from _for_branches(one, sessions, others)
        elif isinstance(one, RemoteStage):
            yield ", ".join(one.targets), f"service {one.remote}{others}", cite(one.lines)
        else:
            yield ", ".join(one.targets), f"step {one.qualname}{_carried(one)}{others}", cite(one.lines)


def _carried(stage: CallStage) -> str:
    """Where a step runs, and whether requests share its calls."""
    waits = ", waits" if stage.waits else ""
    place = waits if stage.run == "inline" else f", in a {stage.run}"
    return f"{place}, in batches" if stage.batch else place


def _for_items(stage: EachStage, sessions: Mapping[str, Session], others: str) -> Iterator[_Row]:
    """The list, and under it what is done for each item."""
    items = ".".join((stage.items.name or "", *stage.items.path))
    waits = ", waits" if stage.waits else ""
    yield (
        stage.target,
        f"for each {stage.item} in {items}, at most {stage.max_items}{waits}{others}",
        cite(stage.lines),
    )
    for inner in stage.stages:
        yield from ((f"  {made}", f"  {maker}", line) for made, maker, line in _rows(inner, sessions))


def _for_arms(stage: ChooseStage, sessions: Mapping[str, Session], others: str) -> Iterator[_Row]:
    """The choice, and under it each arm with what runs only there."""
    by = f" by {flat(value(stage.by))}" if stage.by else ""
    waits = ", waits" if stage.waits else ""
    yield ", ".join(stage.targets), f"{stage.how}{by}{waits}{others}", cite(stage.lines)
    for arm in stage.arms:
        yield "", f"  {_taken(arm)}:", ""
        for inner in arm.stages:
            yield from ((f"  {made}", f"    {maker}", line) for made, maker, line in _rows(inner, sessions))


def _for_branches(stage: StandStage, sessions: Mapping[str, Session], others: str) -> Iterator[_Row]:
    """What the branches are to each other, and under it each of them."""
    within = "" if stage.within_s is None else f" within {stage.within_s:g} s"
    many = f" of {stage.need} of {len(stage.branches)}" if stage.how == "quorum" else ""
    yield ", ".join(stage.targets), f"{stage.how}{many}{within}{others}", cite(stage.lines)
    for branch in stage.branches:
        yield "", f"  {branch.function}:", branch.line
        for inner in branch.stages:
            yield from ((f"  {made}", f"    {maker}", line) for made, maker, line in _rows(inner, sessions))
    for combination in stage.combinations:
        yield "", f"  of {len(combination.answers)} answers:", ""
        for inner in combination.stages:
            yield from ((f"  {made}", f"    {maker}", line) for made, maker, line in _rows(inner, sessions))


def _taken(arm: Arm) -> str:
    if arm.case:
        return f"case {' | '.join(flat(literal(held)) for held in arm.case)}"
    if arm.condition is not None:
        return f"if {flat(value(arm.condition))}"
    return "otherwise" if arm.share is None else f"{arm.share:.6g} of the keys"


def _answer(endpoint: Endpoint) -> str:
    names = [
        ".".join((argument.name, *argument.path)) if argument.name else "a constant"
        for argument in endpoint.result
    ]
    return ", ".join(names)
