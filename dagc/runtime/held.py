"""Values that travel where bytes do: through the queue of an endpoint, to a codec that knows them, and back."""


class Held(bytes):
    """A body that holds Python values in place of text."""

    value: object = None

    @classmethod
    def of(cls, value: object) -> "Held":
        """The body that holds `value`."""
        held = cls()
        held.value = value
        return held
