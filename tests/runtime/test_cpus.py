"""Workers and threads follow the CPU limit: together never more that compute than CPUs, unless somebody asks."""

from types import SimpleNamespace

import pytest

from dagc.runtime import options, service
from dagc.runtime.executor import Executor
from dagc.runtime.session import session_threads


@pytest.mark.parametrize("limit", [1, 2, 3, 8, 9, 64])
def test_by_default_workers_times_threads_is_at_most_the_limit(limit, monkeypatch) -> None:
    monkeypatch.delenv("DAGC_WORKERS", raising=False)
    monkeypatch.delenv("DAGC_THREADS", raising=False)
    monkeypatch.setattr(options, "cpu_limit", lambda: limit)
    monkeypatch.setattr(service, "cpu_limit", lambda: limit)
    workers = options.read_options([]).workers
    executor = Executor()
    service.Service.share_cpus(_service(executor), workers)  # type: ignore[arg-type]
    assert workers == min(limit, options.MOST_BY_DEFAULT)
    assert 1 <= workers * executor.size * session_threads() <= limit


def test_more_workers_than_cpus_have_one_thread_each(monkeypatch) -> None:
    monkeypatch.setattr(service, "cpu_limit", lambda: 2)
    executor = Executor()
    service.Service.share_cpus(_service(executor), 16)  # type: ignore[arg-type]
    assert executor.size == 1


def _service(executor: Executor) -> SimpleNamespace:
    places = SimpleNamespace(begin=lambda workers: None)
    settings = SimpleNamespace(guards=())
    return SimpleNamespace(_batcher=SimpleNamespace(executor=executor), _places=places, _settings=settings)
