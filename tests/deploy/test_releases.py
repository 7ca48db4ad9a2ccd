"""Releases read from labels alone: which containers belong together, and in which order they start and stop."""

from datetime import UTC, datetime

from dagc.deploy.engine import Container
from dagc.deploy.releases import CALLS, DEPLOYMENT, NUMBER, ROLE, SERVICE, of_containers


def container(
    service: str, number: int, *calls: str, role: str = "remote", running: bool = True, healthy: bool = True
) -> Container:
    return Container(
        id=f"{service}-{number}",
        name=f"{service}-{number}",
        labels={DEPLOYMENT: "x", SERVICE: service, ROLE: role, NUMBER: str(number), CALLS: " ".join(calls)},
        image="",
        status="running" if running else "exited",
        health="",
        exit_code=0,
        out_of_memory=False,
        started=datetime(2026, 11, 23, tzinfo=UTC) if running or healthy else None,
        memory_bytes=0,
        restarts=running and healthy,
    )


def test_what_did_not_change_belongs_to_both_releases() -> None:
    first = container("front", 1, "encoder-1", role="service", running=False)
    second = container("front", 2, "encoder-1", role="service")
    encoder = container("encoder", 1)
    found = of_containers("x", (first, encoder, second))
    assert [release.number for release in found.releases] == [2, 1]
    assert all(encoder in release.containers for release in found.releases)
    assert found.current is found.releases[0] and found.previous is found.releases[1]
    assert found.next_number == 3


def test_callees_start_before_their_callers_and_stop_after_them() -> None:
    front = container("front", 1, "encoder-1", "ranker-1", role="service")
    encoder, ranker = container("encoder", 1, "ranker-1"), container("ranker", 1)
    found = of_containers("x", (front, encoder, ranker))
    assert [each.name for each in found.releases[0].containers] == ["ranker-1", "encoder-1", "front-1"]
    assert found.releases[0].front is front
    assert [each.name for each in found.callers_first] == ["front-1", "encoder-1", "ranker-1"]


def test_a_release_that_lost_a_service_is_none() -> None:
    whole = container("front", 1, "encoder-1", role="service")
    torn = container("front", 2, "encoder-2", role="service")
    left = container("ranker", 3)
    found = of_containers("x", (whole, torn, left, container("encoder", 1)))
    assert [release.number for release in found.releases] == [1]
    assert found.strays == (torn, left), "they are to be shown, and removed"


def test_a_release_serves_only_when_all_of_it_runs() -> None:
    front = container("front", 1, "encoder-1", role="service")
    found = of_containers("x", (front, container("encoder", 1, running=False)))
    assert found.current is None and found.previous is found.releases[0]


def test_what_a_killed_deployment_left_running_or_not_begun_serves_nobody() -> None:
    serving = container("front", 1, role="service")
    begun = container("front", 2, role="service", healthy=False)
    never = container("front", 3, role="service", running=False, healthy=False)
    found = of_containers("x", (serving, begun, never))
    assert found.current is not None and found.current.front is serving
    assert of_containers("x", (serving, never)).previous is None, "it never was a release"
    assert found.next_number == 4
