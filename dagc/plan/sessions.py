"""The sessions of a service: one for each distinct model, however many graphs run it.

A model that may be replaced has its own, whatever else has its bytes today.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dagc.diagnostics import Span
from dagc.ir.graph import Graph, Node
from dagc.ir.ops import EXPRESSION_WORDS, ModelKey, RunModel
from dagc.ir.printer import listed
from dagc.ir.regions import every_node
from dagc.plan.batching import MAX_BATCH, max_batch
from dagc.plan.citations import cited
from dagc.plan.names import Names, word
from dagc.plan.outside import Setting
from dagc.plan.profile import Profile
from dagc.plan.service_plan import Port, Session

_LONGEST_JOINED = 40  # `word` cuts there

MODELS_FOLDER = "DAGC_MODELS_DIR"

SessionKey = tuple[ModelKey, str | None]
"""A model, and the name under which it may be replaced."""


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What the plan has to know of a model; `one_by_one` says why requests may not share a run, if so.

    Those that do agree on the feeds `agreed_on`.

    `estimated_ms` is what a run of one example should take by the model's operators and sizes, if they tell.
    `library` is the distribution that holds operators of the model, if one has to be loaded.
    """

    feeds: tuple[Port, ...]
    fetches: tuple[Port, ...]
    sha256: str
    one_by_one: str | None = None
    estimated_ms: float | None = None
    library: str | None = None
    agreed_on: tuple[str, ...] = ()


def sessions(
    graphs: Sequence[Graph], models: Mapping[ModelKey, ModelFacts], names: Names, profile: Profile | None = None
) -> dict[SessionKey, Session]:
    """The session of each model the graphs run, in order of first use.

    Feeds are in the model's own order; fetches are those some graph wants, in the model's order too. How many
    requests share a run follows from `profile`, where it knows the model.
    """
    users: dict[SessionKey, list[tuple[Node, RunModel]]] = {}
    deadlines: dict[SessionKey, float] = {}
    for graph in graphs:
        for node in every_node(graph):
            if isinstance(node.op, RunModel):
                key = session_key(node.op)
                users.setdefault(key, []).append((node, node.op))
                deadlines[key] = min(graph.deadline_s, deadlines.get(key, graph.deadline_s))
    files = Names()
    made = {key: _session(used, models[key[0]], names, files) for key, used in users.items()}
    if profile is None:
        return made
    return {key: _tuned(session, profile, deadlines[key]) for key, session in made.items()}


def libraries(made: Iterable[SessionKey], models: Mapping[ModelKey, ModelFacts]) -> set[str]:
    """The distributions that hold operators of these sessions' models."""
    return {library for model, _ in made if (library := models[model].library) is not None}


def session_key(op: RunModel) -> SessionKey:
    """What the session of a run is found by."""
    return op.model, op.reload


def replacing(sessions: Iterable[Session]) -> tuple[Setting, ...]:
    """The setting that names the folder of files that replace models, where some may be replaced."""
    files = sorted(f"`{session.reload}`" for session in sessions if session.reload)
    if not files:
        return ()
    meaning = f"a folder whose {listed(files, ', ')} replace built models while the service runs"
    return (Setting(name=MODELS_FOLDER, meaning=meaning, secret=False, default=""),)


def _tuned(session: Session, profile: Profile, deadline_s: float) -> Session:
    """The session with the numbers that follow from what was measured, if it was."""
    measured = profile.of_session(session.sha256)
    if measured is None:
        return session
    most = 1 if session.one_by_one else max_batch(measured, deadline_s)
    return session.model_copy(update={"run_ms": measured.run.p50_ms, "max_batch": most})


def _session(users: Sequence[tuple[Node, RunModel]], facts: ModelFacts, names: Names, files: Names) -> Session:
    wanted = {fetch for _, op in users for fetch in op.fetches}
    parts = tuple(dict.fromkeys(part for _, op in users for part in op.parts))
    spans: Iterable[Span] = (span for node, _ in users for span in node.spans)
    name = names.take(*_candidates(parts))
    return Session(
        name=name,
        model=f"models/{name}.onnx",
        sha256=facts.sha256,
        feeds=facts.feeds,
        fetches=tuple(port for port in facts.fetches if port.name in wanted),
        parts=parts,
        lines=cited(spans),
        max_batch=MAX_BATCH,
        one_by_one=facts.one_by_one,
        agreed_on=() if facts.one_by_one else facts.agreed_on,
        reload=_file(users[0][1], files),
    )


def _file(op: RunModel, files: Names) -> str | None:
    """The file that takes a model's place: called as the user calls the model, whatever the session is called."""
    return None if op.reload is None else f"{files.take(word(op.reload, 'model'))}.onnx"


def _candidates(parts: Sequence[str]) -> tuple[str, ...]:
    """Names for a session, best first: its models, what is computed beside them too, `_model` behind the models.

    Arithmetic names a session only where it has no models: a person calls the whole as what it is about.
    """
    models = [part for part in parts if part not in EXPRESSION_WORDS]
    if not models:
        return (_joined(parts),)
    return _joined(models), _joined(parts), f"{_joined(models)}_model"


def _joined(parts: Sequence[str]) -> str:
    """`scaler_score` of few parts, `scaler_to_score` of many."""
    words = [word(part, "model") for part in parts] or ["model"]
    joined = "_".join(words)
    return joined if len(joined) <= _LONGEST_JOINED else word(f"{words[0][:18]}_to_{words[-1][:18]}", "model")
