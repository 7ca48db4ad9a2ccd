"""`ingress`: an existing ASGI application (FastAPI, Starlette, ...) stays the front of the service.

All paths but the service's own are the application's, and its handlers await graphs: `await dagc.aio(fraud)(...)`.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Literal, TypeVar

from dagc.diagnostics import Diagnostic
from dagc.dsl.auth import Auth, auth_mistakes, ways
from dagc.dsl.complete import complete
from dagc.dsl.refuse import Refuse
from dagc.dsl.unserved import let_answer
from dagc.trace.spans import Place, caller_place

App = TypeVar("App", bound=Callable[..., Awaitable[None]])

MOST_BODY_MIB = 1024
OWN_PATHS = ("/live", "/ready", "/metrics", "/dagc/", "/dagc/openapi.json", "/dagc/docs")
"""Paths of every service, beside those of its endpoints."""


@dataclass(frozen=True, slots=True)
class Declared:
    """What `dagc.ingress` was given, and where."""

    app: object
    auth: object
    max_body_mib: float
    place: Place | None


@dataclass(frozen=True, slots=True)
class Ingress:
    """An application in front of a service, which imports it as `name` of `module`.

    `auth` are ways of knowing who may use it, `open` says that it sees to that itself.
    """

    module: str
    name: str
    auth: tuple[Auth, ...]
    open: bool
    max_body_bytes: int
    line: str


_declared: list[Declared] = []


@complete("dagc.ingress(app)")
def ingress(
    app: App,
    *,
    auth: Auth | Sequence[Auth] | Literal["app"] | None = None,
    max_body_mib: float = 8,
) -> App:
    """The application itself, which is the front of the service from now on.

    Its routes, its documents, its life cycle and its WebSockets stay as they are; the service keeps `/v1/<graph>`,
    `/live`, `/ready` and `/metrics`, and its own documents are at `/dagc/`. A handler that awaits a graph gets its
    result, or `dagc.Refuse`, `dagc.Overloaded`, `dagc.DeadlineExceeded` or `dagc.Unserved`.

    Args:
        app: any ASGI application; it is a name at the top level of a module.
        auth: who may use its routes; without it, whoever a graph's `auth` knows, and everybody where none has one.
            `"app"`: the application sees to that itself.
        max_body_mib: the longest body that it is given.
    """
    _declared.append(Declared(app, auth, max_body_mib, caller_place()))
    let_answer(app, Refuse)
    return app


def forget_ingress() -> None:
    """What was declared so far belongs to another file."""
    _declared.clear()


def declared_ingress(
    modules: Sequence[ModuleType], own: str, graphs: Sequence[str], root: Path
) -> tuple[Ingress | None, tuple[Diagnostic, ...]]:
    """The application in front, if one was declared, and what is wrong with it.

    `modules` are the user's, `own` is the name of that with the graphs, which are called `graphs`.
    """
    if not _declared:
        return None, ()
    first = _declared[0]
    found = tuple(_mistakes(first, graphs, root))
    named = _name_of(first.app, modules, own)
    if named is None and not found:
        message = "the application in front has no name by which a service could import it"
        help = "name it at the top level of the module: `app = FastAPI()`, then `dagc.ingress(app)`"
        found = (*found, _told("E0374", message, first, root, help))
    if found or named is None:
        return None, found
    span = first.place.span(root) if first.place else None
    line = f"{span.file}:{span.line}" if span else ""
    size = int(first.max_body_mib * 2**20)
    return Ingress(*named, ways(first.auth), first.auth == "app", size, line), ()


def _mistakes(first: Declared, graphs: Sequence[str], root: Path) -> Iterator[Diagnostic]:
    for other in _declared[1:]:
        if other.app is not first.app:
            message = "a service has one application in front, and this is another"
            yield _told("E0374", message, other, root, 'mount one in the other: `app.mount("/shop", shop)`')
    if not callable(first.app):
        message = f"`dagc.ingress` is given a `{type(first.app).__name__}`, which is no ASGI application"
        yield _told("E0373", message, first, root, "give it the application itself: `dagc.ingress(app)`")
        return
    if first.auth != "app":
        for code, message, help in auth_mistakes(first.auth, "the application in front"):
            yield _told(code, message, first, root, help)
    size: object = first.max_body_mib
    if isinstance(size, bool) or not isinstance(size, int | float) or not 0 < size <= MOST_BODY_MIB:
        message = f"`max_body_mib` of the application in front is a number above 0 and at most {MOST_BODY_MIB}"
        yield _told("E0373", message, first, root, "write `max_body_mib=8`")
    own = {*OWN_PATHS, *(f"/v1/{graph}" for graph in graphs)}
    for route in getattr(first.app, "routes", None) or ():
        if (path := getattr(route, "path", None)) in own:
            message = f"route `{path}` of the application would never be asked: that path is the service's own"
            yield _told("E0375", message, first, root, "give the route another path")


def _name_of(app: object, modules: Sequence[ModuleType], own: str) -> tuple[str, str] | None:
    """A module and the name in it: that with the graphs first, then in order of names."""
    for module in sorted(modules, key=lambda each: (each.__name__ != own, each.__name__)):
        for name, value in vars(module).items():
            if value is app and name.isidentifier():
                return module.__name__, name
    return None


def _told(code: str, message: str, declared: Declared, root: Path, help: str) -> Diagnostic:
    span = declared.place.span(root) if declared.place else None
    return Diagnostic.at(code, message, span, "declared here", help=help)
