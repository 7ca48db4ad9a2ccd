"""The proof of each graph of a file: its fused form against the unfused one, on stored and invented requests."""

from collections.abc import Iterator, Mapping, Sequence

from pydantic import ValidationError

from dagc.diagnostics import CompileError, Diagnostic
from dagc.dsl.traced import Traced
from dagc.evaluate.equivalence import Case, Expected, prove
from dagc.evaluate.inputs import requests_beside, seeded_requests
from dagc.evaluate.requests import NamedRequest
from dagc.evaluate.step_times import StepTimes
from dagc.evaluate.thresholds import thresholds
from dagc.evaluate.verdict import Equivalence
from dagc.ir.graph import Graph
from dagc.ir.models_run import models_run
from dagc.ir.regions import every_node

SEED = 20_260_701
"""Seeds the requests every build invents; a fixed number, so that two builds prove the same thing."""

SEEDED_REQUESTS = 64
"""Requests every build invents; fewer for a large graph, so that proving it takes time linear in its nodes too."""

FEWEST_SEEDED_REQUESTS = 8
_NODES_PROVEN = 10_000  # less than a second of both forms


def proofs(
    traced: Sequence[Traced], fused: Sequence[Graph], requests: Sequence[NamedRequest], times: StepTimes
) -> tuple[Equivalence, ...]:
    """The verdict on each graph and its fused form; `times` gets what the user's steps took.

    Raises:
        CompileError: the types of a graph refuse a stored request (E0805).
    """
    store = traced[0].store
    with store.threads():
        for key in models_run((*(graph.graph for graph in traced), *fused)):
            store.begin_loading(key)
        return tuple(_proof(graph, after, requests, times) for graph, after in zip(traced, fused, strict=True))


def _proof(traced: Traced, fused: Graph, requests: Sequence[NamedRequest], times: StepTimes) -> Equivalence:
    with traced.importable():  # a step may import a neighbouring file while it runs
        return prove(
            traced.graph,
            fused,
            list(_cases(traced, requests)),
            store=traced.store,
            steps=times.timed(traced.steps),
            encode=traced.answer,
            misfit=traced.misfit,
            seed=SEED,
        )


def _cases(traced: Traced, requests: Sequence[NamedRequest]) -> Iterator[Case]:
    """The user's own requests, then invented ones; an invented one that the types refuse is left out."""
    for named in requests:
        stored = named.stored
        if stored.graph in (None, traced.graph.name):
            expected = Expected(stored.response, stored.tolerance) if stored.answered else None
            yield Case(named.name, _arguments(traced, named), expected)
    size = sum(1 for _ in every_node(traced.graph)) or 1
    count = min(SEEDED_REQUESTS, max(FEWEST_SEEDED_REQUESTS, _NODES_PROVEN // size))
    schema, decides_by = traced.request_schema(), thresholds(traced.graph)
    beside = requests_beside(decides_by, schema, count // 2 if decides_by else 0, SEED)
    drawn = [(f"seeded {number}", body, False) for number, body in enumerate(seeded_requests(schema, count, SEED))]
    drawn += [(f"seeded beside {number}", body, True) for number, body in enumerate(beside)]
    for name, body, on_boundary in drawn:
        try:
            yield Case(name, traced.arguments(body), on_boundary=on_boundary)
        except ValidationError:
            continue


def _arguments(traced: Traced, named: NamedRequest) -> Mapping[str, object]:
    try:
        return traced.arguments(named.stored.request)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        message = f"the types of `{traced.graph.name}` refuse the stored request `{named.name}`"
        note = f"`{place}`: {first['msg']}" if place else first["msg"]
        found = Diagnostic.at(
            "E0805", message, traced.graph.span, "its parameters say what it takes", notes=(note,)
        )
        raise CompileError.of(found, root=str(traced.root)) from None
