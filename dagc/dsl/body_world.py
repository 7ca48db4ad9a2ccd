"""What a graph body would ask of the machine: clock, chance and settings, which answer once, at build time.

Nothing of it can be seen afterwards: the answer stands in the built service as a constant.
"""

import datetime
import os
import random
from types import ModuleType

_CLOCKS = frozenset({"datetime.now", "datetime.utcnow", "datetime.today", "date.today"})
_OF_MODULES = {
    "random": "a random number",
    "numpy.random": "a random number",
    "secrets": "a random number",
    "uuid": "an identifier of its own",
    "time": "the time",
}
_TIMES = frozenset({"time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns"})
_IDENTIFIERS = frozenset({"uuid1", "uuid4"})

READ = "a setting of the machine"


def asked(owner: object, name: str, target: object) -> str | None:
    """What a call of `target`, which is `owner.name`, asks the machine for; `None` if nothing."""
    if is_environment(owner) or target is os.getenv:
        return READ
    if owner in (datetime.datetime, datetime.date) and f"{getattr(owner, '__name__', '')}.{name}" in _CLOCKS:
        return "the time"
    module = _module(target)
    if (module == "time" and _name(target) not in _TIMES) or (
        module == "uuid" and _name(target) not in _IDENTIFIERS
    ):
        return None
    return _OF_MODULES.get(module)


def is_environment(value: object) -> bool:
    """Whether it is `os.environ`."""
    return value is os.environ


def _module(target: object) -> str:
    """The module a function is of; those of `random` are methods of one generator."""
    if isinstance(target, type | ModuleType):
        return ""
    bound = getattr(target, "__self__", None)
    if isinstance(bound, random.Random):
        return "random"
    found = getattr(target, "__module__", None) or type(bound).__module__
    return "numpy.random" if str(found).startswith("numpy.random") else str(found)


def _name(target: object) -> str:
    return str(getattr(target, "__name__", ""))
