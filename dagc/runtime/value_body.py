"""Values that travel where bytes do: through the queue of an endpoint, to a codec that knows them, and back."""

from typing import cast


class ValueBody(bytes):
    """A body that holds Python values in place of text."""

    value: object = None

    @classmethod
    def of(cls, value: object) -> "ValueBody":
        """The body that holds `value`."""
        body = cls()
        body.value = value
        return body


def value_of(body: bytes) -> object:
    """What a body holds that is a `ValueBody`, as every body of its codec is."""
    return cast("ValueBody", body).value
