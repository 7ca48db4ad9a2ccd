"""Where a node runs: a service that the user named. Answers never depend on it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Placement:
    """A named service: CPUs, MiB of memory (`None`: reckoned), GPUs, and how many instances at least and at most.

    `max_batch` is how many requests may share a run of its models (`None`: as elsewhere),
    `max_wait_ms` how long the first of them waits for others.
    """

    name: str
    cpu: float = 1.0
    memory_mib: int | None = None
    gpu: int = 0
    replicas: tuple[int, int] = (1, 1)
    max_batch: int | None = None
    max_wait_ms: float = 0.0

    def __str__(self) -> str:
        return self.name
