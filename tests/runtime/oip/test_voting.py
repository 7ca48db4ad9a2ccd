"""Real models behind the protocol: a batch of 64 rows is answered as `/v1` answers each of them, from one run."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from dagc.artifacts.write import write
from dagc.compile import compile_file
from dagc.diagnostics import Report
from tests.running import ROOT
from tests.runtime.oip.conftest import CLIENTS, Running, inputs, metric, running

pytestmark = [pytest.mark.port, pytest.mark.ort]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    out: Path = tmp_path_factory.mktemp("voting")
    write(compile_file(ROOT / "graphs" / "voting" / "graph.py", Report(), lambda _words: None).tree, out / "build")
    with running(out / "build" / "services" / "graph", "--workers", "1") as found:
        yield found


@pytest.mark.parametrize("kind", ["rest", "grpc"])
@pytest.mark.parametrize(("model", "size"), [("averaged", 10), ("stacked", 10), ("majority", 13)])
def test_64_rows_are_answered_as_each_alone(service: Running, kind: str, model: str, size: int) -> None:
    module = CLIENTS[kind]
    client = module.InferenceServerClient(service.address(kind))
    rows = np.random.default_rng(7).normal(size=(64, size)).astype(np.float32)
    with httpx.Client(base_url=f"http://{service.http}") as own:
        before = metric(own, "dagc_batch_size_count")
        found = client.infer(model, inputs(module, row=rows)).as_numpy("output")
        runs = metric(own, "dagc_batch_size_count") - before
        wanted = [own.post(f"/v1/{model}", json={"row": row.tolist()}).json() for row in rows]
    client.close()
    np.testing.assert_allclose(found, np.array(wanted, found.dtype), rtol=1e-5)
    assert found.shape == ((64, 1) if model != "majority" else (64,))
    assert runs <= 5, "the rows shared runs"
