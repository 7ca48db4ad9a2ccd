"""Stages and the stages that stand in them."""

from collections.abc import Iterable, Iterator

from dagc.plan.service_plan import CallStage, ChooseStage, EachStage, Stage, StandStage, TogetherStage


def every_stage(stages: Iterable[Stage], *, challengers: bool = True) -> Iterator[Stage]:
    """The stages and all that stand in them, each before what is in it.

    Without `challengers` only those that an answer is made of.
    """
    for stage in stages:
        yield stage
        yield from every_stage(_inside(stage, challengers=challengers), challengers=challengers)


def every_call(stages: Iterable[Stage], *, challengers: bool = True) -> Iterator[CallStage]:
    """Every call of a Python step, once for each place it stands in."""
    found = every_stage(stages, challengers=challengers)
    return (stage for stage in found if isinstance(stage, CallStage))


def _inside(stage: Stage, *, challengers: bool) -> Iterator[Stage]:
    """The stages that a stage holds."""
    match stage:
        case TogetherStage(calls=calls):
            yield from calls
        case EachStage(stages=stages):
            yield from stages
        case ChooseStage(arms=arms):
            yield from (inner for arm in arms for inner in arm.stages)
        case StandStage(how=how, branches=branches, combinations=combinations):
            counted = branches if challengers or how != "shadow" else branches[:1]
            yield from (inner for branch in counted for inner in branch.stages)
            yield from (inner for one in combinations for inner in one.stages)
