"""What goes wrong in production, done to real containers under load."""

import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path

import pytest

from tests.containers.service import Load, Service, run

pytestmark = pytest.mark.docker

INTERFACES = "import os; print(*os.listdir('/sys/class/net'))"
PROGRAM = """
import os, subprocess
with open("/tmp/program", "w") as file:
    file.write("#!/usr/bin/python3")
os.chmod("/tmp/program", 0o755)
subprocess.run("/tmp/program")
"""
SOCKETS = """
for kind in ("tcp", "tcp6", "udp", "udp6", "raw"):
    for line in open(f"/proc/net/{kind}").read().splitlines()[1:]:
        print(kind, *line.split()[1:4])
"""


def test_a_killed_service_is_back_and_only_requests_in_flight_fail(deployed: Service) -> None:
    with Load(deployed.port) as load:
        for _ in range(3):
            os.kill(deployed.pid, signal.SIGKILL)
            load.wait_for(200)
    assert load.failed.total() <= 3 * load.clients
    assert deployed.ask()[0] == 200


def test_a_killed_worker_of_several_is_replaced(deployed: Service, build: Callable[[int], Path]) -> None:
    run("deploy", build(1), "--cpus", 2, "--memory", 512)
    before = deployed.container
    with Load(deployed.port) as load:
        children = Path(f"/proc/{deployed.pid}/task/{deployed.pid}/children").read_text().split()
        assert len(children) == 2
        os.kill(int(children[0]), signal.SIGKILL)
        load.wait_for(200)
    assert load.failed.total() <= load.clients
    assert deployed.container == before


def test_a_restart_loses_no_request(deployed: Service) -> None:
    with Load(deployed.port) as load:
        deployed.engine.stop(deployed.container if deployed.now.current else "")
        stopped = deployed.now.releases[0].front
        deployed.engine.start(stopped.id)
        load.wait_for(100)
    assert stopped.exit_code == 0, "it drained, and ended by itself"
    assert not load.failed


@pytest.mark.skipif("DAGC_TEST_ENGINE" not in os.environ, reason="the engine is not the tests' own")
def test_what_served_is_back_after_its_engine_was_killed(deployed: Service, build: Callable[[int], Path]) -> None:
    run("deploy", build(2))
    run("rollback", "rate")
    pid = Path(os.environ["DAGC_TEST_ENGINE"]).with_name("pid")
    engine = int(pid.read_text(encoding="utf-8"))
    command = Path(f"/proc/{engine}/cmdline").read_bytes().decode().split("\0")[:-1]
    ended = os.pidfd_open(engine)
    os.kill(engine, signal.SIGKILL)
    select.select([ended], [], [], 60)
    os.close(ended)
    until, new = time.monotonic() + 180, None
    while (answer := answered(deployed)) != (200, 1):
        assert time.monotonic() < until, f"release 1 does not come back: {answer}"
        time.sleep(1)
        if new is None or new.poll() is not None:  # as systemd would, until the killed one's containerd is gone
            pid.unlink(missing_ok=True)
            new = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
    rows = json.loads(run("status", "rate", "--format", "json"))
    assert [row["state"] == "exited" for row in rows] == [True, False], "release 2 stays as it was"
    assert rows[1]["address"] == f"http://127.0.0.1:{deployed.port}"


def answered(service: Service) -> tuple[int, object]:
    """The status and the release, or what went wrong."""
    try:
        status, body = service.ask()
    except (OSError, HTTPException) as error:
        return 0, repr(error)
    return status, body.get("release")


def test_a_request_for_too_much_memory_fails_alone(deployed: Service) -> None:
    before = deployed.pid
    with Load(deployed.port, clients=2) as load:
        greedy = json.dumps({"values": [0.5] * 30, "eats_mib": 2048}).encode()
        assert [deployed.ask(greedy)[0] for _ in range(3)] == [500] * 3
        load.wait_for(20)
    assert not load.failed
    assert deployed.pid == before


def test_a_container_can_do_nothing_it_need_not(deployed: Service) -> None:
    status = dict(line.split(":\t", 1) for line in Path(f"/proc/{deployed.pid}/status").read_text().splitlines())
    assert set(status["Uid"].split() + status["Gid"].split()) == {"65532"}
    assert {status[name] for name in ("CapEff", "CapPrm", "CapBnd", "CapInh")} == {"0" * 16}
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    assert "Read-only file system" in deployed.run_inside("open('/srv/new', 'w')")
    assert "Permission denied" in deployed.run_inside(PROGRAM)


def test_a_service_reaches_nothing_and_nothing_but_its_door_reaches_it(deployed: Service) -> None:
    assert deployed.run_inside(INTERFACES).split() == ["lo"]
    with Load(deployed.port) as load:
        load.wait_for(100)
        sockets = [line.split() for line in deployed.run_inside(SOCKETS).splitlines()]
    loopback = "0100007F"
    assert {local.partition(":")[0] for _, local, _, _ in sockets} == {loopback}
    listening = {local for _, local, _, state in sockets if state == "0A"}
    assert listening == {f"{loopback}:1F40", f"{loopback}:1F41"}  # HTTP and gRPC
