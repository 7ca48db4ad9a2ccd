"""What a service is told in compose.yaml: where the services it calls are, and its settings by reference.

A value a user wrote is never pasted between `${` and `}`: only text without a meaning of its own is.
"""

import re

from dagc.artifacts.compose import PORT, address_variable
from dagc.artifacts.image_name import slug
from dagc.plan.outside import Setting
from dagc.plan.service_plan import Service, ServicePlan

_PLAIN = re.compile(r"[A-Za-z0-9 _.,:/@+=-]*")
_LONGEST_HOST = 63
_NONE = "/dev/null"
"""Read as a setting that is not given."""
_TELEMETRY = (
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_RESOURCE_ATTRIBUTES",
    "OTEL_TRACES_SAMPLER",
    "OTEL_TRACES_SAMPLER_ARG",
)
"""Taken over from whoever starts the service, where they are set. OTEL_EXPORTER_OTLP_HEADERS may hold a secret."""


def compose_environment(service: Service, plan: ServicePlan) -> dict[str, str | None]:
    """Addresses of the services it calls, and its settings that are no secrets; `None`: as the machine has it."""
    callees = [callee for callee in plan.services if callee.name in service.calls]
    addresses = {address_variable(slug(callee.name)): _addresses(callee, plan) for callee in callees}
    told = {setting.name: _reference(setting) for setting in service.settings if not setting.secret}
    return {**addresses, **told, **dict.fromkeys(_TELEMETRY)}


def secret_file(setting: Setting) -> str:
    """The file of a secret: that which NAME_FILE names. Compose says so when one that is needed is not named."""
    if setting.default is not None:
        return f"${{{setting.name}_FILE:-{_NONE}}}"
    return f"${{{setting.name}_FILE:?names no file with this secret{_meaning(setting)}}}"


def _addresses(callee: Service, plan: ServicePlan) -> str:
    """Its name, or that of each of its containers: connections are kept, and one name would lead to one."""
    name, replicas = slug(callee.name), callee.capacity.replicas[0] if callee.capacity else 1
    longest = f"{slug(plan.name)}-{name}-{replicas}"
    if replicas == 1 or len(longest) > _LONGEST_HOST:
        return f"http://{name}:{PORT}"
    containers = (f"${{COMPOSE_PROJECT_NAME}}-{name}-{number}" for number in range(1, replicas + 1))
    return ",".join(f"http://{container}:{PORT}" for container in containers)


def _reference(setting: Setting) -> str | None:
    if setting.default is None:
        return f"${{{setting.name}:?is needed{_meaning(setting)}}}"
    return f"${{{setting.name}:-{setting.default}}}" if _PLAIN.fullmatch(setting.default) else None


def _meaning(setting: Setting) -> str:
    return f", {setting.meaning}" if _PLAIN.fullmatch(setting.meaning) else ""
