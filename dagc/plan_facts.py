"""What a plan has to know of traced graphs and their models, as plain facts: it sees neither of them itself."""

from collections.abc import Iterable, Sequence

from dagc.dsl import auth as dsl_auth
from dagc.dsl.traced import Traced
from dagc.evaluate.requests import NamedRequest
from dagc.ir.graph import Graph
from dagc.ir.models_run import models_run
from dagc.ir.ops import ModelKey
from dagc.ir.regions import every_node
from dagc.models.signature import Port as ModelPort
from dagc.models.signature import Signature
from dagc.models.store import ModelStore
from dagc.plan.access import Ingress, KeyAuth, TokenAuth
from dagc.plan.callers import token_libraries
from dagc.plan.inference import inference_libraries, open_inference
from dagc.plan.make_plan import Compiled
from dagc.plan.resources import drivers, resources
from dagc.plan.service_plan import Port
from dagc.plan.sessions import ModelFacts


def on_gpus(graphs: Iterable[Graph]) -> tuple[str, ...]:
    """The names of the services that were given GPUs."""
    places = (node.placement for graph in graphs for node in every_node(graph))
    return tuple(sorted({place.name for place in places if place is not None and place.gpu}))


def libraries(traced: Sequence[Traced]) -> tuple[str, ...]:
    """The distributions that hold operators of the models, drive resources, read tokens and answer over gRPC."""
    driving = drivers(resources([graph.graph for graph in traced]))
    found = (graph.store.library(key) for graph in traced for key in graph.models.values())
    front = traced[0].ingress
    auths = [_auth(graph.auth) for graph in traced] + ([_auth(front.auth)] if front else [])
    forms = (open_inference(graph.request_schema(), graph.response_schema()) for graph in traced)
    asked_for = token_libraries(auths) | driving | inference_libraries(forms)
    return tuple(sorted({library for library in found if library is not None} | asked_for))


def ingress(traced: Traced) -> Ingress | None:
    """The application in front, as a plan says it."""
    front = traced.ingress
    if front is None:
        return None
    return Ingress(
        module=front.module,
        name=front.name,
        auth=_auth(front.auth),
        open=front.open,
        max_body_bytes=front.max_body_bytes,
        line=front.line,
    )


def model_facts(graphs: Iterable[Graph], store: ModelStore) -> dict[ModelKey, ModelFacts]:
    """What the plan has to know of each model that the graphs run."""
    return {key: _facts(key, store) for key in models_run(graphs)}


def compiled(traced: Traced, fused: Graph, requests: Sequence[NamedRequest]) -> Compiled:
    """A graph as the plan takes it: fused, with what its endpoint takes and answers."""
    own = (r.stored.request for r in requests if r.stored.graph in (None, traced.graph.name))
    return Compiled(
        fused,
        traced.body,
        traced.request_schema(),
        traced.response_schema(),
        traced.summary(),
        next(own, None),
        _auth(traced.auth),
    )


def _auth(auth: tuple[dsl_auth.Auth, ...]) -> tuple[KeyAuth | TokenAuth, ...]:
    """Ways of knowing callers as a plan says them."""
    return tuple(
        KeyAuth(setting=way.setting)
        if isinstance(way, dsl_auth.ApiKey)
        else TokenAuth(setting=way.setting, issuer=way.issuer, audience=way.audience, scopes=way.scopes)
        for way in auth
    )


def _facts(key: ModelKey, store: ModelStore) -> ModelFacts:
    signature = store.signature(key)
    feeds = tuple(_port(signature, port) for port in signature.inputs)
    fetches = tuple(_port(signature, port) for port in signature.outputs)
    shared = store.shared_inputs(key)
    agreed_on = tuple(feed.name for feed in feeds if feed.name in shared)
    mixing, estimated_ms, library = store.mixing(key), store.estimated_ms(key), store.library(key)
    return ModelFacts(feeds, fetches, key, mixing, estimated_ms, library, agreed_on)


def _port(signature: Signature, port: ModelPort) -> Port:
    example = signature.example(port)
    return Port(name=port.name, dtype=str(example.dtype), dims=example.dims)
