"""A service: its folder's settings, sessions and endpoints, put together for the glue and for the front."""

from collections.abc import Callable, Coroutine
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from uvicorn._types import ASGI3Application

from . import on_demand
from .access_policy import AccessPolicy
from .admission import Queue, Ticket
from .batcher import Batcher, SessionCall
from .calls import PlainCoding, serve_call
from .codec import BytesCodec, Codec
from .cpu_limit import cpu_limit
from .endpoint import Endpoint
from .events import Event, events, holders, reloads
from .glue import Coding, Glue, GlueFunction
from .guard import Step, guarded
from .ingress import Ingress
from .observer import NullObserver, Observer, Watch
from .resources import Resource, Resources
from .run import serve
from .scope import FlaggingCodec, Scope, scoped
from .session import Session, session_threads
from .settings import EndpointSettings, PartSettings, StartError, load_settings, read_file
from .stopwatch import DECODE, ENCODE, timed_every
from .watchdog import Watchdog

if TYPE_CHECKING:
    from .oip.joined import Model
    from .otlp import Exporter
    from .step_places import StepPlaces
    from .wire.remote import Remote
    from .wire.wiring import Wiring

__all__ = ["Endpoint", "NullObserver", "Observer", "Service", "StartError"]


class Service:
    """What `main.py` makes of its folder, and the front serves.

    Raises:
        StartError: a file of the folder is missing or broken.
    """

    def __init__(self, main: str) -> None:
        self._folder = Path(main).resolve().parent
        self._settings = load_settings(self._folder / "service.json")
        self.watch = Watch()
        self._batcher = Batcher(self.watch)
        self._sessions = {each.name: Session(each, self._folder) for each in self._settings.sessions}
        self._batcher.patient = any(each.max_wait_s for each in self._sessions.values())
        self._calls = {name: SessionCall(self._batcher, session) for name, session in self._sessions.items()}
        self.name = self._settings.service
        self.version = _one_version(self._settings.endpoints)
        self.openapi = read_file(self._folder / "openapi.json", "openapi")
        self.endpoints: dict[str, Endpoint] = {}
        self.models: tuple[Model, ...] = ()
        self._served: tuple[EndpointSettings | PartSettings, ...] = (
            *self._settings.endpoints,
            *self._settings.parts,
        )
        self._resources = Resources(self.watch)
        self._graphs: dict[str, Callable[..., object]] = {}
        front = self._settings.ingress
        self._policy = AccessPolicy([e.auth for e in self._settings.endpoints] + ([front.auth] if front else []))
        self.access = self._policy.rest
        self.app: Ingress | None = None

    @property
    def observer(self) -> Observer:
        """Who is told what happens; set it before or while serving."""
        return self.watch.observer

    @observer.setter
    def observer(self, observer: Observer) -> None:
        self.watch.observer = observer

    @property
    def sessions(self) -> tuple[str, ...]:
        """The names of what runs for several requests, for metrics: sessions, and steps of lists."""
        return (*self._sessions, *self._batched)

    @property
    def parts(self) -> tuple[str, ...]:
        """What else is timed, for metrics: steps, reading and writing."""
        return (*self._alone, DECODE, ENCODE)

    @property
    def _batched(self) -> tuple[str, ...]:
        return tuple(each.step for each in self._settings.guards if each.max_batch is not None)

    @property
    def _alone(self) -> tuple[str, ...]:
        return tuple(step for step in self._settings.steps if step not in self._batched)

    @property
    def events(self) -> tuple[Event, ...]:
        """What else is counted, for metrics."""
        remotes = tuple(self._wiring.events()) if self._settings.remotes else ()
        asked = (*remotes, *self._resources.events)
        held = holders((*self.sessions, *self.parts))
        return (*events(self._served), *reloads(self._settings.sessions), *asked, *held)

    def session(self, name: str) -> SessionCall:
        """What the glue calls to run a session of service.json: `await scoring(row)`.

        Raises:
            StartError: `glue`, there is none of that name.
        """
        if name not in self._calls:
            raise StartError("glue", f"service.json has no session `{name}`")
        return self._calls[name]

    def step(self, step: Step, *, fallback: Callable[[], object] | None = None) -> Step:
        """A step of the user's where service.json says that it runs, with its guard and what stands in for it.

        Raises:
            StartError: `glue`, service.json has no guard for it.
        """
        name = f"{step.__module__}.{step.__qualname__}"
        settings = next((each for each in self._settings.guards if each.step == name), None)
        if settings is None:
            raise StartError("glue", f"service.json has no guard for step `{name}`")
        longest_s = max((each.limits.deadline_s for each in self._served), default=1.0)
        return guarded(self._places.step(step, settings, longest_s), settings, fallback, self.watch)

    def resource(self, resource: Resource) -> None:
        """A database, key-value store or other service that steps ask, as the user's file declares it."""
        self._resources.add(resource)

    def begin(self) -> None:
        """On the loop of a worker: watch who holds it, open what steps ask; that is closed with the loop."""
        self._resources.open()
        Watchdog(self._settings.steps, self.watch).begin()

    def endpoint(self, function: Callable[..., object]) -> Callable[[GlueFunction], GlueFunction]:
        """A decorator of the glue's coroutine for the user's graph `function`, whose annotations are the API.

        Raises:
            StartError: `glue`, service.json has no such endpoint; `types`, see `Codec`.
        """

        def register(coroutine: GlueFunction) -> GlueFunction:
            settings = next((each for each in self._settings.endpoints if each.name == coroutine.__name__), None)
            if settings is None:
                raise StartError("glue", f"service.json has no endpoint `{coroutine.__name__}`")
            queue = Queue(settings.limits.max_queue, self.watch, served_in_turn=not settings.waits)
            glue = self._glue(settings, Codec(function, settings), coroutine)
            endpoint = Endpoint(settings, glue, self._batcher, self.watch, queue)
            endpoint.access = self._policy.access(settings.auth)
            self.endpoints[settings.route] = endpoint
            self._graphs[settings.route] = function
            if settings.takes_bytes:
                endpoint.of_bytes = endpoint.also(BytesCodec(function, settings))
            if settings.inference is not None:
                rows = endpoint.also(on_demand.RowCodec(function, settings))
                self.models += (on_demand.Model(settings, settings.inference, rows, endpoint.access),)
            return coroutine

        return register

    def part(self, coroutine: GlueFunction) -> GlueFunction:
        """A decorator of the glue's coroutine for a part of a graph that another service asks for.

        Raises:
            StartError: `glue`, service.json has no such part; `types`, its values cannot be written.
        """
        settings, codec = self._wiring.part(coroutine.__name__)
        queue = Queue(settings.limits.max_queue, self.watch, served_in_turn=not settings.waits)
        glue = self._glue(settings, codec, coroutine)
        self.endpoints[settings.route] = Endpoint(settings, glue, self._batcher, self.watch, queue)
        return coroutine

    def remote(self, name: str) -> "Remote":
        """What the glue calls to ask another service for a part of service.json: `await compute_score(row)`.

        Raises:
            StartError: `glue`, there is none of that name; `types`; `bad_setting`, its address.
        """
        return self._wiring.remote(name)

    def ingress(self, app: ASGI3Application) -> None:
        """Put the user's application in front: paths that are not the service's are its, and it may call graphs.

        Raises:
            StartError: `glue`, service.json has none.
        """
        settings = self._settings.ingress
        if settings is None:
            raise StartError("glue", "service.json has no `ingress`")
        access = None if settings.open else self._policy.access(settings.auth)
        self.app = Ingress(app, settings.max_body_bytes, access)
        for route, function in self._graphs.items():
            serve_call(function, self.endpoints[route].also(PlainCoding()))

    @cached_property
    def _places(self) -> "StepPlaces":
        return on_demand.StepPlaces(self._folder, self._batcher, self.watch)

    @cached_property
    def _wiring(self) -> "Wiring":
        return on_demand.Wiring(self._settings.parts, self._settings.remotes, self.watch)

    def _glue(self, settings: EndpointSettings, codec: Coding, coroutine: GlueFunction) -> Glue:
        """The way through an endpoint; requests of one whose answers may be degraded have a scope."""
        if not settings.nodes:
            return Glue(settings.name, codec, coroutine)

        def driven(
            function: GlueFunction, given: tuple[object, ...], ticket: Ticket
        ) -> Coroutine[object, object, object]:
            return scoped(function, given, Scope(self.watch, lambda: ticket.request_id.decode("latin-1")))

        return Glue(settings.name, FlaggingCodec(codec), coroutine, driven)

    def share_cpus(self, workers: int) -> None:
        """So many processes serve beside each other: threads and processes of each are shared out among them."""
        self._batcher.executor.size = max(1, cpu_limit() // workers)
        if self._settings.guards:
            self._places.begin(workers)

    def watch_models(self) -> None:
        """From now on, models that may be replaced follow their files; those that are there serve at return.

        Raises:
            StartError: `models_dir`.
        """
        if not any(each.reload for each in self._settings.sessions):
            return
        models = on_demand.models_folder()
        if models is not None:
            on_demand.follow(
                on_demand.Follower(
                    each, self._folder, models / each.reload, self._calls[each.name], self._put, self.watch
                )
                for each in self._settings.sessions
                if each.reload is not None
            )

    def _put(self, session: Session) -> None:
        """From now on `session` runs what the one of its name did; what that has begun it ends."""
        self._sessions[session.name] = self._calls[session.name].session = session

    @property
    def is_stuck(self) -> bool:
        """Whether a thread is in a step that nobody waits for any more."""
        return bool(self._settings.guards) and self._places.is_stuck

    @property
    def lacks(self) -> str | None:
        """What it cannot serve without, and does not have for the moment."""
        return self._places.lacks if self._settings.guards else None

    def trace(self, exporter: "Exporter") -> None:
        """From now on requests, steps, sessions and batches have spans."""
        self._batcher.linked = partial(on_demand.linked, exporter)
        for endpoint in self.endpoints.values():
            endpoint.trace(exporter, self._settings.steps)

    def why_not_fork(self) -> str | None:
        """What of the warm service a fork would not copy: the threads of sessions that have more than one."""
        threads = session_threads()
        return f"sessions have {threads} threads" if threads > 1 else None

    def warm_up(self) -> None:
        """Check every model's hash, open the sessions and run each once.

        Raises:
            StartError: a model is missing, changed or broken, or an endpoint of service.json has no glue.
        """
        for settings in self._served:
            if settings.route not in self.endpoints:
                raise StartError("glue", f"nothing serves endpoint `{settings.name}`")
        self._resources.settle()
        for session in self._sessions.values():
            session.open()
            session.warm()
        every = timed_every()
        for endpoint in self.endpoints.values():
            endpoint.time(self._alone, every)

    def run(self) -> None:
        """Serve until told to stop."""
        serve(self)


def _one_version(endpoints: tuple[EndpointSettings, ...]) -> str:
    versions = {each.version for each in endpoints}
    return versions.pop() if len(versions) == 1 else "0"
