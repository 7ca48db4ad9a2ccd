"""gRPC's status of our answers, its time limits, and the head and tail of an answer."""

import re
from collections.abc import Mapping

from grpclib.const import Status
from grpclib.metadata import encode_grpc_message

from ..answer import Answer
from .paths import message_of

STATUSES = {
    400: Status.INVALID_ARGUMENT,
    401: Status.UNAUTHENTICATED,
    403: Status.PERMISSION_DENIED,
    404: Status.NOT_FOUND,
    408: Status.DEADLINE_EXCEEDED,
    413: Status.RESOURCE_EXHAUSTED,
    499: Status.CANCELLED,
    501: Status.UNIMPLEMENTED,
    503: Status.UNAVAILABLE,
    504: Status.DEADLINE_EXCEEDED,
}
"""Other refusals of a request are INVALID_ARGUMENT; other failures INTERNAL."""
HEAD = ((b":status", b"200"), (b"content-type", b"application/grpc"))

Fields = list[tuple[bytes, bytes]]
_TIMEOUT = re.compile(rb"([0-9]{1,8})([HMSmun])")
_UNIT_S = {b"H": 3600.0, b"M": 60.0, b"S": 1.0, b"m": 1e-3, b"u": 1e-6, b"n": 1e-9}


def status_of(answer: Answer) -> Status:
    """The status of a refusal."""
    found = STATUSES.get(answer.status)
    return found or (Status.INTERNAL if answer.status >= 500 else Status.INVALID_ARGUMENT)


def tail(answer: Answer) -> Fields:
    """The last fields of an answer; of a 200 only that it is one, and what its headers say."""
    extra = [(name, value) for name, value in answer.headers if name.startswith(b"x-") or name == b"retry-after"]
    if answer.status == 200:
        return [(b"grpc-status", b"0"), *extra]
    message = encode_grpc_message(message_of(answer)).encode()
    return [(b"grpc-status", b"%d" % status_of(answer).value), (b"grpc-message", message), *extra]


def timeout_s(fields: Mapping[bytes, bytes]) -> float | None:
    """The client's time limit in seconds, if it has one.

    Raises:
        ValueError: it is not written as gRPC has it.
    """
    given = fields.get(b"grpc-timeout")
    if given is None:
        return None
    found = _TIMEOUT.fullmatch(given)
    if found is None:
        raise ValueError
    return int(found[1]) * _UNIT_S[found[2]]
