"""The unchanged clients of Triton, over HTTP and gRPC: what they ask is answered as `/v1` would."""

import asyncio
import json
import threading

import httpx
import numpy as np
import pytest
import tritonclient.grpc.aio
import tritonclient.http.aio
from tritonclient.utils import InferenceServerException

from tests.runtime.oip.conftest import Asking, Running, inputs, metric, stones

pytestmark = pytest.mark.port

ROW = np.array([[1, 2, 3]], np.float32)


def test_the_server_and_its_models_are_live_and_ready(ask: Asking) -> None:
    client = ask.client
    assert client.is_server_live() and client.is_server_ready()
    assert client.is_model_ready("quote") and client.is_model_ready("quote", "1.2.0")
    assert not client.is_model_ready("quote", "2") and not client.is_model_ready("nobody")
    assert not client.is_model_ready("name"), "its result is no tensor"


def test_metadata_say_what_the_graphs_signature_says(ask: Asking) -> None:
    as_json = {"as_json": True} if ask.kind == "grpc" else {}
    server = ask.client.get_server_metadata(**as_json)
    assert server == {"name": "graph", "version": "1.2.0", "extensions": ["binary_tensor_data"]}
    model = ask.client.get_model_metadata("quote", "1.2.0", **as_json)
    assert (model["name"], model["versions"], model["platform"]) == ("quote", ["1.2.0"], "dagc")

    def told(tensors: list[dict]) -> dict[str, tuple[str, list[int]]]:
        return {each["name"]: (each["datatype"], list(map(int, each["shape"]))) for each in tensors}

    assert told(model["inputs"]) == {
        "stone.carat": ("FP64", [-1, 1]),
        "stone.cut": ("BYTES", [-1, 1]),
        "stone.number of facets": ("INT64", [-1, 1]),
        "stone.polished": ("BOOL", [-1, 1]),
        "row": ("FP32", [-1, 3]),
    }
    assert told(model["outputs"]) == {
        "text": ("BYTES", [-1, 1]),
        "price": ("FP64", [-1, 1]),
        "facets": ("INT64", [-1, 1]),
        "good": ("BOOL", [-1, 1]),
        "cut": ("BYTES", [-1, 1]),
        "row": ("FP32", [-1, 3]),
    }
    assert told(ask.client.get_model_metadata("double", **as_json)["inputs"]) == {"counts": ("INT64", [-1, -1])}
    assert told(ask.client.get_model_metadata("total", **as_json)["outputs"]) == {"output": ("FP32", [-1])}


def test_the_index_has_every_model_and_none_can_be_changed(ask: Asking) -> None:
    index = ask.client.get_model_repository_index()
    named = [each["name"] for each in index] if ask.kind == "rest" else [each.name for each in index.models]
    assert named == ["quote", "total", "turn", "double", "weigh", "invert", "wait"]
    for change in (ask.client.load_model, ask.client.unload_model):
        with pytest.raises(InferenceServerException) as refused:
            change("quote")
        assert refused.value.status() in ("403", "StatusCode.UNIMPLEMENTED")


@pytest.mark.parametrize("count", [1, 7, 64])
def test_a_batch_is_answered_as_its_rows_are_alone(ask: Asking, own: httpx.Client, count: int) -> None:
    given = stones(count)
    answer = ask.client.infer("quote", ask.inputs(given), request_id="mine", model_version="1.2.0")
    for number in range(count):
        stone = {
            "carat": given["stone.carat"][number, 0],
            "cut": given["stone.cut"][number, 0],
            "number of facets": int(given["stone.number of facets"][number, 0]),
        }
        body = {"stone": stone, "row": given["row"][number].tolist()}
        wanted = own.post("/v1/quote", json=body).json()
        found = {name: answer.as_numpy(name)[number] for name in wanted}
        assert found["row"].tolist() == np.array(wanted.pop("row"), np.float32).tolist()
        assert {name: _plain(found[name]) for name in wanted} == wanted
    response = answer.get_response()
    assert (response["id"] if ask.kind == "rest" else response.id) == "mine"


def _plain(value: np.ndarray) -> object:
    (found,) = value.tolist()
    return found.decode() if isinstance(found, bytes) else found


def test_an_input_with_a_default_may_be_left_out_or_given(ask: Asking) -> None:
    given = ask.inputs(stones(2) | {"stone.polished": np.array([[False], [True]])})
    texts = ask.client.infer("quote", given).as_numpy("text").ravel().tolist()
    assert [text.decode() for text in texts] == ["Fair, unpolished, größer", "Good, polished, größer"]


def test_every_datatype_comes_back_as_it_went(ask: Asking) -> None:
    rng = np.random.default_rng(0)
    half = rng.normal(size=(5, 2)).astype(np.float16)
    pixels = rng.integers(0, 256, (5, 2, 2)).astype(np.uint8)
    flags = rng.integers(0, 2, (5, 2)).astype(bool)
    words = np.array([[f"wörd{n}", ""] for n in range(5)], object)
    answer = ask.client.infer("turn", ask.inputs(half=half, pixels=pixels, flags=flags, words=words))
    assert (answer.as_numpy("output_0") == -half).all() and answer.as_numpy("output_0").dtype == np.float16
    assert (answer.as_numpy("output_1") == 255 - pixels).all() and answer.as_numpy("output_1").dtype == np.uint8
    assert (answer.as_numpy("output_2") == ~flags).all() and answer.as_numpy("output_2").dtype == bool
    assert [word.decode()[::-1] for word in answer.as_numpy("output_3").ravel()] == words.ravel().tolist()


def test_free_sizes_are_those_of_the_request(ask: Asking) -> None:
    counts = np.arange(8).reshape(2, 4)
    assert (ask.client.infer("double", ask.inputs(counts=counts)).as_numpy("output") == 2 * counts).all()


def test_one_element_needs_no_axis_of_its_own(ask: Asking) -> None:
    assert ask.client.infer("wait", ask.inputs(seconds=np.zeros(3))).as_numpy("output").tolist() == [[0], [0], [0]]
    answer = ask.client.infer("total", ask.inputs(a=np.repeat(ROW, 2, 0), b=np.repeat(ROW, 2, 0)))
    assert answer.as_numpy("output").tolist() == [12, 12]


def test_bytes_are_themselves(ask: Asking) -> None:
    image = np.array([[bytes(range(256))], [b""]], object)
    assert ask.client.infer("weigh", ask.inputs(image=image)).as_numpy("output").ravel().tolist() == [256, 0]


def test_only_the_outputs_that_are_asked_for_come(ask: Asking) -> None:
    answer = ask.client.infer("quote", ask.inputs(stones(2)), outputs=ask.wanted("price", "row"))
    response = answer.get_response()
    outputs = response["outputs"] if ask.kind == "rest" else response.outputs
    assert len(outputs) == 2
    assert answer.as_numpy("text") is None and answer.as_numpy("price").ravel().tolist() == [2, 10]


def test_a_compressed_request_is_read(ask: Asking) -> None:
    given = ask.inputs(a=ROW, b=ROW)
    for how in ("gzip", "deflate"):
        name = "request_compression_algorithm" if ask.kind == "rest" else "compression_algorithm"
        assert ask.client.infer("total", given, **{name: how}).as_numpy("output").tolist() == [12]


def test_json_tensors_are_answered_in_json(service: Running) -> None:
    module = tritonclient.http
    client = module.InferenceServerClient(service.http)
    given = inputs(module, stones(3))
    for each, array in zip(given, stones(3).values(), strict=True):
        each.set_data_from_numpy(array, binary_data=False)
    wanted = [module.InferRequestedOutput(name, binary_data=False) for name in ("row", "text", "good")]
    answer = client.infer("quote", given, outputs=wanted)
    assert all("data" in each for each in answer.get_response()["outputs"])
    assert (answer.as_numpy("row") == stones(3)["row"] + 1).all()
    assert answer.as_numpy("good").tolist() == [[True]] * 3
    mixed = [module.InferRequestedOutput("row", binary_data=True), wanted[1]]
    answer = client.infer("quote", given, outputs=mixed)
    assert (answer.as_numpy("row") == stones(3)["row"] + 1).all() and answer.as_numpy("text").shape == (3, 1)
    client.close()


REFUSED = {
    "another model": ("nobody", {}, {"a": ROW, "b": ROW}, "404", "no model"),
    "another version": ("total", {"model_version": "7"}, {"a": ROW, "b": ROW}, "404", "no model"),
    "another dtype": ("total", {}, {"a": ROW.astype(np.float64), "b": ROW}, "400", "`a`"),
    "another rank": ("total", {}, {"a": ROW[0], "b": ROW[0]}, "400", "`a`"),
    "another size": ("total", {}, {"a": ROW[:, :2], "b": ROW}, "400", "`a`"),
    "an input missing": ("total", {}, {"a": ROW}, "400", "`b`"),
    "an input too many": ("total", {}, {"a": ROW, "b": ROW, "c": ROW}, "400", "`inputs`"),
    "other numbers of rows": ("total", {}, {"a": ROW, "b": np.repeat(ROW, 2, 0)}, "400", "`inputs`"),
    "too many rows": ("total", {}, {"a": np.repeat(ROW, 257, 0), "b": np.repeat(ROW, 257, 0)}, "400", "256"),
    "NaN": ("total", {}, {"a": ROW * np.nan, "b": ROW}, "422", "`a`"),
    "infinity": ("total", {}, {"a": ROW * np.inf, "b": ROW}, "422", "`a`"),
    "a sequence": ("total", {"sequence_id": 3}, {"a": ROW, "b": ROW}, "400", "`sequence_id`"),
}
CODES = {"400": "INVALID_ARGUMENT", "404": "NOT_FOUND", "422": "INVALID_ARGUMENT"}


@pytest.mark.parametrize("what", REFUSED)
def test_what_does_not_fit_is_refused_by_name(ask: Asking, what: str) -> None:
    model, options, arrays, status, words = REFUSED[what]
    with pytest.raises(InferenceServerException) as refused:
        ask.client.infer(model, ask.inputs(arrays), **options)
    assert refused.value.status() == (status if ask.kind == "rest" else f"StatusCode.{CODES[status]}")
    assert words in refused.value.message()


def test_what_the_users_types_and_steps_refuse_is_refused_with_its_example(ask: Asking) -> None:
    for carat, words in ((11.0, "less than or equal to 10"), (9.0, "nobody sells these")):
        given = stones(3)
        given["stone.carat"][1] = carat
        with pytest.raises(InferenceServerException) as refused:
            ask.client.infer("quote", ask.inputs(given))
        message = refused.value.message()
        assert "`stone.carat`" in message and "example 1" in message and words in message


def test_an_unknown_output_is_refused(ask: Asking) -> None:
    with pytest.raises(InferenceServerException, match="unknown"):
        ask.client.infer("total", ask.inputs(a=ROW, b=ROW), outputs=ask.wanted("sum"))


def test_an_answer_that_is_not_finite_is_a_failure_with_its_name(ask: Asking) -> None:
    with pytest.raises(InferenceServerException) as failed:
        ask.client.infer("invert", ask.inputs(row=np.array([[1, 0, 1]], np.float32)))
    assert failed.value.status() in ("500", "StatusCode.INTERNAL")
    assert "`output`" in failed.value.message()


def test_the_deadline_ends_a_request_that_waits(ask: Asking) -> None:
    with pytest.raises(InferenceServerException) as late:
        ask.client.infer("wait", ask.inputs(seconds=np.array([0.0, 60.0])))
    assert late.value.status() in ("504", "StatusCode.DEADLINE_EXCEEDED")


def test_a_clients_own_time_limit_is_kept(service: Running) -> None:
    client = tritonclient.grpc.InferenceServerClient(service.grpc)
    with pytest.raises(InferenceServerException) as late:
        client.infer("wait", inputs(tritonclient.grpc, seconds=np.array([1.5])), client_timeout=0.2)
    assert late.value.status() == "StatusCode.DEADLINE_EXCEEDED"
    client.close()


def test_async_requests_of_the_synchronous_clients_are_answered(ask: Asking) -> None:
    given = ask.inputs(a=ROW, b=ROW)
    if ask.kind == "rest":
        pending = [ask.client.async_infer("total", given) for _ in range(3)]
        answers = [each.get_result() for each in pending]
    else:
        answers, done = [], threading.Semaphore(0)

        def keep(result: object, error: object) -> None:
            answers.append(result if error is None else error)
            done.release()

        for _ in range(3):
            ask.client.async_infer("total", given, callback=keep)
        assert all(done.acquire(timeout=20) for _ in range(3))
    assert [answer.as_numpy("output").tolist() for answer in answers] == [[12]] * 3


@pytest.mark.parametrize("kind", ["rest", "grpc"])
def test_the_asyncio_clients_are_answered_side_by_side(service: Running, kind: str) -> None:
    module = tritonclient.http.aio if kind == "rest" else tritonclient.grpc.aio

    async def talk() -> list:
        async with module.InferenceServerClient(service.address(kind)) as client:
            assert await client.is_model_ready("total")
            given = inputs(tritonclient.http if kind == "rest" else tritonclient.grpc, a=ROW, b=ROW)
            found = await asyncio.gather(*(client.infer("total", given) for _ in range(40)))
            return [answer.as_numpy("output").tolist() for answer in found]

    assert asyncio.run(talk()) == [[12]] * 40


def test_a_stream_of_requests_is_answered_one_by_one_and_outlives_a_refusal(service: Running) -> None:
    client = tritonclient.grpc.InferenceServerClient(service.grpc)
    answers: list[object] = []
    done = threading.Semaphore(0)

    def keep(result: object, error: object) -> None:
        answers.append(error if error is not None else result.as_numpy("output").tolist())
        done.release()

    client.start_stream(keep)
    for name in ("total", "nobody", "total"):
        client.async_stream_infer(name, inputs(tritonclient.grpc, a=ROW, b=ROW))
    assert all(done.acquire(timeout=20) for _ in range(3))
    client.stop_stream()
    client.close()
    assert answers[0] == answers[2] == [12]
    assert "no model" in str(answers[1])


def test_answers_are_counted_with_the_others(ask: Asking, own: httpx.Client) -> None:
    route = "/v2/models/total/infer" if ask.kind == "rest" else "/inference.GRPCInferenceService/ModelInfer/total"
    before = metric(own, "dagc_requests_total", route=route, code="200")
    ask.client.infer("total", ask.inputs(a=ROW, b=ROW))
    assert metric(own, "dagc_requests_total", route=route, code="200") == before + 1


def test_service_json_says_what_the_protocol_is_told(folder) -> None:
    settings = json.loads((folder / "service.json").read_text(encoding="utf-8"))
    by_name = {endpoint["name"]: endpoint.get("inference") for endpoint in settings["endpoints"]}
    assert by_name["name"] is None
    assert by_name["total"]["outputs"] == [{"name": "output", "path": [], "dtype": "f32", "dims": []}]
    assert {"grpclib", "protobuf"} <= set((folder / "requirements.txt").read_text(encoding="utf-8").split())
