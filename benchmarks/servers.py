"""Every server of the benchmark as data: how it is started, what it answers on, and why it is shown that way.

A peer appears as its documentation has it and, where that is something else, at its best. `{port}` and the like
in a command are filled in when it starts.
"""

import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.catalogue import CATALOGUE, CONSTANT, UNFUSED, WORKLOADS
from benchmarks.environments import HERE

PEERS = HERE / "peers"
DAGC = "dagc"
DAGC_UNFUSED = "dagc-unfused"
TRAINED = ("w1", "w2", "w3")
"""What every peer is written for."""


@dataclass(frozen=True, slots=True)
class Server:
    """One way to serve a workload.

    Attributes:
        name: in tables and on the command line.
        peer: the family it belongs to: its folder in `peers/` and its environment.
        title: what it is, for the table.
        command: `{python}`, `{programs}`, `{port}`, `{port_2}`, `{port_3}` and `{workers}` are filled in.
        path: of the endpoint; `{workload}` is filled in.
        settings: environment variables, filled in like the command.
        best: the peer at its best (not only as documented); these stand in the open-loop test.
        batched: a peer whose requests share runs of the model.
        workloads: what it is written for.
        principal: not only of interest beside the others: also in a short run, on every workload.
    """

    name: str
    peer: str
    title: str
    command: tuple[str, ...]
    path: str = "/predict"
    settings: Mapping[str, str] = field(default_factory=dict)
    best: bool = False
    batched: bool = False
    stop_signal: int = signal.SIGTERM
    workloads: tuple[str, ...] = TRAINED
    principal: bool = False

    def app(self, workload: str) -> str:
        """The module of a peer's application: one for the workloads that are alike, one for each other."""
        return "app" if workload in TRAINED else CATALOGUE[workload].graph

    def folder(self, workload: str) -> Path:
        """Where its files are."""
        if self.peer == DAGC:
            form = UNFUSED if self.name == DAGC_UNFUSED else ""
            return CATALOGUE[CONSTANT if self.name == CONSTANT else workload].service(form)
        return PEERS / self.peer

    def requirements(self, workload: str) -> Path:
        """What is installed for it; the constant answer runs on the front of the workload's own service."""
        if self.peer == DAGC:
            return CATALOGUE[workload].service() / "requirements.txt"
        return PEERS / self.peer / "requirements.txt"


UVICORN = (
    "{python}", "-m", "uvicorn", "{app}:app", "--host", "127.0.0.1", "--port", "{port}", "--workers", "{workers}",
    "--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning",
)  # fmt: skip
MOSEC = ("{python}", "{app}.py", "--address", "127.0.0.1", "--port", "{port}", "--log-level", "warning")
MOSEC_BATCHES = {"BENCH_BATCH": "32", "BENCH_WAIT_MS": "1"}
RAY = ("{python}", "app.py")
RAY_QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DISABLE_IMPORT_WARNING": "1", "RAY_worker_niceness": "0"}
RAY_OPTIMISED = {"RAY_SERVE_THROUGHPUT_OPTIMIZED": "1", "RAY_SERVE_ENABLE_HA_PROXY": "1", **RAY_QUIET}
BENTOML = ("{programs}/bentoml", "serve", "app:Service", "--host", "127.0.0.1", "--port", "{port}")
BENTOML_QUIET = {"BENTOML_DO_NOT_TRACK": "True"}
MLSERVER = {
    "MLSERVER_HOST": "127.0.0.1",
    "MLSERVER_HTTP_PORT": "{port}",
    "MLSERVER_GRPC_PORT": "{port_2}",
    "MLSERVER_METRICS_PORT": "{port_3}",
    "MLSERVER_DEBUG": "0",
    "MLSERVER_PARALLEL_WORKERS": "0",
}
MERGED = {"BENCH_FORM": "merged"}
GRAPH = {"BENCH_SHAPE": "graph"}
SINGLE = {"BENCH_SHAPE": "single", **MERGED}

OWN = ("{python}", "main.py", "--host", "127.0.0.1", "--port", "{port}")
OWN_SETTINGS = {
    "DAGC_WORKERS": "{workers}",
    "FEATURES_DB": str(HERE / "workloads" / "models" / "features.db"),
}

SERVERS = (
    Server(
        DAGC, DAGC, "dagc, the generated service", OWN, "/v1/{graph}", OWN_SETTINGS, best=True,
        workloads=WORKLOADS, principal=True,
    ),
    Server(
        DAGC_UNFUSED, DAGC, "the same with no two models fused", OWN, "/v1/{graph}", OWN_SETTINGS,
        workloads=WORKLOADS, principal=True,
    ),
    Server(
        CONSTANT, DAGC, "limit: a constant answer on dagc's front", OWN, "/v1/constant", OWN_SETTINGS,
        workloads=(*TRAINED, "s1", "s2"), principal=True,
    ),
    Server("fastapi-apart", "fastapi", "FastAPI by hand, models apart", UVICORN),
    Server(
        "fastapi-merged", "fastapi", "FastAPI by hand, one merged model", UVICORN, settings=MERGED, best=True,
        workloads=(*TRAINED, "s1", "s2"), principal=True,
    ),
    Server("mosec", "mosec", "mosec, models apart", MOSEC, "/inference"),
    Server(
        "mosec-batched", "mosec", "mosec, models apart, batches (as documented)", MOSEC, "/inference",
        MOSEC_BATCHES, batched=True,
    ),
    Server(
        "mosec-tuned", "mosec", "mosec, one merged model, batches, msgspec", MOSEC, "/inference",
        {**MOSEC_BATCHES, "BENCH_CODEC": "msgspec", **MERGED}, best=True, batched=True,
        workloads=(*TRAINED, "s1"), principal=True,
    ),
    Server(
        "ray-graph", "ray", "Ray Serve, models as deployments (as documented)", RAY,
        settings={**RAY_QUIET, **GRAPH}, stop_signal=signal.SIGINT,
    ),
    Server(
        "ray-graph-optimised", "ray", "Ray Serve, models as deployments, optimised + HAProxy", RAY,
        settings={**RAY_OPTIMISED, **GRAPH}, stop_signal=signal.SIGINT,
    ),
    Server(
        "ray-single-optimised", "ray", "Ray Serve, one deployment, one merged model, optimised", RAY,
        settings={**RAY_OPTIMISED, **SINGLE}, best=True, stop_signal=signal.SIGINT,
    ),
    Server(
        "bentoml-graph", "bentoml", "BentoML, services as a graph (as documented)", BENTOML,
        settings={**BENTOML_QUIET, **GRAPH},
    ),
    Server(
        "bentoml-single", "bentoml", "BentoML, one service, one merged model", BENTOML,
        settings={**BENTOML_QUIET, **SINGLE}, best=True,
    ),
    Server(
        "litserve", "litserve", "LitServe, one merged model", ("{python}", "app.py"), settings=MERGED, best=True,
    ),
    Server(
        "mlserver", "mlserver", "MLServer, one merged model", ("{programs}/mlserver", "start", "."),
        settings={**MLSERVER, **MERGED}, best=True,
    ),
)  # fmt: skip

PEER_NAMES = tuple(dict.fromkeys(server.peer for server in SERVERS if server.peer != DAGC))


def selected(peers: tuple[str, ...]) -> tuple[Server, ...]:
    """Our own service and limit, and the servers of these peers."""
    return tuple(server for server in SERVERS if server.peer in {DAGC, *peers})


def takes_part(server: Server, workload: str, *, short: bool) -> bool:
    """Whether a server is measured at a workload; a short run asks those that are not principal at W2 only."""
    return workload in server.workloads and (not short or server.principal or workload == "w2")
