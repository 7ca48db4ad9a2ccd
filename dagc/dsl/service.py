"""`service(...)`: a service that nodes are placed on with `on=`; `batch(...)`: how its models' runs are shared.

What a node does and where it runs are two things: a plain call takes no notice of either.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import final

from dagc.diagnostics import Diagnostic, Span
from dagc.dsl.complete import complete
from dagc.ir.placement import Placement
from dagc.trace.recorder import here, mistake
from dagc.trace.spans import Place, caller_place

_NAME = re.compile(r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?")
RESERVED = frozenset({"dagc", "default", "host", "internal", "localhost", "metrics"})
"""Names that mean something else in a network of containers, or to us."""

NUMBERS = ("cpu", "memory_mib", "gpu", "replicas")
BATCH_NUMBERS = ("max_size", "max_wait_ms")
"""What of a service, and of its batches, a profile may override."""

_MOST_CPUS = 1024
_LEAST_MIB = 64
_MOST_REPLICAS = 10_000
_MOST_BATCH = 4096
_LONGEST_WAIT_MS = 1000.0

_EXAMPLE = 'dagc.service("compute", cpu=2, memory_mib=1024, replicas=(2, 20))'

_Mistake = tuple[str, str, str]
"""A code, a message and what to do."""


@final
@dataclass(frozen=True, slots=True)
class Batch:
    """How many requests may share a run of a model, and how long the first may wait for company."""

    max_size: int
    max_wait_ms: float = 0.0


@complete("dagc.batch(max_size=32)", code="E0520")
def batch(max_size: int, max_wait_ms: float = 0.0) -> Batch:
    """How runs of a service's models are shared.

    Args:
        max_size: requests that may share one run.
        max_wait_ms: milliseconds that the first request of a run may wait for others to come; 0 takes what is
            there. A full run goes at once, and nobody waits for more than half of the time that it has left.
    """
    return Batch(max_size, max_wait_ms)


@final
class Service:
    """A declared service, to be given to `on=`."""

    def __init__(self, placement: Placement, place: Place | None, mistakes: tuple[_Mistake, ...]) -> None:
        self.placement = placement
        self._place = place
        self._mistakes = mistakes

    def __repr__(self) -> str:
        return f"<service {self.placement.name}>"

    def span(self, root: Path) -> Span | None:
        """Where it is declared."""
        return self._place.span(root) if self._place else None

    def mistakes(self, root: Path) -> Iterator[Diagnostic]:
        """What is wrong with its name and numbers (E0513 to E0515, E0521)."""
        for code, message, help_ in self._mistakes:
            yield Diagnostic.at(code, message, self.span(root), "declared here", help=help_)


@complete(_EXAMPLE, code="E0520")
def service(
    name: str,
    *,
    cpu: float = 1,
    memory_mib: int | None = None,
    gpu: int = 0,
    replicas: tuple[int, int] = (1, 1),
    batch: Batch | None = None,
) -> Service:
    """A service that runs what is placed on it, apart from the graph's own.

    Args:
        name: lower-case letters, digits and hyphens.
        cpu: processors one instance may use.
        memory_mib: MiB one instance may use; reckoned from its models without it.
        gpu: graphics processors one instance needs.
        replicas: how many instances there are at least and at most.
        batch: how runs of its models are shared.
    """
    given = _Given(name, cpu, memory_mib, gpu, replicas, batch)
    found = tuple(given.mistakes())
    placement = Placement("unsound") if found else given.placement()
    return Service(placement, caller_place(), found)


def placed(on: object, receiver: str, root: Path) -> Placement | None:
    """Where `on=` of `receiver` places it; `None` without one. Reports what is no service, or an unsound one."""
    if on is None:
        return None
    if isinstance(on, Service):
        found = tuple(on.mistakes(root))
        for diagnostic in found:
            mistake(diagnostic)
        return None if found else on.placement
    message = f"`on=` of {receiver} is a `{type(on).__name__}`, not a service"
    mistake(Diagnostic.at("E0516", message, here(root), "called here", help=f"declare it: `compute = {_EXAMPLE}`"))
    return None


def overridden(declared: Placement, numbers: Mapping[str, object]) -> Placement | tuple[_Mistake, ...]:
    """The service with other `NUMBERS` and `BATCH_NUMBERS`, of any type; or what is wrong with them."""
    size: object = numbers.get("max_size", declared.max_batch)
    wait_ms: object = numbers.get("max_wait_ms", declared.max_wait_ms)
    replicas = numbers.get("replicas", declared.replicas)
    given = _Given(
        declared.name,
        numbers.get("cpu", declared.cpu),
        numbers.get("memory_mib", declared.memory_mib),
        numbers.get("gpu", declared.gpu),
        tuple(replicas) if isinstance(replicas, list) else replicas,
        Batch(size, wait_ms) if size is not None or wait_ms else None,  # type: ignore[arg-type]  # looked at below
    )
    return tuple(given.mistakes()) or given.placement()


@dataclass(frozen=True, slots=True)
class _Given:
    """What `service` was given, of any type: a user's file is not type-checked before we read it."""

    name: object
    cpu: object
    memory_mib: object
    gpu: object
    replicas: object
    batch: object

    def placement(self) -> Placement:
        """The sound service."""
        low, high = self.replicas if isinstance(self.replicas, tuple | list) else (1, 1)
        shared = self.batch if isinstance(self.batch, Batch) else None
        return Placement(
            str(self.name),
            float(str(self.cpu)),
            None if self.memory_mib is None else int(str(self.memory_mib)),
            int(str(self.gpu)),
            (low, high),
            shared.max_size if shared else None,
            float(shared.max_wait_ms) if shared else 0.0,
        )

    def mistakes(self) -> Iterator[_Mistake]:
        """All of them."""
        yield from self._of_name()
        if not _number(self.cpu, 0, _MOST_CPUS):
            message = f"`cpu` of {self._title()} is {_shown(self.cpu)}, and a service needs some of a processor"
            yield "E0514", message, f"write a number above 0 and at most {_MOST_CPUS}: `cpu=2`"
        if self.memory_mib is not None and not _whole(self.memory_mib, _LEAST_MIB, 1 << 30):
            message = f"`memory_mib` of {self._title()} is {_shown(self.memory_mib)}"
            help_ = f"write MiB as a whole number from {_LEAST_MIB}, or leave it out: then it is reckoned"
            yield "E0514", message, help_
        if not _whole(self.gpu, 0, 64):
            message = f"`gpu` of {self._title()} is {_shown(self.gpu)}"
            yield "E0514", message, "write how many graphics processors one instance needs: `gpu=1`"
        yield from self._of_replicas()
        yield from self._of_batch()

    def _of_name(self) -> Iterator[_Mistake]:
        name = self.name
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            message = f"{_shown(name)} cannot name a service: it becomes a host name and a folder"
            help_ = "use at most 40 lower-case letters, digits and hyphens, beginning with a letter"
            yield "E0513", message, help_
        elif name in RESERVED:
            yield "E0513", f"a service named `{name}` would be mistaken for something else", "give it another name"

    def _of_replicas(self) -> Iterator[_Mistake]:
        given = self.replicas
        pair = list(given) if isinstance(given, tuple | list) else []
        if len(pair) != 2 or not all(_whole(number, 1, _MOST_REPLICAS) for number in pair):
            message = f"`replicas` of {self._title()} is {_shown(given)}"
            yield "E0515", message, "write the least and the most instances: `replicas=(2, 20)`"
        elif pair[0] > pair[1]:
            message = f"{self._title()} has at least {pair[0]} instances and at most {pair[1]}"
            yield "E0515", message, f"write `replicas=({pair[1]}, {pair[0]})`"

    def _of_batch(self) -> Iterator[_Mistake]:
        given = self.batch
        if given is None:
            return
        if not isinstance(given, Batch):
            message = f"`batch` of {self._title()} is a `{type(given).__name__}`"
            yield "E0514", message, "write `batch=dagc.batch(max_size=32)`"
            return
        if not _whole(given.max_size, 1, _MOST_BATCH):
            message = f"`max_size` of {self._title()} is {_shown(given.max_size)}"
            yield "E0514", message, f"write a whole number from 1 to {_MOST_BATCH}"
        if not (given.max_wait_ms == 0 or _number(given.max_wait_ms, 0, _LONGEST_WAIT_MS)):
            message = f"`max_wait_ms` of {self._title()} is {_shown(given.max_wait_ms)}"
            yield "E0514", message, f"write milliseconds from 0 to {_LONGEST_WAIT_MS:g}; 0 waits for nobody"
        elif given.max_wait_ms and given.max_size == 1:
            message = (
                f"{self._title()} waits {given.max_wait_ms:g} ms for company, and its runs have room for nobody"
            )
            yield "E0521", message, "give `max_size` at least 2, or leave `max_wait_ms` out"

    def _title(self) -> str:
        return f"service `{self.name}`"


def _number(value: object, above: float, most: float) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(float(str(value))) and above < float(str(value)) <= most


def _whole(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _shown(value: object) -> str:
    return f"`{value!r}`" if isinstance(value, int | float | str | tuple | list) else f"a `{type(value).__name__}`"
