"""The user's own ASGI application in front of a service: every path but the service's own is its.

It is given what uvicorn alone would give it; endpoints, health and metrics stay the service's.
"""

import os
from dataclasses import dataclass

from uvicorn._types import ASGI3Application
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from .access import Access

PREFIX = "/dagc"
"""Where the service's own documents are then: `/openapi.json` and `/docs` are the application's."""


@dataclass(frozen=True, slots=True)
class Ingress:
    """The application, the longest body it is given, and who may use it (`None`: it sees to that itself)."""

    app: ASGI3Application
    max_body_bytes: int
    access: Access | None


def behind_proxies(app: ASGI3Application) -> ASGI3Application:
    """The application, which hears of its client as uvicorn tells it: from proxies in FORWARDED_ALLOW_IPS."""
    return ProxyHeadersMiddleware(app, trusted_hosts=os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1"))
