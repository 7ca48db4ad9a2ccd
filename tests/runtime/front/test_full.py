"""More requests than fit, on a machine of any speed: who is admitted is answered right, the rest is refused."""

import json

import pytest

from tests.runtime.front.slow_picker import GRAPH, MAIN

pytestmark = [pytest.mark.port, pytest.mark.ort]

QUEUE, CLIENTS = 10, 60


def test_of_a_crowd_at_once_the_admitted_get_their_own_answers_and_the_rest_a_503(
    folder, kit, picker, start, whole
):
    """O1 and O5 without a clock: only 200 and 503, no answer is another's, `/live` answers."""
    feeds = {"index": ("i64", ()), "scale": ("f32", ())}
    session = kit.session("picker", feeds, {"score": ("f32", ())}, one_by_one="the test says so") | {
        "run_ms": 20.0
    }
    end = kit.endpoint("pick", parameters=["pick"], body="pick", deadline_s=60.0, max_queue=QUEUE)
    path = folder.write(GRAPH, MAIN, [end], [(session, picker)]).path
    served = start("--drain-s", "0", command=(str(path / "main.py"),), RUN_S="0.02")
    wires = [served.wire() for _ in range(CLIENTS)]
    for number, wire in enumerate(wires):
        wire.post("/v1/pick", {"index": number, "scale": 1.0})
    assert served.wire().get("/live").status == 200
    answers = [wire.read() for wire in wires]
    assert {answer.status for answer in answers} <= {200, 503}
    good = [number for number, answer in enumerate(answers) if answer.status == 200]
    assert len(good) >= QUEUE
    assert [json.loads(answers[number].body) for number in good] == [float(number) for number in good]
    # A client that is slower than the service never fills its queue.
    refused = any(answer.status == 503 for answer in answers)
    assert (b'dagc_shed_total{reason="queue_full"} 0\n' not in served.wire().get("/metrics").body) is refused
