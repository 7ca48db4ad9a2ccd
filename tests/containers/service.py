"""A deployed service under test: asked, looked into, and put under a load of real requests."""

import http.client
import json
import subprocess
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import tritonclient.grpc
import tritonclient.utils

from dagc.deploy.engine import Engine
from dagc.deploy.releases import Deployment, deployment
from tests.running import DAGC

ROUTE = "/v1/rate"
BODY = json.dumps({"values": [0.5] * 30}).encode()
SCORED = 7.5


def run(*words: object) -> str:
    """What `dagc words...` printed; it must end well."""
    done = _dagc(*words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def refused(*words: object) -> str:
    """What `dagc words...` said when it ended with a diagnostic."""
    done = _dagc(*words)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stderr


def _dagc(*words: object) -> subprocess.CompletedProcess[str]:
    # Installing packages and building an image takes 20 s; the limit is for a busy machine.
    return subprocess.run([*DAGC, *map(str, words)], capture_output=True, text=True, timeout=300, check=False)


@dataclass(frozen=True)
class Service:
    """A deployment under test."""

    engine: Engine
    port: int
    name: str = "rate"
    route: str = ROUTE

    @property
    def now(self) -> Deployment:
        return deployment(self.engine, self.name)

    @property
    def container(self) -> str:
        """The name of the container that serves."""
        current = self.now.current
        assert current is not None
        return current.front.name

    @property
    def pid(self) -> int:
        """The process of that container, as the host counts."""
        return int(self.engine.client.inspect_container(self.container)["State"]["Pid"])

    def ask(self, body: bytes = BODY, timeout_s: float = 30) -> tuple[int, dict[str, object]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout_s)
        connection.request("POST", self.route, body, {"content-type": "application/json"})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())

    def run_inside(self, code: str) -> str:
        """What Python code printed inside the serving container."""
        made = self.engine.client.exec_create(self.container, ["python3", "-I", "-c", code])
        return bytes(self.engine.client.exec_start(made["Id"])).decode()


@dataclass
class Load:
    """Clients that ask one after the other over kept connections; what came back, and what did not."""

    port: int
    clients: int = 8
    route: str = ROUTE
    seen: Counter[object] = field(default_factory=Counter)
    _enough: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> "Load":
        self._threads = [threading.Thread(target=self._ask) for _ in range(self.clients)]
        for thread in self._threads:
            thread.start()
        self.wait_for(4 * self.clients)
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        for thread in self._threads:
            thread.join()

    def wait_for(self, more: int) -> None:
        """Returns after so many more answers."""
        until, wanted = time.monotonic() + 60, self.seen.total() + more
        while self.seen.total() < wanted:
            assert time.monotonic() < until, f"no answers any more: {self.seen}"
            time.sleep(0.01)

    def wait_for_good(self, more: int) -> None:
        """Returns after so many more answers of a release."""
        until, wanted = time.monotonic() + 60, self._good + more
        while self._good < wanted:
            assert time.monotonic() < until, f"no good answers any more: {self.seen}"
            time.sleep(0.01)

    @property
    def _good(self) -> int:
        return sum(count for what, count in self.seen.items() if isinstance(what, int))

    @property
    def failed(self) -> Counter[object]:
        """Everything but answers of a release."""
        return Counter({what: count for what, count in self.seen.items() if not isinstance(what, int)})

    def _ask(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        while not self._enough.is_set():
            try:
                connection.request("POST", self.route, BODY, {"content-type": "application/json"})
                answer = connection.getresponse()
                found = json.loads(answer.read())
                assert answer.status != 200 or found["score"] == SCORED
                self.seen[found["release"] if answer.status == 200 else f"status {answer.status}"] += 1
            except OSError as error:
                self.seen[repr(error)] += 1
                connection.close()
            except http.client.HTTPException as error:
                self.seen[repr(error)] += 1
                connection.close()


class GrpcLoad(Load):
    """The same over gRPC, with the clients of Triton."""

    def _ask(self) -> None:
        given = [tensor("values", np.full((1, 30), 0.5, np.float32)), tensor("eats_mib", np.array([[0]]))]
        with tritonclient.grpc.InferenceServerClient(f"127.0.0.1:{self.port}") as client:
            while not self._enough.is_set():
                try:
                    found = client.infer("rate", given, client_timeout=60)
                except tritonclient.utils.InferenceServerException as error:
                    self.seen[str(error)] += 1
                else:
                    self.seen[int(found.as_numpy("release").item())] += 1


def tensor(name: str, array: np.ndarray) -> tritonclient.grpc.InferInput:
    """An input of a call."""
    kind = tritonclient.utils.np_to_triton_dtype(array.dtype)
    made = tritonclient.grpc.InferInput(name, list(array.shape), kind)
    made.set_data_from_numpy(array)
    return made


def killed_deploy(*words: object) -> subprocess.Popen[str]:
    """`dagc words...`, begun, to be killed by the test."""
    return subprocess.Popen([*DAGC, *map(str, words)], text=True, stderr=subprocess.PIPE)
