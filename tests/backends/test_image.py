"""The files an image is made of: what a reviewer reads, and what no user's text can change."""

import re

import pytest
import yaml

from dagc.artifacts.compose import Compose, read_compose
from dagc.artifacts.image_name import IMAGE_NAME, image_name, platform_name, repository, slug
from dagc.artifacts.lock import Lock, make_lock
from dagc.artifacts.system_package import system_package
from dagc.artifacts.tree import ArtifactTree
from dagc.backends.image import with_image
from dagc.backends.service import render_service
from dagc.diagnostics import CompileError

DIGEST = "sha256:" + "a" * 64
LOCK = make_lock({}, (), dagc_version="0.1.0").model_copy(update={"base": f"python:3.12-slim@{DIGEST}"})


@pytest.fixture
def files(plan, models, sources):
    return render_service(plan, models, sources, lock=LOCK).files


def test_the_dockerfile_is_the_one_a_reviewer_saw(files, golden):
    text = files["services/graph/Dockerfile"].decode()
    golden("Dockerfile.txt", re.sub(r"sha256:(?!a{64})[0-9a-f]{64}", "sha256:...", text))


def test_compose_yaml_is_the_one_a_reviewer_saw(files, golden):
    golden("compose.yaml", re.sub(r"(dagc/graph):[0-9a-f]{12}", r"\1:...", files["compose.yaml"].decode()))


def test_nothing_runs_as_root_or_in_a_shell_and_only_bytecode_is_made(files):
    lines = files["services/graph/Dockerfile"].decode().splitlines()
    assert [line for line in lines if line.startswith("USER")] == ["USER 65532:65532"]
    assert all(
        re.match(r'RUN \["python3", "-(m", "compileall|I", "image_packages.py)", ', line)
        for line in lines
        if line.startswith("RUN")
    )
    assert all(line.split(" ", 1)[1].startswith("[") for line in lines if line.startswith(("ENTRYPOINT", "CMD")))


def test_what_changes_often_is_copied_last(files):
    last = files["services/graph/Dockerfile"].decode().rpartition("\nFROM ")[2]
    copied = re.findall(r"^COPY (?:--from=packages /srv/packages )?(\S+)", last, re.MULTILINE)
    assert copied[:4] == ["packages/", "dagc/", "dagc_runtime/", "models/"]
    assert copied[-1] == "graph.py"


def test_compose_yaml_is_data_that_reads_back(files, tmp_path):
    (tmp_path / "compose.yaml").write_bytes(files["compose.yaml"])
    read = read_compose(tmp_path / "compose.yaml")
    assert read.content() == files["compose.yaml"]
    assert read == Compose.model_validate(yaml.safe_load(files["compose.yaml"]))


def test_every_container_is_hardened_limited_and_open_to_this_machine_only(files, tmp_path):
    (tmp_path / "compose.yaml").write_bytes(files["compose.yaml"])
    for service in read_compose(tmp_path / "compose.yaml").services.values():
        assert service.user == "65532:65532" and service.read_only and service.cap_drop == ("ALL",)
        assert service.security_opt == ("no-new-privileges:true",)
        assert service.memswap_limit == service.mem_limit and service.cpus > 0 and service.pids_limit > 0
        assert {port.host_ip for port in service.ports} == {"127.0.0.1"}


def test_a_network_has_a_way_out_only_where_a_step_waits_for_the_world(files, plan):
    waits = any(endpoint.waits for endpoint in plan.services[0].endpoints)
    network = yaml.safe_load(files["compose.yaml"])["networks"]["graph"]
    assert ("driver_opts" not in network) is waits


@pytest.mark.parametrize("name", ["größe.py", "a b.py", "$HOME.py", "x*.py", "-x.py", "models [1]/m.onnx"])
def test_a_name_a_dockerfile_would_read_otherwise_is_refused(plan, name):
    tree = ArtifactTree({"main.py": b"", name: b""})
    with pytest.raises(CompileError) as refused:
        with_image(plan.services[0], tree, None, "0.1.0")
    assert [d.code for d in refused.value.report.errors] == ["E0605"]


@pytest.mark.parametrize(
    "name",
    [
        "python:3.12-slim", f"python:3.12-slim@{DIGEST}", "127.0.0.1:5000/team/base",
        "registry.example/a__b/c-d.e", "x", f"x@{DIGEST}",
    ],
)  # fmt: skip
def test_an_image_name_is_taken_as_it_is(name):
    assert image_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "", "Python", "python:", "python 3", "a/../b", "a//b", "/a", "a\nRUN id", "a@sha256:12", "a:b:c", "${X}",
        "a" * 300,
    ],
)  # fmt: skip
def test_what_is_no_image_name_is_refused(name):
    with pytest.raises(CompileError, match="E0603"):
        image_name(name)


def test_a_repository_has_no_tag():
    assert repository("127.0.0.1:5000/team") == "127.0.0.1:5000/team"
    with pytest.raises(CompileError, match="E0603"):
        repository("127.0.0.1:5000/team:1")


@pytest.mark.parametrize("text", ["linux/amd64", "linux/arm64", "linux/arm64/v8"])
def test_a_platform_is_taken_as_it_is(text):
    assert platform_name(text) == text


@pytest.mark.parametrize("text", ["", "amd64", "linux", "linux/AMD", "linux/arm64 --privileged", "windows/amd64"])
def test_what_is_no_platform_is_refused(text):
    with pytest.raises(CompileError, match="E0603"):
        platform_name(text)


@pytest.mark.parametrize("text", ["libgl1", "libstdc++6", "libgl1=1.6.0-1", "libc6=2.36-9+deb12u10~x"])
def test_a_system_package_stands_in_the_lock(text):
    locked = LOCK.model_copy(update={"system": (system_package(text),)})
    assert Lock.model_validate_json(locked.content()) == locked
    assert b"system" not in LOCK.content()


@pytest.mark.parametrize("text", ["", "a", "libGL", "libgl1; id", "libgl1=", "-y", "a b", "$(id)"])
def test_what_is_no_system_package_is_refused(text):
    with pytest.raises(CompileError, match="E0603"):
        system_package(text)


@pytest.mark.parametrize("name", ["fraud", "Fraud", "größe", "a_b", "__", "x" * 200])
def test_a_slug_goes_into_any_name(name):
    assert IMAGE_NAME.fullmatch(f"dagc/{slug(name)}:1")


def test_different_services_have_different_slugs():
    names = ["fraud", "Fraud", "FRAUD", "fraud_", "fräud", "a_b", "a-b", "x" * 41, "x" * 42]
    assert len({slug(name) for name in names}) == len(names)
