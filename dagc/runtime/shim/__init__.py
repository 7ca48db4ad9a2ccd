"""What `import dagc` finds inside a built service: the names a graph file uses, without the compiler.

Steps and graphs are the user's plain functions here, because `main.py` does what the graph's body says. Whatever
only the compiler can do exists by name, so that the file imports, and raises when it is called.
"""

from collections.abc import Callable
from importlib import import_module
from typing import TypeVar

Decorated = TypeVar("Decorated", bound=Callable[..., object])

_TENSORS = frozenset(
    ["TensorSpec", "boolean", "f16", "f32", "f64", "i8", "i16", "i32", "i64", "string", "u8", "u16", "u32", "u64"]
)


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
    """The function or class itself."""
    return function if function is not None else _itself


def graph(function: Decorated | None = None, /, **options: object) -> object:
    """The function itself."""
    return function if function is not None else _itself


def onnx(path: object, **options: object) -> Inert:
    """A model that cannot be called: the sessions of `main.py` run it."""
    return Inert(f'onnx("{path}")')


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


def _itself(function: Decorated) -> Decorated:
    return function


def __getattr__(name: str) -> object:
    """Tensor annotations from `tensors.py` beside this file; every other public name of the language is inert."""
    if name.startswith("_"):
        raise AttributeError(f"module 'dagc' has no attribute '{name}'")
    if name in _TENSORS:
        return getattr(import_module(f"{__name__}.tensors"), name)
    return Inert(f"dagc.{name}")
