"""What looking at one model file may cost, and how a process holds itself to it.

A model file is a program: it can ask for any memory and any time. The numbers grow with the file, so that an
honest large model passes and a small hostile one does not.
"""

import os
import resource
from dataclasses import dataclass

from dagc.models.model_error import ModelError

MEMORY_VARIABLE = "DAGC_MODEL_MEMORY_MIB"
SECONDS_VARIABLE = "DAGC_MODEL_SECONDS"

_MIB = 2**20
_OPEN_FILES = 64
_MEMORY_MIB = 2048
_COPIES = 10
"""The file, its message, the checker's and inference's copies and two sessions, each with its weights laid out."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Address space in MiB, and seconds of one core."""

    memory_mib: int
    seconds: int

    @property
    def wall_s(self) -> float:
        """When to stop waiting: a busy machine gives a process a part of a core."""
        return 4.0 * self.seconds


def limits_for(model_bytes: int) -> Limits:
    """The limits for a file of that size; the environment may set either number."""
    mib = model_bytes // _MIB
    return Limits(
        _from_environment(MEMORY_VARIABLE, _MEMORY_MIB + _COPIES * mib),
        _from_environment(SECONDS_VARIABLE, 20 + mib // 10),
    )


def renounce() -> None:
    """Give up for good what looking at a model never needs: core dumps, files written, many files open."""
    for kind, amount in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
    ):
        _limit(kind, amount, final=True)


def hold_to(limits: Limits) -> None:
    """Let this process have so much address space, and so many seconds from now on, before the kernel stops it."""
    for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA):
        _limit(kind, limits.memory_mib * _MIB, final=False)
    used = resource.getrusage(resource.RUSAGE_SELF)
    _limit(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + 1 + limits.seconds, final=False)


def let_go() -> None:
    """Lift the last model's limit of memory: the next one's bytes come in before it has a limit of its own."""
    for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA):
        _limit(kind, resource.getrlimit(kind)[1], final=False)


def memory_exceeded(name: str, limits: Limits, notes: tuple[str, ...] = ()) -> ModelError:
    """E0412 for memory."""
    return ModelError(
        "E0412",
        f"looking at `{name}` needs more than {limits.memory_mib} MiB",
        notes,
        f"set `{MEMORY_VARIABLE}` to allow more, if the model is from somebody you trust",
    )


def time_exceeded(name: str, limits: Limits) -> ModelError:
    """E0412 for time."""
    return ModelError(
        "E0412",
        f"looking at `{name}` needs more than {limits.seconds} s",
        ("it is loaded, and run with small inputs",),
        f"set `{SECONDS_VARIABLE}` to allow more, if the model is from somebody you trust",
    )


def _limit(kind: int, amount: int, *, final: bool) -> None:
    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        amount = min(amount, hard)
    try:
        resource.setrlimit(kind, (amount, amount if final else hard))
    except (OSError, ValueError):
        return  # a system without this limit (macOS has no RLIMIT_AS); the others and the clock remain


def _from_environment(name: str, default: int) -> int:
    text = os.environ.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and 0 < len(text) < 8 and int(text) else default
