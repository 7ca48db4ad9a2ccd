"""A service: its folder's settings, sessions and endpoints, put together for the glue and for the front."""

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from pathlib import Path

from .admission import Queue, Ticket
from .answer import Answer
from .batcher import Batcher, SessionCall
from .codec import BytesCodec, Codec
from .cpu_limit import cpu_limit
from .events import Event, events
from .glue import Coding, Glue, GlueFunction
from .guard import Step, guarded
from .observer import NullObserver, Observer, Watch
from .run import serve
from .scope import FlaggingCodec, Scope, scoped
from .session import Session, session_threads
from .settings import EndpointSettings, Limits, StartError, load_settings, read_file
from .stopwatch import DECODE, ENCODE, timed, timed_every
from .turn import Turn
from .waiting import Waiting

__all__ = ["Endpoint", "NullObserver", "Observer", "Service", "StartError"]


class Endpoint:
    """One graph behind `POST route`, as the front sees it."""

    of_bytes: "Endpoint | None" = None
    """The way in for bodies that are the bytes of its one parameter."""

    def __init__(
        self, settings: EndpointSettings, glue: Glue, batcher: Batcher, watch: Watch, queue: Queue
    ) -> None:
        self._settings = settings
        self._batcher = batcher
        self._others: list[Endpoint] = []
        self.name = settings.name
        self.version = settings.version
        self.route = settings.route
        self.waits = settings.waits
        self.limits: Limits = settings.limits
        self._queue = queue
        self._glue = glue
        self._watch = watch
        self._driver = Waiting(glue, self._queue, watch) if self.waits else Turn(glue, batcher, watch)
        if isinstance(self._driver, Turn):
            queue.relief.append(self._driver.catch_up)
            queue.waits_aside = lambda: not batcher.aside.is_free
        self._begin = self._driver.begin

    @property
    def in_flight(self) -> int:
        """Requests accepted and not yet answered."""
        return self._queue.held

    def time(self, steps: Sequence[str], every: int) -> None:
        """Time `steps`, reading and writing in one turn of `every`; main.py is loaded by now."""
        self._driver.draw.begin(timed(self._glue, steps, self._watch), every)
        for other in self._others:
            other.time(steps, every)

    def also(self, codec: Coding) -> "Endpoint":
        """The same endpoint, with the same queue and sessions, for requests and answers in another form."""
        written = FlaggingCodec(codec) if self._settings.nodes else codec
        glue = replace(self._glue, codec=written)
        other = Endpoint(self._settings, glue, self._batcher, self._watch, self._queue)
        self._others.append(other)
        return other

    def accept(self, body: bytes, deadline: float, reply: Callable[[Answer], None]) -> Ticket:
        """The ticket of a request taken in; call it on the event loop.

        `deadline` is on the loop's clock. `reply` is called once, later, on the same loop, never inside `accept`;
        never after `Ticket.cancel`. Without room, or time, for one more it is a 503 at the loop's next turn.
        """
        ticket = self._queue.admit(body, deadline, reply)
        if ticket.queue is not None:
            self._begin(ticket)
        return ticket


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
        self.name = self._settings.service
        self.version = _one_version(self._settings.endpoints)
        self.openapi = read_file(self._folder / "openapi.json", "openapi")
        self.endpoints: dict[str, Endpoint] = {}

    @property
    def observer(self) -> Observer:
        """Who is told what happens; set it before or while serving."""
        return self.watch.observer

    @observer.setter
    def observer(self, observer: Observer) -> None:
        self.watch.observer = observer

    @property
    def sessions(self) -> tuple[str, ...]:
        """The sessions' names, for metrics."""
        return tuple(self._sessions)

    @property
    def parts(self) -> tuple[str, ...]:
        """What else is timed, for metrics: steps, reading and writing."""
        return (*self._settings.steps, DECODE, ENCODE)

    @property
    def events(self) -> tuple[Event, ...]:
        """What else is counted, for metrics."""
        return events(self._settings.endpoints)

    def session(self, name: str) -> SessionCall:
        """What the glue calls to run a session of service.json: `await scoring(row)`.

        Raises:
            StartError: `glue`, there is none of that name.
        """
        if name not in self._sessions:
            raise StartError("glue", f"service.json has no session `{name}`")
        return SessionCall(self._batcher, self._sessions[name])

    def step(self, step: Step, *, fallback: Callable[[], object] | None = None) -> Step:
        """A step of the user's with the guard that service.json has for it, and what stands in where it fails.

        Raises:
            StartError: `glue`, service.json has no guard for it.
        """
        name = f"{step.__module__}.{step.__qualname__}"
        settings = next((each for each in self._settings.guards if each.step == name), None)
        if settings is None:
            raise StartError("glue", f"service.json has no guard for step `{name}`")
        return guarded(step, settings, fallback, self.watch)

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
            self.endpoints[settings.route] = endpoint
            if settings.takes_bytes:
                endpoint.of_bytes = endpoint.also(BytesCodec(function, settings))
            return coroutine

        return register

    def _glue(self, settings: EndpointSettings, codec: Codec, coroutine: GlueFunction) -> Glue:
        """The way through an endpoint; requests of one whose answers may be degraded have a scope."""
        if not settings.nodes:
            return Glue(settings.name, codec, coroutine)

        def driven(
            function: GlueFunction, given: tuple[object, ...], ticket: Ticket
        ) -> Coroutine[object, object, object]:
            return scoped(function, given, Scope(self.watch, lambda: ticket.request_id.decode("latin-1")))

        return Glue(settings.name, FlaggingCodec(codec), coroutine, driven)

    def share_cpus(self, workers: int) -> None:
        """So many processes serve beside each other: threads for heavy sessions are shared out among them."""
        self._batcher.aside.size = max(1, cpu_limit() // workers)

    def why_not_fork(self) -> str | None:
        """What of the warm service a fork would not copy: the threads of sessions that have more than one."""
        threads = session_threads()
        return f"sessions have {threads} threads" if threads > 1 else None

    def warm_up(self) -> None:
        """Check every model's hash, open the sessions and run each once.

        Raises:
            StartError: a model is missing, changed or broken, or an endpoint of service.json has no glue.
        """
        for settings in self._settings.endpoints:
            if settings.route not in self.endpoints:
                raise StartError("glue", f"nothing serves endpoint `{settings.name}`")
        for session in self._sessions.values():
            session.open()
            session.warm()
        every = timed_every()
        for endpoint in self.endpoints.values():
            endpoint.time(self._settings.steps, every)

    def run(self) -> None:
        """Serve until told to stop."""
        serve(self)


def _one_version(endpoints: tuple[EndpointSettings, ...]) -> str:
    versions = {each.version for each in endpoints}
    return versions.pop() if len(versions) == 1 else "0"
