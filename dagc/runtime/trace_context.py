"""The trace that a request came with, for whoever is asked on its behalf: W3C Trace Context.

What is not written as the recommendation says is as if it were not there.
"""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

MOST_MEMBERS = 32
LONGEST_STATE = 512
LONG_MEMBER = 128
"""Members above it are left out first where a `tracestate` is longer than is passed on (section 3.3.1.5)."""

_PARENT = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-[!-~]{0,200})?")
_MEMBER = re.compile(rb"[a-z0-9][a-z0-9_*/@-]{0,255}=[ -+\--<>-~]{0,255}[!-+\--<>-~]")


class TraceContext(NamedTuple):
    """A `traceparent` in the form of version 00, and the `tracestate` beside it; empty where there is none."""

    parent: bytes = b""
    state: bytes = b""

    @property
    def trace_id(self) -> str:
        """The trace's number, as log lines have it."""
        return self.parent[3:35].decode()

    def headers(self) -> dict[str, str]:
        """The fields that pass it on."""
        fields = {"traceparent": self.parent, "tracestate": self.state}
        return {name: value.decode() for name, value in fields.items() if value}


NO_TRACE = TraceContext()


def read_trace(fields: Mapping[bytes, bytes]) -> TraceContext:
    """The trace of a request. A `tracestate` counts beside a good `traceparent` only (section 4.3)."""
    given = fields.get(b"traceparent")
    parent = _parent(given) if given else b""
    return TraceContext(parent, _state(fields.get(b"tracestate", b""))) if parent else NO_TRACE


def _parent(given: bytes) -> bytes:
    """In the form of version 00. Later versions may say more, behind a dash (section 3.2.4)."""
    found = _PARENT.fullmatch(given)
    if found is None:
        return b""
    version, trace_id, span_id, flags, more = found.groups()
    if version == b"ff" or (version == b"00" and more) or not trace_id.strip(b"0") or not span_id.strip(b"0"):
        return b""
    return b"-".join((b"00", trace_id, span_id, flags))


def _state(given: bytes) -> bytes:
    """The members in their order, which says who wrote last; nothing of a list that breaks the rules."""
    members = [member for each in given.split(b",") if (member := each.strip(b" \t"))]
    if len(members) > MOST_MEMBERS or not all(map(_MEMBER.fullmatch, members)):
        return b""
    if _length(members) > LONGEST_STATE:
        members = [member for member in members if len(member) <= LONG_MEMBER]
    while _length(members) > LONGEST_STATE:
        members.pop()
    return b",".join(members)


def _length(members: Iterable[bytes]) -> int:
    return sum(len(member) + 1 for member in members) - 1
