"""How much a container may use: what its workers, processes and models need, unless the graph says it."""

from math import ceil

import pytest

from dagc.backends.size import size
from dagc.plan.outside import Capacity
from dagc.plan.service_plan import Port, Service, Session, StepGuard
from dagc.runtime.options import MOST_BY_DEFAULT
from dagc.runtime.step_places import LEAST_PROCESSES

MIB = 1024 * 1024
MODELS = {"m": bytes(20 * MIB)}


def service(
    cpu: float = 1.0, *, memory_mib: int | None = None, process: bool = False, reload: bool = False
) -> Service:
    port = Port(name="x", dtype="f32", dims=(3,))
    session = Session(
        name="s", model="s.onnx", sha256="m", feeds=(port,), fetches=(port,), parts=("s",), lines=(), max_batch=1,
        reload="s.onnx" if reload else None,
    )  # fmt: skip
    guard = StepGuard(name="g", module="graph", qualname="g", run="process", lines=())
    return Service.model_construct(
        name="x",
        sessions=(session,),
        guards=(guard,) if process else (),
        capacity=Capacity(cpu=cpu, memory_mib=memory_mib),
    )


def test_more_workers_and_processes_of_steps_get_more() -> None:
    alone, four = size(service(), MODELS), size(service(4), MODELS)
    crunching = size(service(4, process=True), MODELS)
    assert alone.memory_mib == 320
    assert alone.memory_mib < four.memory_mib < crunching.memory_mib
    assert alone.pids < four.pids < crunching.pids
    assert crunching.memory_mib >= alone.memory_mib + 3 * 7 + 8 * 31 + 8 * 40, "idle, and 40 MiB of work for each"


@pytest.mark.parametrize("cpu", [0.5, 1, 2.5, 8, 12, 16])
def test_there_is_room_for_every_process_that_the_runtime_starts(cpu: float) -> None:
    cpus = ceil(cpu)
    workers = min(cpus, MOST_BY_DEFAULT)
    started = workers * max(LEAST_PROCESSES, cpus // workers)
    more = size(service(cpu, process=True), MODELS).memory_mib - size(service(cpu), MODELS).memory_mib
    assert more > 96 * started - 64


def test_a_larger_model_gets_more_memory() -> None:
    assert size(service(), {"m": bytes(100 * MIB)}).memory_mib >= size(service(), MODELS).memory_mib + 3 * 80 - 64


def test_a_model_that_may_be_replaced_has_room_to_be_tried() -> None:
    assert size(service(2, reload=True), MODELS).memory_mib >= size(service(2), MODELS).memory_mib + 2 * (45 + 100)


def test_what_the_graph_says_is_not_reckoned_again() -> None:
    found = size(service(4, memory_mib=200, process=True, reload=True), MODELS)
    assert (found.cpus, found.memory_mib) == (4, 200)
