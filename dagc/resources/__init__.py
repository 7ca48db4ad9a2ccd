"""What steps ask for beside models: databases, key-value stores, services. A built service has these files."""

from .errors import ResourceError, ResourceGarbled, ResourceRefused, ResourceTimeout, ResourceUnavailable
from .http import Http, HttpRequest
from .keyvalue import KeyValue
from .resource import Resource
from .sql import Sql, Transaction

__all__ = [
    "Http",
    "HttpRequest",
    "KeyValue",
    "Resource",
    "ResourceError",
    "ResourceGarbled",
    "ResourceRefused",
    "ResourceTimeout",
    "ResourceUnavailable",
    "Sql",
    "Transaction",
]
