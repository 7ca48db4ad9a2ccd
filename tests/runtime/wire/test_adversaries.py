"""A service that dies, hangs, lies or is lost in the middle of an answer, as the one that asks it sees it."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from dagc.runtime.admission import Queue, Ticket
from dagc.runtime.answer import Unanswered
from dagc.runtime.current import CURRENT
from dagc.runtime.observer import Watch
from dagc.runtime.settings import RemoteSettings
from dagc.runtime.trace_context import NO_TRACE, TraceContext
from dagc.runtime.wire.bundle import MAGIC, Answered, read_calls, write_answers
from dagc.runtime.wire.codec import Values
from dagc.runtime.wire.frame import WireError
from dagc.runtime.wire.peers import Peers
from dagc.runtime.wire.remote import Remote
from dagc.runtime.wire.types import WireType

ROWS = (WireType("tensor", dtype="f32", dims=("n",)),)
EDGE = RemoteSettings("compute_double", "compute", "/internal/graph/double", ROWS, ROWS, "types", may_repeat=True)
JSON_400 = b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
Speak = Callable[[bytes], "bytes | None"]


def double(content: bytes) -> bytes:
    """The answer of one call: its row, twice as large."""
    values = Values(EDGE.interface, ROWS, {})
    (row,) = values.read(bytes(content))
    return values.write((np.asarray(row, np.float32) * 2,))


def answered(body: bytes) -> bytes:
    """A whole answer to a message, as a service gives it."""
    if body.startswith(MAGIC):
        body = write_answers([Answered(200, "", double(bytes(call.content))) for call in read_calls(body)])
    else:
        body = double(body)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-dagc\r\ncontent-length: %d\r\n\r\n" % len(body)
    return head + body


@dataclass
class Service:
    """A server that says what a test has it say: `None` is nothing, `!` ends its connection, `!!` all of it."""

    speak: Speak
    heads: list[bytes] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    frozen: bool = False
    server: asyncio.Server | None = None

    async def listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        gone = (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError)
        with contextlib.suppress(*gone):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                while self.frozen:
                    await asyncio.sleep(0.02)
                if head.startswith(b"GET /live "):
                    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                    continue
                self.heads.append(head)
                length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
                self.messages.append(body := await reader.readexactly(length))
                if (said := self.speak(body)) is None:
                    continue
                writer.write(said.rstrip(b"!"))
                if said.endswith(b"!!") and self.server is not None:
                    self.server.close()  # nobody is let in any more
                if said.endswith(b"!"):
                    break
        writer.close()


async def row(
    remote: Remote, number: float = 1.0, timeout_s: float = 5.0, trace: TraceContext = NO_TRACE
) -> float:
    """One request's call."""
    ticket = Ticket(Queue(9, Watch()), b"", time.monotonic() + timeout_s, lambda _answer: None)
    ticket.trace = trace
    token = CURRENT.set(ticket)
    try:
        async with asyncio.timeout_at(ticket.deadline):  # as the driver of requests does
            found = await remote(np.full(3, number, np.float32))
    finally:
        CURRENT.reset(token)
    return float(np.asarray(found)[0])


def asking(
    *services: Service, edge: RemoteSettings = EDGE
) -> Callable[[Callable[[Remote], Awaitable[object]]], object]:
    """Runs what a test asks of a remote whose service has these instances."""

    def run(ask: Callable[[Remote], Awaitable[object]]) -> object:
        async def all_of_it() -> object:
            servers = [await asyncio.start_server(one.listen, "127.0.0.1", 0) for one in services]
            for service, server in zip(services, servers, strict=True):
                service.server, service.port = server, server.sockets[0].getsockname()[1]
            peers = Peers([("127.0.0.1", service.port) for service in services])
            try:
                return await ask(Remote(edge, peers, {}, Watch()))
            finally:
                peers.close()
                for server in servers:
                    server.close()

        return asyncio.run(all_of_it())

    return run


async def outcomes(*asked: Coroutine[object, object, float]) -> list[object]:
    """What came of each: its number, or the status, or the name of its error."""
    found = await asyncio.gather(*asked, return_exceptions=True)
    return [one.answer.status if isinstance(one, Unanswered) else one for one in found]


def once(first: bytes, then: Speak = answered) -> Speak:
    """Says `first` to the first message."""
    said: list[bytes] = []

    def speak(body: bytes) -> bytes | None:
        if said:
            return then(body)
        said.append(first)
        return first

    return speak


def test_a_trace_travels_with_a_call_whether_it_goes_alone_or_with_others() -> None:
    first, second = (TraceContext(b"00-%032x-%016x-01" % (n, n), b"a=%d,b=2" % n) for n in (1, 2))

    async def asked(remote: Remote) -> list[object]:
        await row(remote, trace=first)
        return await outcomes(row(remote, trace=first), row(remote, trace=second), row(remote))

    service = Service(answered)
    assert asking(service)(asked) == [2.0, 2.0, 2.0]
    alone, together = service.messages
    assert b"traceparent: %b\r\ntracestate: %b\r\n" % first in service.heads[0]
    assert not alone.startswith(MAGIC) and [call.trace for call in read_calls(together)] == [
        first,
        second,
        NO_TRACE,
    ]


@pytest.mark.parametrize("again", [True, False], ids=["may repeat", "may not"])
def test_one_that_dies_before_it_answers_is_asked_again_only_where_that_does_no_harm(again: bool) -> None:
    service = Service(once(b"!"))
    found = asking(service, edge=replace(EDGE, may_repeat=again))(lambda remote: outcomes(row(remote)))
    assert found == ([2.0] if again else [503])
    assert len(service.messages) == (2 if again else 1)


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\ncontent-type: appl!",
        b"HTTP/1.1 200 OK\r\ncontent-type: application/x-dagc\r\ncontent-length: 99\r\n\r\nDGC1!",
        b"HTTP/1.1 200 OK\r\ncontent-type: application/x-dagc\r\ntransfer-encoding: chunked\r\n\r\nffff\r\nDGC1!",
    ],
    ids=["in its head", "in its body", "in a chunk"],
)
def test_one_that_dies_in_the_middle_of_its_answer_is_not_asked_again_and_the_next_call_is_answered(
    said: bytes,
) -> None:
    service = Service(once(said))

    async def ask(remote: Remote) -> list[object]:
        return [*await outcomes(row(remote)), *await outcomes(row(remote))]

    assert asking(service)(ask) == [503, 2.0]


@pytest.mark.parametrize("said", [b"\x00\xff garbage\r\n\r\n", b"HTTP/9.9 OK\r\n\r\n", b"SSH-2.0-OpenSSH_9\r\n"])
def test_garbage_is_no_answer(said: bytes) -> None:
    assert asking(Service(lambda _body: said))(lambda remote: outcomes(row(remote))) == [503]


@pytest.mark.parametrize(
    "body", [b"", b"DGC1", b"{}", MAGIC + b"\x02\0\0\0[]", b"DGC1\xff\xff\xff\xff" + b"x" * 99]
)
def test_an_answer_that_is_no_message_is_a_failure_of_this_call_only(body: bytes) -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-dagc\r\ncontent-length: %d\r\n\r\n" % len(body)
    service = Service(once(head + body))

    async def ask(remote: Remote) -> list[object]:
        return [*await outcomes(row(remote)), *await outcomes(row(remote))]

    first, second = asking(service)(ask)  # type: ignore[misc]  # a list of two
    assert isinstance(first, WireError)
    assert second == 2.0


def test_answers_that_are_fewer_than_the_calls_are_a_failure_of_all_of_them() -> None:
    body = write_answers([Answered(200, "", double(Values(EDGE.interface, ROWS, {}).write((np.ones(3, "f4"),))))])
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-dagc\r\ncontent-length: %d\r\n\r\n" % len(body)
    found = asking(Service(lambda _body: head + body))(lambda remote: outcomes(row(remote), row(remote)))
    assert [type(one) for one in found] == [WireError, WireError]  # type: ignore[attr-defined]


def test_a_call_ends_with_its_deadline_and_one_that_is_not_answered_holds_up_nobody() -> None:
    service = Service(once(b"", answered))
    service.speak = lambda body: None if len(service.messages) == 1 else answered(body)

    async def ask(remote: Remote) -> list[object]:
        return [*await outcomes(row(remote, timeout_s=1.0)), *await outcomes(row(remote))]

    first, second = asking(service)(ask)  # type: ignore[misc]  # a list of two
    assert isinstance(first, TimeoutError)
    assert second == 2.0


def test_an_instance_that_freezes_costs_the_calls_it_has_and_then_nobody() -> None:
    frozen, well = Service(answered, frozen=True), Service(answered)

    async def ask(remote: Remote) -> list[object]:
        found = []
        for number in range(30):
            found += await outcomes(row(remote, float(number), timeout_s=2.0))
        return found

    found = asking(frozen, well)(ask)
    lost = [one for one in found if isinstance(one, TimeoutError)]  # type: ignore[attr-defined]
    assert len(lost) <= 2
    assert not frozen.messages


def test_an_instance_that_thaws_is_asked_again() -> None:
    service = Service(answered, frozen=True)

    async def ask(remote: Remote) -> float:
        await outcomes(row(remote, timeout_s=0.1))
        service.frozen = False
        until = time.monotonic() + 60
        while True:
            (found,) = await outcomes(row(remote, 3.0))
            if found == 6.0:
                return 6.0
            assert time.monotonic() < until
            await asyncio.sleep(0.05)

    assert asking(service)(ask) == 6.0


def test_256_calls_at_once_are_a_few_messages_over_a_few_connections() -> None:
    service = Service(answered)
    asked = [float(number) for number in range(256)]
    found = asking(service)(lambda remote: outcomes(*[row(remote, number) for number in asked]))
    assert found == [2 * number for number in asked]
    assert len(service.messages) <= 8
    assert service.connections <= 8


def test_calls_of_different_requests_travel_apart_where_the_part_waits() -> None:
    service = Service(answered)
    edge = replace(EDGE, waits=True)
    asking(service, edge=edge)(lambda remote: outcomes(*[row(remote) for _ in range(5)]))
    assert not any(body.startswith(MAGIC) for body in service.messages)
    assert len(service.messages) == 5


def test_large_values_travel_by_themselves_and_come_back_whole() -> None:
    service = Service(answered)

    async def ask(remote: Remote) -> list[float]:
        rows = [np.full(200_000, number, np.float32) for number in range(4)]
        found = await asyncio.gather(*map(remote, rows))
        return [float(np.asarray(one)[-1]) for one in found]

    assert asking(service)(ask) == [0.0, 2.0, 4.0, 6.0]
    assert len(service.messages) == 4


def test_one_of_another_build_is_told_of_in_the_log_and_is_no_failure_of_the_request(
    caplog: pytest.LogCaptureFixture,
) -> None:
    body = b'{"error":{"code":"bad_message","message":"the other side takes and gives other types"}}'
    with caplog.at_level(logging.ERROR):
        found = asking(Service(lambda _body: JSON_400 % (len(body), body)))(lambda remote: outcomes(row(remote)))
    assert found == [503]
    assert "`compute/graph/double` does not read what this service sends for it" in caplog.text


def test_a_client_that_leaves_takes_nothing_with_it() -> None:
    service = Service(answered)

    async def ask(remote: Remote) -> list[object]:
        gone = asyncio.ensure_future(row(remote))
        await asyncio.sleep(0)
        gone.cancel()
        return await outcomes(*[row(remote, float(number)) for number in range(3)])

    assert asking(service)(ask) == [0.0, 2.0, 4.0]


def test_one_of_two_instances_that_dies_under_load_costs_nobody_an_answer() -> None:
    doomed, well = Service(answered), Service(answered)
    doomed.speak = lambda body: b"!!" if len(doomed.messages) > 3 else answered(body)

    async def many(remote: Remote) -> list[object]:
        return [one for number in range(20) for one in await outcomes(row(remote, float(number)))]

    async def ask(remote: Remote) -> list[object]:
        found = await asyncio.gather(*[many(remote) for _ in range(16)])
        return [one for some in found for one in some]

    assert asking(doomed, well)(ask) == [2.0 * number for _ in range(16) for number in range(20)]
