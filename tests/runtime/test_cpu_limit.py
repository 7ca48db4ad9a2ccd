"""How many CPUs: told by a tree of control groups as kernels lay it out."""

import os

import pytest

from dagc.runtime.cpu_limit import cpu_limit

HAVE = len(os.sched_getaffinity(0))


@pytest.fixture
def machine(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(16)))

    def make(cgroup, **files):
        files = {"proc/self/cgroup": cgroup} | {path.replace("__", "/"): text for path, text in files.items()}
        for path, text in files.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)
        return tmp_path

    return make


@pytest.mark.parametrize(
    ("quota", "limit"),
    [("200000 100000", 2), ("150000 100000", 2), ("1000 100000", 1), ("max 100000", 16), ("", 16)],
)
def test_a_quota_of_version_2_rounded_up(machine, quota, limit):
    assert cpu_limit(machine("0::/\n", **{"sys/fs/cgroup/cpu.max": quota})) == limit


def test_the_least_quota_on_the_way_up_counts(machine):
    files = {"sys/fs/cgroup/pod/cpu.max": "300000 100000", "sys/fs/cgroup/pod/box/cpu.max": "max 100000"}
    assert cpu_limit(machine("0::/pod/box\n", **files)) == 3


def test_a_quota_of_version_1(machine):
    files = {
        "sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_quota_us": "400000\n",
        "sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_period_us": "100000\n",
        "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
        "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
    }
    assert cpu_limit(machine("3:cpu,cpuacct:/box\n0::/\n", **files)) == 4


def test_a_path_of_the_host_inside_a_container_falls_back_to_the_mount(machine):
    assert cpu_limit(machine("0::/../host/box\n", **{"sys/fs/cgroup/cpu.max": "100000 100000"})) == 1


def test_without_control_groups_the_affinity_counts(machine, tmp_path):
    assert cpu_limit(tmp_path) == 16


def test_this_machine_has_a_limit_of_its_affinity_or_less():
    assert 1 <= cpu_limit() <= HAVE
