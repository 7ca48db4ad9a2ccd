"""The exception by which a step answers a request with a 4xx instead of a value."""


class Refuse(Exception):
    """This request is refused: the answer is `status` with `reason`, naming `field` when one is to blame."""

    def __init__(self, reason: str, *, field: str | None = None, status: int = 422) -> None:
        if not 400 <= status <= 499:
            raise ValueError(f"status of a refusal is 400 to 499, not {status}")
        super().__init__(reason)
        self.reason = reason
        self.field = field
        self.status = status
