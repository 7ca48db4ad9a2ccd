"""How much one container of a service may use, until a measurement says better."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

from dagc.plan.service_plan import Service

_BASE_MIB = 256
"""Python, onnxruntime and requests in flight: 60 MiB idle and 110 under load were measured with a small model."""
_MODEL_FACTOR = 3
"""A model's bytes while it is loaded, the session's own copy, and the working set of its runs."""
_WORKER_MIB = 64
"""Of one more worker: 7 MiB idle were measured, for what is forked is shared; the rest is for its requests."""
_PROCESS_MIB = 96
"""Of a process for steps: 31 MiB idle were measured with numpy and pydantic; the rest are its values."""
_TRIAL_MIB = 64
"""Of the process that tries a new model, beside the model."""
_MOST_WORKERS = 8
"""As the runtime has it (`options.py`)."""
_LEAST_PROCESSES = 2
"""Of a worker, as the runtime has it (`step_places.py`): one goes on while another is replaced."""
_PIDS, _PIDS_OF_PROCESS = 128, 32
"""Threads count too: of runs, of steps, and those that libraries begin."""
_ROUND_MIB = 64
_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Size:
    """Limits of one container."""

    cpus: float
    memory_mib: int
    pids: int


def size(service: Service, models: Mapping[str, bytes]) -> Size:
    """Limits of a container of `service`: as asked for, and as reckoned where nothing was; `models` by SHA-256.

    Memory comes in steps of 64 MiB. Every CPU brings a worker, and two processes where steps have their own; where
    there are no more workers, one.
    """
    cpus = 1.0 if service.capacity is None else service.capacity.cpu
    asked_mib = None if service.capacity is None else service.capacity.memory_mib
    workers = min(ceil(cpus), _MOST_WORKERS)
    apart = any(guard.run == "process" for guard in service.guards)
    processes = workers * max(_LEAST_PROCESSES, ceil(cpus) // workers) if apart else 0
    wanted = _BASE_MIB + (workers - 1) * _WORKER_MIB + processes * _PROCESS_MIB
    wanted += _MODEL_FACTOR * sum(len(models[session.sha256]) for session in service.sessions) // _MIB
    replaced = [len(models[session.sha256]) for session in service.sessions if session.reload is not None]
    if replaced:  # every worker tries the new model, loads it beside the old one, and shares it with nobody
        wanted += workers * (_TRIAL_MIB + (_MODEL_FACTOR * max(replaced) + 2 * sum(replaced)) // _MIB)
    rounded = -(-wanted // _ROUND_MIB) * _ROUND_MIB
    pids = _PIDS + _PIDS_OF_PROCESS * (workers - 1 + processes)
    return Size(cpus=cpus, memory_mib=asked_mib or rounded, pids=pids)
