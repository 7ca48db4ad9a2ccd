"""What a call of a resource raises. No text holds a URL, a password, a query's values or what was answered."""

import os


class ResourceError(Exception):
    """A call of a resource gave no result; `setting` names the resource."""

    def __init__(self, setting: str, reason: str) -> None:
        super().__init__(f"`{setting}`: {reason}")
        self.setting = setting
        self.reason = reason


class ResourceUnavailable(ResourceError):
    """It cannot be reached, hangs up, says that it is busy, or failed so often that nobody asks it for now."""


class ResourceTimeout(ResourceError):
    """It has not answered in the time there was."""


class ResourceRefused(ResourceError):
    """It answered, and the answer is no: a constraint, a wrong query, no such row, a status from 300 to 499.

    `status` is the status of an HTTP answer.
    """

    def __init__(self, setting: str, reason: str, status: int | None = None) -> None:
        super().__init__(setting, reason)
        self.status = status


class ResourceGarbled(ResourceError):
    """It answered something that is not what was asked for: no JSON, another type, more than fits."""


def reason_of(error: BaseException) -> str:
    """Why the system says no, in its own words; its longer texts name addresses."""
    number = getattr(error, "errno", None)
    return os.strerror(number).lower() if isinstance(number, int) and number > 0 else type(error).__name__
