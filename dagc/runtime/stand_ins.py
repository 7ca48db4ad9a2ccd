"""The glue's coroutine in a namespace of its own: what it looks up there are stand-ins, the originals stay.

Modules in which some functions are wrapped stand in for the user's, and wrapped ones for main.py's own.
"""

from collections.abc import Callable, Mapping, Sequence
from types import FunctionType, ModuleType
from typing import cast

from .batcher import SessionCall
from .glue import GlueFunction

Step = Callable[..., object]

Wrap = Callable[[Step, str], Step]
"""What makes the stand-in of a step (`module.name`), or of a session."""

Tree = dict[str, "Tree | None"]
"""Steps by module, part by part: `None` stands for a step."""


def with_steps(
    function: GlueFunction,
    steps: Sequence[str],
    wrap: Wrap,
    session: Callable[[SessionCall], object] | None = None,
) -> GlueFunction:
    """The function with each of `steps` wrapped, and each of main.py's sessions by `session`."""
    plain = cast(FunctionType, function)
    tree = _tree(steps)
    namespace = dict(plain.__globals__)
    for name, value in plain.__globals__.items():
        if isinstance(value, ModuleType | _StandIn) and (inner := tree.get(path := str(value.__name__))):
            namespace[name] = _StandIn(value, inner, path, wrap)
        elif isinstance(value, FunctionType) and _path(value) in steps:  # one that main.py guards
            namespace[name] = wrap(value, _path(value))
        elif isinstance(value, SessionCall) and session is not None:
            namespace[name] = session(value)
    made = FunctionType(plain.__code__, namespace, plain.__name__, plain.__defaults__, plain.__closure__)
    made.__kwdefaults__ = plain.__kwdefaults__
    return cast(GlueFunction, made)


class _StandIn:
    """A module in which some functions are wrapped; everything else is the module's own, also what changes."""

    def __init__(self, original: "ModuleType | _StandIn", tree: Tree, path: str, wrap: Wrap) -> None:
        self._original = original
        for name, inner in tree.items():
            found = getattr(original, name, None)
            if inner is None and callable(found):
                setattr(self, name, wrap(found, f"{path}.{name}"))
            elif inner and isinstance(found, ModuleType | _StandIn):
                setattr(self, name, _StandIn(found, inner, f"{path}.{name}", wrap))

    def __getattr__(self, name: str) -> object:
        return getattr(self._original, name)


def _path(step: FunctionType) -> str:
    return f"{step.__module__}.{step.__qualname__}"


def _tree(steps: Sequence[str]) -> Mapping[str, Tree]:
    tree: Tree = {}
    for step in steps:
        *modules, name = step.split(".")
        inner = tree
        for module in modules:
            found = inner.get(module)
            inner[module] = inner = found if found is not None else {}
        inner[name] = None
    return {module: inner for module, inner in tree.items() if inner}
