"""What one request of an endpoint will take when nobody else asks: the sum of its parts, each with its source.

Parts come from `profile.json` where it knows them and from estimates where it does not. The whole requests that
`dagc profile` timed are not used, so that a prediction can be held against them.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from dagc.plan.batching import HEAVY_MS
from dagc.plan.nesting import every_stage
from dagc.plan.profile import EndpointProfile, Profile, SessionProfile, SessionUse
from dagc.plan.service_plan import (
    CallStage,
    ChooseStage,
    CostPart,
    EachStage,
    RemoteStage,
    RunStage,
    Session,
    Stage,
    StandStage,
    TogetherStage,
)

FRONT_MS = 0.05
"""A constant answer over loopback took 0.03 to 0.04 ms where this was written; these stand in for a profile."""
CODEC_MS = 0.01
RUN_MS = 0.02
"""What a run takes besides itself."""
HOP_MS = 0.2
"""To a thread and back, where heavy sessions run."""
CALL_MS = 0.4
"""To another service and back, its work not counted: 0.42 ms were measured between processes of a busy machine."""
NEVER = SessionUse(runs=0.0, rows=0.0)
ITEMS = 4.0
"""Items of a list, where no profile counted them."""


def predicted(
    name: str,
    stages: Sequence[Stage],
    sessions: Mapping[str, Session],
    profile: Profile | None,
    estimates: Mapping[str, float],
) -> tuple[CostPart, ...]:
    """The parts of the endpoint `name` in the order a request meets them; overlapping steps are one part.

    `sessions` are by name, `estimates` milliseconds of a run of one example by the model's SHA-256.
    """
    return _Costs(name, stages, sessions, profile, estimates).all(stages)


def total_ms(parts: Sequence[CostPart]) -> float:
    """The sum; parts of unknown cost count nothing."""
    return sum(part.ms or 0.0 for part in parts)


class _Costs:
    """The costs of one endpoint's stages."""

    def __init__(
        self,
        name: str,
        stages: Sequence[Stage],
        sessions: Mapping[str, Session],
        profile: Profile | None,
        estimates: Mapping[str, float],
    ) -> None:
        self._sessions = sessions
        self._profile = profile
        self._estimates = estimates
        self._endpoint: EndpointProfile | None = profile.of_endpoint(name) if profile else None
        self._places = Counter(_used(stages))
        self._waits = any(_waiting(stages))

    def all(self, stages: Sequence[Stage]) -> tuple[CostPart, ...]:
        """The parts of one request's time, in order."""
        found = self._endpoint
        read = _part("JSON in", found.decode.p50_ms) if found else _guess("JSON in", CODEC_MS)
        written = _part("JSON out", found.encode.p50_ms) if found else _guess("JSON out", CODEC_MS)
        return (self._front(), read, *self._of(stages, 1.0), written)

    def _front(self) -> CostPart:
        if self._profile is None:
            return _guess("front", FRONT_MS)
        front = self._profile.front
        return _part("front", (front.task if self._waits else front.turn).p50_ms)

    def _of(self, stages: Sequence[Stage], items: float) -> Iterator[CostPart]:
        for stage in stages:
            match stage:
                case CallStage():
                    yield self._call(stage, items)
                case RunStage():
                    yield self._run(stage, items)
                case RemoteStage():
                    yield _guess(stage.remote, CALL_MS)
                case EachStage():
                    yield from self._of(stage.stages, items * ITEMS)
                case TogetherStage():
                    yield self._longest(stage, items)
                case ChooseStage():
                    yield from self._chosen(stage, items)
                case StandStage():
                    yield from self._stood(stage, items)

    def _chosen(self, stage: ChooseStage, items: float) -> Iterator[CostPart]:
        """Arms by how often they were taken, as their steps and sessions were counted; else the costliest."""
        arms = [tuple(self._of(arm.stages, items)) for arm in stage.arms]
        if self._endpoint is not None:
            yield from (part for parts in arms for part in parts)
        else:
            yield from max(arms, key=total_ms)

    def _stood(self, stage: StandStage, items: float) -> Iterator[CostPart]:
        """What an answer waits for where nothing fails: the primary, the champion, all members of a quorum."""
        answering = stage.branches if stage.how == "quorum" else stage.branches[:1]
        yield from (part for branch in answering for part in self._of(branch.stages, items))
        yield from (part for one in stage.combinations[-1:] for part in self._of(one.stages, items))

    def _call(self, stage: CallStage, items: float) -> CostPart:
        name = _step(stage)
        known = self._profile.of_step(name) if self._profile else None
        if known is None:
            return CostPart(part=stage.qualname, ms=None, source="unknown")
        # As often as was counted; a step that stands in several places is shared out among them.
        counted = self._endpoint.steps.get(name, 0.0) if self._endpoint else None
        calls = items if counted is None else counted / self._places[name]
        return _part(stage.qualname, calls * known.call.p50_ms)

    def _run(self, stage: RunStage, items: float) -> CostPart:
        session = self._sessions[stage.session]
        known = self._profile.of_session(session.sha256) if self._profile else None
        if known is not None and self._profile is not None:
            return _part(session.name, self._measured(session, known, items, self._profile.front.run_ms))
        estimate = self._estimates.get(session.sha256)
        if estimate is None:
            return CostPart(part=session.name, ms=None, source="unknown")
        return _guess(session.name, items * estimate + (HOP_MS if estimate > HEAVY_MS else RUN_MS))

    def _measured(self, session: Session, known: SessionProfile, items: float, besides_ms: float) -> float:
        # A session that is called otherwise since was counted under the name it had.
        use = self._endpoint.sessions.get(known.name, NEVER) if self._endpoint else None
        places = self._places[session.name]
        runs = use.runs / places if use else max(1.0, items / session.max_batch)
        rows = use.rows / places if use else items
        besides_ms = HOP_MS if known.run.p50_ms > HEAVY_MS else besides_ms
        return runs * (known.run.p50_ms + besides_ms) + max(0.0, rows - runs) * known.row_ms

    def _longest(self, stage: TogetherStage, items: float) -> CostPart:
        """Steps that wait at the same time cost what the longest of them costs."""
        each = [tuple(self._of((call,), items)) for call in stage.calls]
        longest = max(each, key=total_ms)
        names = " | ".join(part.part for parts in each for part in parts)
        if any(part.ms is None for parts in each for part in parts):
            return CostPart(part=names, ms=None, source="unknown")
        return CostPart(part=names, ms=total_ms(longest), source=min(part.source for part in longest))


def _used(stages: Sequence[Stage]) -> Iterator[str]:
    """The name of each step and session, once for every place it stands in."""
    for stage in every_stage(stages):
        match stage:
            case CallStage():
                yield _step(stage)
            case RunStage():
                yield stage.session


def _waiting(stages: Sequence[Stage]) -> Iterator[bool]:
    for stage in stages:
        waits = isinstance(stage, CallStage | EachStage | ChooseStage | StandStage) and stage.waits
        yield waits or isinstance(stage, TogetherStage | RemoteStage)


def _step(stage: CallStage) -> str:
    return f"{stage.module}.{stage.qualname}"


def _part(name: str, ms: float) -> CostPart:
    return CostPart(part=name, ms=ms, source="measured")


def _guess(name: str, ms: float) -> CostPart:
    return CostPart(part=name, ms=ms, source="estimated")
