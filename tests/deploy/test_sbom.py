"""The list of what is in an image: complete, in the form others read, and the same for the same image."""

import json
from pathlib import Path

import pytest

from dagc.artifacts.compose import ComposeService, HealthCheck
from dagc.artifacts.tree import ArtifactTree
from dagc.deploy.base import Base, SystemPackage
from dagc.deploy.built_tree import BuiltService
from dagc.deploy.images import Image
from dagc.deploy.packages import platform
from dagc.deploy.sbom import sbom

PACKAGES = (("numpy", "2.4.6", "BSD-3-Clause"), ("Typing_Extensions", "4.16.0", ""))


def base(glibc: tuple[int, int] | None = (2, 36)) -> Base:
    return Base(
        name="python:3.12-slim",
        image=Image("sha256:" + "b" * 64, {}, (), 1),
        python=(3, 12, 1),
        machine="x86_64",
        glibc=glibc,
        system=("debian", "12", "bookworm"),
        packages=(SystemPackage("libstdc++6", "12.2.0-14+deb12u1", "amd64"),),
    )


@pytest.fixture
def service() -> BuiltService:
    runs = ComposeService(
        image="dagc/rate:1",
        user="1:1",
        read_only=True,
        cap_drop=(),
        security_opt=(),
        tmpfs=(),
        cpus=1,
        mem_limit="1m",
        memswap_limit="1m",
        pids_limit=1,
        environment={},
        healthcheck=HealthCheck(test=(), interval="1s", timeout="1s", start_period="1s", retries=1),
        stop_grace_period="1s",
        ports=(),
        networks=(),
    )
    settings = {"dagc_version": "0.1.0", "endpoints": [{"version": "1.2.0"}]}
    tree = ArtifactTree({"service.json": json.dumps(settings).encode()})
    return BuiltService("rate", Path(), tree, runs, networks={}, models={"models/a.onnx": "c" * 64})


def test_everything_in_the_image_is_listed_once(service: BuiltService) -> None:
    document = json.loads(sbom(service, base(), PACKAGES))
    listed = [component.get("purl", component["name"]) for component in document["components"]]
    assert listed == [
        "debian",
        "pkg:pypi/typing-extensions@4.16.0",
        "pkg:pypi/dagc@0.1.0",
        "pkg:pypi/numpy@2.4.6",
        "pkg:deb/debian/libstdc%2B%2B6@12.2.0-14%2Bdeb12u1?arch=amd64&distro=bookworm",
        "models/a.onnx",
    ]
    references = [component["bom-ref"] for component in document["components"]]
    assert len(set(references)) == len(references)
    assert document["dependencies"] == [{"ref": "image", "dependsOn": references}]
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    assert document["metadata"]["component"]["version"] == "1.2.0"


def test_equal_images_have_equal_lists_and_others_another_number(service: BuiltService) -> None:
    assert sbom(service, base(), PACKAGES) == sbom(service, base(), reversed(PACKAGES))
    numbers = {json.loads(sbom(service, base(), packages))["serialNumber"] for packages in (PACKAGES, ())}
    assert len(numbers) == 2


@pytest.mark.parametrize(
    ("glibc", "name"),
    [
        ((2, 36), "x86_64-manylinux_2_36"),
        ((2, 30), "x86_64-manylinux_2_28"),
        ((2, 17), "x86_64-manylinux_2_17"),
        ((2, 99), "x86_64-manylinux_2_40"),
        (None, "x86_64-unknown-linux-musl"),
    ],
)
def test_wheels_are_chosen_for_the_c_library_of_the_base(glibc: tuple[int, int] | None, name: str) -> None:
    assert platform(base(glibc)) == name
