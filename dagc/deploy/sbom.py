"""What is in an image, as a CycloneDX 1.6 document: Python packages, the base's system packages, and models.

It says nothing of when or where it was made, so equal images have equal documents.
"""

from collections.abc import Iterable
from hashlib import sha256
from urllib.parse import quote
from uuid import UUID

from pydantic import JsonValue

from dagc.artifacts.canonical import json_bytes
from dagc.artifacts.pinned import normalised
from dagc.deploy.base import Base
from dagc.deploy.built_tree import BuiltService

SBOM_NAME = "sbom.cdx.json"

Component = dict[str, JsonValue]


def sbom(service: BuiltService, base: Base, packages: Iterable[tuple[str, str, str]]) -> bytes:
    """The document's bytes; `packages` are name, version and licence of each Python package.

    The runtime in the service's folder is listed as the package it comes from.
    """
    subject: Component = {
        "type": "container",
        "bom-ref": "image",
        "name": service.name,
        "version": service.version,
        "hashes": [{"alg": "SHA-256", "content": service.tree.digest()}],
    }
    components = [
        _base(base),
        *(_python_package(*each) for each in sorted((*packages, ("dagc", service.dagc_version, "Apache-2.0")))),
        *_system_packages(base),
        *(_model(path, digest) for path, digest in sorted(service.models.items())),
    ]
    document: Component = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": subject},
        "components": list[JsonValue](components),
        "dependencies": [{"ref": "image", "dependsOn": [each["bom-ref"] for each in components]}],
    }
    number = UUID(bytes=sha256(json_bytes(document)).digest()[:16], version=5)
    return json_bytes({**document, "serialNumber": f"urn:uuid:{number}"})


def _base(base: Base) -> Component:
    system, version, _ = base.system
    return {
        "type": "operating-system",
        "bom-ref": "base",
        "name": system or "unknown",
        "version": version,
        "properties": [
            {"name": "dagc:base", "value": base.name},
            {"name": "dagc:base-image", "value": base.image.id},
        ],
    }


def _python_package(name: str, version: str, licence: str) -> Component:
    purl = f"pkg:pypi/{normalised(name)}@{quote(version)}"
    found: Component = {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}
    return {**found, "licenses": [{"expression": licence}]} if licence else found


def _system_packages(base: Base) -> Iterable[Component]:
    system, _, codename = base.system
    for package in base.packages:
        qualifiers = f"?arch={package.architecture}" + (f"&distro={codename}" if codename else "")
        purl = f"pkg:deb/{system or 'debian'}/{quote(package.name)}@{quote(package.version)}{qualifiers}"
        yield {
            "type": "library",
            "bom-ref": purl,
            "name": package.name,
            "version": package.version,
            "purl": purl,
        }


def _model(path: str, digest: str) -> Component:
    return {
        "type": "machine-learning-model",
        "bom-ref": f"model:{path}",
        "name": path,
        "hashes": [{"alg": "SHA-256", "content": digest}],
    }
