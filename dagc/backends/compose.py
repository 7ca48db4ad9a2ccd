"""compose.yaml of a build: every service hardened, limited, checked, and open to this machine only."""

from collections.abc import Mapping
from math import ceil

from dagc.artifacts.compose import PORT, Compose, ComposeService, HealthCheck, Network, Published
from dagc.artifacts.image_name import slug
from dagc.backends.size import size
from dagc.plan.service_plan import Service, ServicePlan

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
_FIRST_PUBLISHED = 8000


def compose(plan: ServicePlan, models: Mapping[str, bytes], digests: Mapping[str, str]) -> Compose:
    """The compose file; `models` by SHA-256, `digests` of each service's folder by its name."""
    services = {
        slug(service.name): _service(service, models, digests[service.name], _FIRST_PUBLISHED + number)
        for number, service in enumerate(plan.services)
    }
    networks = {slug(service.name): _network(service) for service in plan.services}
    return Compose(name=slug(plan.name), services=services, networks=networks)


def image_of(service: Service, digest: str) -> str:
    """The name `dagc image` gives to the image of a service folder with this digest."""
    return f"dagc/{slug(service.name)}:{digest[:12]}"


def _service(service: Service, models: Mapping[str, bytes], digest: str, published: int) -> ComposeService:
    needed = size(models[session.sha256] for session in service.sessions)
    deadline_s = max((endpoint.limits.deadline_s for endpoint in service.endpoints), default=0.0)
    memory = f"{needed.memory_mib}m"
    return ComposeService(
        image=image_of(service, digest),
        user=USER,
        read_only=True,
        cap_drop=("ALL",),
        security_opt=("no-new-privileges:true",),
        tmpfs=("/tmp:rw,noexec,nosuid,nodev,size=16m,mode=1777",),
        cpus=needed.cpus,
        mem_limit=memory,
        memswap_limit=memory,
        pids_limit=needed.pids,
        environment={"DAGC_DRAIN_S": str(_DRAIN_S)},
        healthcheck=HEALTH_CHECK,
        stop_grace_period=f"{_DRAIN_S + ceil(deadline_s) + 1 + _SPARE_S}s",
        ports=(Published(target=PORT, published=str(published), host_ip="127.0.0.1"),),
        networks=(slug(service.name),),
    )


def _network(service: Service) -> Network:
    """A network with a way out only for a service whose steps wait for the world."""
    if any(endpoint.waits for endpoint in service.endpoints):
        return Network()
    return Network(driver_opts={"com.docker.network.bridge.enable_ip_masquerade": "false"})
