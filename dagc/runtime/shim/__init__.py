"""What `import dagc` finds inside a built service: the names a graph file uses, without the compiler.

Steps and graphs are the user's plain functions here, because `main.py` does what the graph's body says. Whatever
only the compiler can do exists by name, so that the file imports, and raises when it is called.
"""

import sys
from collections.abc import Callable, Coroutine, Sequence
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import TypeVar, cast

Application = TypeVar("Application")
Decorated = TypeVar("Decorated", bound=Callable[..., object])

_TENSORS = frozenset(
    ["TensorSpec", "boolean", "f16", "f32", "f64", "i8", "i16", "i32", "i64", "string", "u8", "u16", "u32", "u64"]
)

_RESOURCES = frozenset(
    [
        "Http", "HttpRequest", "KeyValue", "ResourceError", "ResourceGarbled", "ResourceRefused",
        "ResourceTimeout", "ResourceUnavailable", "Sql", "Transaction",
    ]
)  # fmt: skip
_UNSERVED = frozenset(["DeadlineExceeded", "Overloaded", "Unserved"])


class Refuse(Exception):
    """This request is refused: the answer is `status` with `reason`, naming `field` when one is to blame."""

    def __init__(self, reason: str, *, field: str | None = None, status: int = 422) -> None:
        if not 400 <= status <= 499:
            raise ValueError(f"status of a refusal is 400 to 499, not {status}")
        super().__init__(reason)
        self.reason = reason
        self.field = field
        self.status = status


class Inert:
    """Something of the language that does nothing here; `name` is what the graph file calls it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, *values: object, **named: object) -> object:
        """Nothing.

        Raises:
            RuntimeError: always.
        """
        raise RuntimeError(f"`{self._name}` was called in a built service, where only `main.py` runs the graph")

    def __repr__(self) -> str:
        return f"<inert {self._name}>"


def step(function: Decorated | None = None, /, **options: object) -> object:
    """The function or class itself; of one that takes lists (`batch=True`) what takes one item."""
    if options.get("batch"):
        return of_one
    return function if function is not None else _itself


def of_one(lists: Callable[..., object]) -> Callable[..., object]:
    """A step of lists as other Python calls it: with single values. The runtime gives `lists` those of many."""

    @wraps(lists)
    def call(*given: object, **named: object) -> object:
        found = lists(*([value] for value in given), **{name: [value] for name, value in named.items()})
        return _first_awaited(found) if isinstance(found, Coroutine) else _first(found)

    call.__dict__["__dagc_lists__"] = lists
    return call


async def _first_awaited(results: Coroutine[object, object, object]) -> object:
    return _first(await results)


def _first(results: object) -> object:
    (found,) = cast("Sequence[object]", results)
    return found


def graph(function: Decorated | None = None, /, **options: object) -> object:
    """The function itself."""
    return function if function is not None else _itself


def api_key(setting: str) -> Inert:
    """Nothing to call: the service knows its callers by service.json."""
    return Inert(f'api_key("{setting}")')


def jwt(setting: str, **options: object) -> Inert:
    """As `api_key`."""
    return Inert(f'jwt("{setting}")')


def ingress(app: Application, **options: object) -> Application:
    """The application itself, which answers what its handlers do not handle of a graph that could not answer."""
    import_module(f"{__name__}.unserved").let_answer(app, Refuse)
    return app


def aio(function: Callable[..., object]) -> Callable[..., Coroutine[object, object, object]]:
    """The served graph as an async function, which is called in the process that serves it."""

    @wraps(function)
    async def call(*values: object, **named: object) -> object:
        """The result; raises `Refuse`, `Overloaded`, `DeadlineExceeded` or `Unserved`."""
        calls = import_module("dagc_runtime.calls")
        try:
            return await calls.call_of(function)(*values, **named)
        except calls.Unanswered as error:
            answer = error.answer
        unserved = import_module(f"{__name__}.unserved").unserved
        raise unserved(answer.status, answer.body, _refuse)

    return call


def sql(setting: str, **options: object) -> object:
    """The database itself: `main.py` tells it what the service knows, and steps ask it."""
    return _resource("Sql", setting, options)


def keyvalue(setting: str, **options: object) -> object:
    """As `sql`."""
    return _resource("KeyValue", setting, options)


def http(setting: str, **options: object) -> object:
    """As `sql`."""
    return _resource("Http", setting, options)


def onnx(path: object, **options: object) -> Inert:
    """A model that cannot be called: the sessions of `main.py` run it."""
    return Inert(f'onnx("{path}")')


def service(name: object, **options: object) -> Inert:
    """A name: which nodes run here was decided when the service was built."""
    return Inert(f'service("{name}")')


def batch(max_size: object, max_wait_ms: object = 0) -> Inert:
    """Nothing: the numbers stand in service.json."""
    return Inert("batch(...)")


def sklearn(load: object, **options: object) -> Inert:
    """A model that cannot be called; `load` was called when the service was built."""
    return _imported("sklearn", load)


def xgboost(load: object, **options: object) -> Inert:
    """As `sklearn`."""
    return _imported("xgboost", load)


def lightgbm(load: object, **options: object) -> Inert:
    """As `sklearn`."""
    return _imported("lightgbm", load)


def torch(load: object, example: object, **options: object) -> Inert:
    """As `sklearn`."""
    return _imported("torch", load)


def _imported(framework: str, load: object) -> Inert:
    return Inert(f"{framework}({getattr(load, '__name__', '...')})")


def _refuse(reason: str, field: str | None, status: int) -> Refuse:
    return Refuse(reason, field=field, status=status)


def _resource(kind: str, setting: str, options: dict[str, object]) -> object:
    """A default that is a file lies where the user's file does."""
    declared = Path(sys._getframe(2).f_code.co_filename).resolve()
    return getattr(import_module(f"{__name__}.resources"), kind)(setting, folder=declared.parent, **options)


def _itself(function: Decorated) -> Decorated:
    return function


def __getattr__(name: str) -> object:
    """Tensor annotations from `tensors.py` beside this file; every other public name of the language is inert."""
    if name.startswith("_"):
        raise AttributeError(f"module 'dagc' has no attribute '{name}'")
    if name in _TENSORS:
        return getattr(import_module(f"{__name__}.tensors"), name)
    if name in _RESOURCES:
        return getattr(import_module(f"{__name__}.resources"), name)
    if name in _UNSERVED:
        return getattr(import_module(f"{__name__}.unserved"), name)
    return Inert(f"dagc.{name}")
