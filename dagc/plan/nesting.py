"""Stages and the stages that stand in them."""

from collections.abc import Iterable, Iterator

from dagc.plan.service_plan import CallStage, ChooseStage, EachStage, Stage, StandStage, TogetherStage


def every_stage(stages: Iterable[Stage]) -> Iterator[Stage]:
    """The stages and all that stand in them, each before what is in it."""
    for stage in stages:
        yield stage
        if isinstance(stage, TogetherStage):
            yield from every_stage(stage.calls)
        elif isinstance(stage, EachStage):
            yield from every_stage(stage.stages)
        elif isinstance(stage, ChooseStage):
            yield from every_stage(inner for arm in stage.arms for inner in arm.stages)
        elif isinstance(stage, StandStage):
            yield from every_stage(inner for branch in stage.branches for inner in branch.stages)
            yield from every_stage(inner for one in stage.combinations for inner in one.stages)


def every_call(stages: Iterable[Stage]) -> Iterator[CallStage]:
    """Every call of a Python step, once for each place it stands in."""
    return (stage for stage in every_stage(stages) if isinstance(stage, CallStage))
