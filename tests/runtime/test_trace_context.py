"""A trace that a request came with is passed on as W3C Trace Context has it, or not at all."""

import pytest

from dagc.runtime.admission import Queue, Ticket
from dagc.runtime.current import CURRENT
from dagc.runtime.observer import Watch
from dagc.runtime.resources import Surroundings
from dagc.runtime.trace_context import NO_TRACE, TraceContext, read_trace

PARENT = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
MANY = [b"m%d=1" % number for number in range(33)]
HALVES = [b"a%d=" % number + b"x" * 97 for number in range(6)]
LONG = b"long=" + b"x" * 200


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (b"congo=t61rcWkgMzE", b"congo=t61rcWkgMzE"),
        (b"rojo=00f067aa0ba902b7 ,\tcongo=t61rcWkgMzE,", b"rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"),
        (b"fw529a3039@dt=FfffffffAAAAAAAAAAAAAAA_", b"fw529a3039@dt=FfffffffAAAAAAAAAAAAAAA_"),
        (b"a=b c", b"a=b c"),
        (b"", b""),
        (b"Congo=1", b""),
        (b"congo", b""),
        (b"congo=", b""),
        (b"congo=a=b", b""),
        (b"congo=a\r\nx: y", b""),
        (b"congo=\xff", b""),
        (b",".join(MANY[:32]), b",".join(MANY[:32])),
        (b",".join(MANY), b""),
        (b",".join(HALVES), b",".join(HALVES[:5])),
        (b",".join([LONG, *HALVES[:3], LONG]), b",".join(HALVES[:3])),
        (LONG, LONG),
    ],
)
def test_a_tracestate_is_kept_whole_cut_by_members_or_dropped(given: bytes, kept: bytes) -> None:
    assert read_trace({b"traceparent": PARENT, b"tracestate": given}) == (PARENT, kept)


def test_a_tracestate_counts_beside_a_traceparent_only() -> None:
    assert read_trace({b"tracestate": b"a=b"}) == NO_TRACE
    assert read_trace({b"traceparent": b"00-1-2-3", b"tracestate": b"a=b"}) == NO_TRACE


def test_what_a_step_asks_of_another_service_carries_both() -> None:
    ticket = Ticket(Queue(1, Watch()), b"", 0.0, lambda _: None)
    before = CURRENT.set(ticket)
    try:
        assert "traceparent" not in Surroundings(Watch()).passed_on()
        ticket.trace = TraceContext(PARENT, b"a=b")
        passed = Surroundings(Watch()).passed_on()
    finally:
        CURRENT.reset(before)
    assert passed["traceparent"] == PARENT.decode()
    assert passed["tracestate"] == "a=b"
