"""compose.yaml of a build: every service hardened, limited, checked, and reached only along the graph's edges.

One internal network an edge, whose members are its two ends. Only the first service publishes a port, on this
machine alone, and only a service that asks the world for something has a network with a way out.
"""

from collections.abc import Mapping
from math import ceil

from dagc.artifacts.compose import (
    GRPC_PORT,
    MASQUERADE,
    MODELS_FOLDER,
    MODELS_VARIABLE,
    NO_ADDRESS,
    PORT,
    Compose,
    ComposeService,
    DependsOn,
    Deploy,
    Devices,
    HealthCheck,
    Network,
    Published,
    Reservations,
    Resources,
    Secret,
    Volume,
)
from dagc.artifacts.image_name import slug
from dagc.backends.compose_settings import compose_environment, secret_file
from dagc.backends.size import Size, size
from dagc.plan.nesting import every_call
from dagc.plan.outside import Capacity
from dagc.plan.service_plan import Endpoint, Part, Service, ServicePlan

USER = "65532:65532"
"""Nobody in particular; the number distroless images use."""

HEALTH_CHECK = HealthCheck(
    test=("CMD", "python3", "-I", "-S", "dagc_runtime/probe.py"),
    interval="5s",
    timeout="3s",
    start_period="60s",
    retries=3,
)
_DRAIN_S = 1
"""There is no load balancer that has to notice."""
_SPARE_S = 3
_MODELS = "models"
"""The volume that stands in for a folder of the machine nobody named: empty, so the built models serve."""


def compose(plan: ServicePlan, models: Mapping[str, bytes], digests: Mapping[str, str]) -> Compose:
    """The compose file; `models` by SHA-256, `digests` of each service's folder by its name."""
    inside = {service.name: _inside(service, plan) for service in plan.services}
    return Compose(
        name=slug(plan.name),
        services={
            slug(service.name): _service(
                service,
                size(service, models),
                image_of(service, digests[service.name]),
                plan=plan,
                networks=tuple(inside[service.name]),
            )
            for service in plan.services
        },
        networks={name: network for networks in inside.values() for name, network in networks.items()},
        secrets={
            setting.name: Secret(file=secret_file(setting))
            for service in plan.services
            for setting in service.settings
            if setting.secret
        },
        volumes={_MODELS: Volume()} if any(map(_follows_models, plan.services)) else {},
    )


def image_of(service: Service, digest: str) -> str:
    """The name `dagc image` gives to the image of a service folder with this digest."""
    return f"dagc/{slug(service.name)}:{digest[:12]}"


def edge(caller: str, callee: str) -> str:
    """The name of the network between two services; no slug has an underscore."""
    return f"{slug(caller)}_to_{slug(callee)}"


def asks_the_world(service: Service) -> bool:
    """True when a step waits for what is no service of the plan, or the user's own application stands in front.

    A step in a process of its own is waited for because it computes.
    """
    served: tuple[Endpoint | Part, ...] = (*service.endpoints, *service.parts)
    waits = any(call.waits and call.run != "process" for one in served for call in every_call(one.stages))
    return waits or service.ingress is not None


def _service(
    service: Service, needed: Size, image: str, *, plan: ServicePlan, networks: tuple[str, ...]
) -> ComposeService:
    is_front = service is plan.services[0]
    served: tuple[Endpoint | Part, ...] = (*service.endpoints, *service.parts)
    deadline_s = max((one.limits.deadline_s for one in served), default=0.0)
    memory = f"{needed.memory_mib}m"
    ports = [PORT, *([GRPC_PORT] if service.grpc else [])] if is_front else []
    told = {"DAGC_DRAIN_S": str(_DRAIN_S)}
    told |= {"DAGC_GRPC_PORT": str(GRPC_PORT)} if is_front and service.grpc else {}
    follows = _follows_models(service)
    told |= {"DAGC_GPU": "1"} if service.capacity is not None and service.capacity.gpu else {}
    return ComposeService(
        image=image,
        user=USER,
        read_only=True,
        cap_drop=("ALL",),
        security_opt=("no-new-privileges:true",),
        tmpfs=("/tmp:rw,noexec,nosuid,nodev,size=16m,mode=1777",),
        cpus=needed.cpus,
        mem_limit=memory,
        memswap_limit=memory,
        pids_limit=needed.pids,
        environment={
            **told,
            **compose_environment(service, plan),
            **({MODELS_VARIABLE: MODELS_FOLDER} if follows else {}),
        },
        secrets=tuple(setting.name for setting in service.settings if setting.secret),
        depends_on={slug(callee): DependsOn() for callee in service.calls},
        healthcheck=HEALTH_CHECK,
        stop_grace_period=f"{_DRAIN_S + ceil(deadline_s) + 1 + _SPARE_S}s",
        deploy=_deploy(service.capacity or Capacity(), is_front=is_front),
        ports=tuple(Published(target=port, published=str(port), host_ip="127.0.0.1") for port in ports),
        networks=networks,
        volumes=(f"${{{MODELS_VARIABLE}:-{_MODELS}}}:{MODELS_FOLDER}:ro",) if follows else (),
    )


def _follows_models(service: Service) -> bool:
    return any(session.reload is not None for session in service.sessions)


def _deploy(capacity: Capacity, *, is_front: bool) -> Deploy | None:
    """The front stands once: its port is published once, and on one machine more workers do what replicas do."""
    replicas = 1 if is_front else capacity.replicas[0]
    gpus = Resources(reservations=Reservations(devices=(Devices(count=capacity.gpu),))) if capacity.gpu else None
    return Deploy(replicas=replicas, resources=gpus) if replicas > 1 or gpus else None


def _inside(service: Service, plan: ServicePlan) -> dict[str, Network]:
    """The networks a service is in: one with each it calls, or is called by, and its own where it needs one."""
    own: dict[str, Network] = {}
    if asks_the_world(service):
        own[slug(service.name)] = Network()
    elif service is plan.services[0]:
        own[slug(service.name)] = Network(driver_opts={MASQUERADE: "false"})
    calls = [edge(service.name, callee) for callee in service.calls]
    called = [edge(caller.name, service.name) for caller in plan.services if service.name in caller.calls]
    apart = Network(internal=True, driver_opts={NO_ADDRESS: "true"})
    return own | dict.fromkeys((*calls, *called), apart)
