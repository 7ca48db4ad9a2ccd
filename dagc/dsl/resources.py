"""`sql`, `keyvalue`, `http`: what steps ask for beside models, declared by the name of a setting.

A declaration connects to nothing. What is wrong with it is told when the file is loaded.
"""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar
from weakref import WeakKeyDictionary

from dagc.diagnostics import Diagnostic, Label, Span
from dagc.dsl.complete import callers_folder, complete
from dagc.dsl.resource_parameters import AnyResource
from dagc.dsl.times import seconds
from dagc.resources import Http, HttpRequest, KeyValue, Sql
from dagc.resources.address import Address, AddressError, holds_password
from dagc.resources.http import CONNECTIONS as HTTP_CONNECTIONS
from dagc.resources.http import MOST_BYTES
from dagc.resources.resource import CONNECTIONS
from dagc.trace.spans import Place, caller_place, users_file

Made = TypeVar("Made", Sql, KeyValue, Http)

MOST_CONNECTIONS = 1000

_SETTING = re.compile(r"[A-Z][A-Z0-9_]{0,126}")
_EXAMPLES = {
    "sql": 'dagc.sql("PROFILES_DATABASE_URL", default="sqlite:///profiles.db")',
    "keyvalue": 'dagc.keyvalue("FEATURES_URL", default="sqlite:///features.db")',
    "http": 'dagc.http("RISK_URL", default=no_risk)',
}
_places: "WeakKeyDictionary[AnyResource, Place]" = WeakKeyDictionary()


@complete(_EXAMPLES["sql"], code="E0360")
def sql(
    setting: str, *, default: str | None = None, timeout_s: float | None = None, connections: int = CONNECTIONS
) -> Sql:
    """A database: SQLite or PostgreSQL. Steps ask by a keyword with it as the default: `db: dagc.Sql = profiles`.

    Args:
        setting: the name of the setting that holds its URL: an environment variable, or a file of secrets.
        default: the URL without that setting. A SQLite file beside the graph goes into the service, for reading.
        timeout_s: seconds one statement may take, if less than what the request has left.
        connections: how many one process holds at most.
    """
    return _placed(
        Sql(setting, default=default, folder=callers_folder(), timeout_s=timeout_s, connections=connections)
    )


@complete(_EXAMPLES["keyvalue"], code="E0360")
def keyvalue(
    setting: str, *, default: str | None = None, timeout_s: float | None = None, connections: int = CONNECTIONS
) -> KeyValue:
    """A store of values by key: a SQLite file, Redis or Valkey; the online side of a feature store.

    Args:
        setting: see `sql`.
        default: see `sql`.
        timeout_s: see `sql`.
        connections: see `sql`.
    """
    return _placed(
        KeyValue(setting, default=default, folder=callers_folder(), timeout_s=timeout_s, connections=connections)
    )


@complete(_EXAMPLES["http"], code="E0360")
def http(
    setting: str,
    *,
    default: str | Callable[[HttpRequest], object] | None = None,
    timeout_s: float | None = None,
    connections: int = HTTP_CONNECTIONS,
    max_answer_bytes: int = MOST_BYTES,
) -> Http:
    """Another service, by the base URL of its paths.

    Args:
        setting: see `sql`.
        default: the URL without that setting, or a function that answers in its place: it takes the request and
            returns what the service would answer as JSON.
        timeout_s: see `sql`.
        connections: see `sql`.
        max_answer_bytes: a longer answer is refused.
    """
    made = Http(
        setting,
        default=default,
        folder=callers_folder(),
        timeout_s=timeout_s,
        connections=connections,
        max_answer_bytes=max_answer_bytes,
    )
    return _placed(made)


def resource_span(resource: AnyResource, root: Path) -> Span | None:
    """Where it is declared."""
    place = _places.get(resource)
    return place.span(root) if place else None


def default_file(resource: AnyResource) -> Path | None:
    """The file of an embedded default, which goes into the service; nothing where it has none."""
    found = _default(resource)
    return found.file(resource.folder) if isinstance(found, Address) and found.scheme == "sqlite" else None


def resource_mistakes(resource: AnyResource, root: Path) -> Iterator[Diagnostic]:
    """What is wrong with one declaration: E0361 to E0363, E0368 and E0369."""
    span = resource_span(resource, root)
    for code, message, help_ in _mistakes(resource, root):
        yield Diagnostic.at(code, message, span, "declared here", help=help_)


def setting_mistakes(resources: Sequence[AnyResource], root: Path) -> Iterator[Diagnostic]:
    """E0364 for each setting that two declarations use for different things."""
    first: dict[str, AnyResource] = {}
    for resource in resources:
        other = first.setdefault(resource.setting, resource)
        if _same(other, resource):
            continue
        what = f"`dagc.{other.kind}` and `dagc.{resource.kind}`"
        differs = what if other.kind != resource.kind else "two defaults"
        before = resource_span(other, root)
        yield Diagnostic.at(
            "E0364",
            f"setting `{resource.setting}` is declared for {differs}",
            resource_span(resource, root),
            "declared again here",
            others=(Label(before, "declared here"),) if before else (),
            help="give each its own setting, or declare it once and use it twice",
        )


def _placed(resource: Made) -> Made:
    place = caller_place()
    if place is not None:
        _places[resource] = place
    return resource


def _same(one: AnyResource, other: AnyResource) -> bool:
    return (one.kind, one.default) == (other.kind, other.default)


def _default(resource: AnyResource) -> Address | str | None:
    """The default's address, or why it is none."""
    if resource.default is None:
        return None
    if not isinstance(resource.default, str):
        return f"a `{type(resource.default).__name__}` is no URL"
    try:
        return resource.embedded(resource.default)
    except AddressError as error:
        return str(error)


def _mistakes(resource: AnyResource, root: Path) -> Iterator[tuple[str, str, str]]:
    setting, default = resource.setting, resource.default
    if not isinstance(setting, str) or not _SETTING.fullmatch(setting):
        message = f"`{str(setting)[:40]}` is no name of a setting"
        if isinstance(setting, str) and "://" in setting:
            message = "a URL stands where the name of a setting belongs"
        yield "E0361", message, f"name it in capitals, as an environment variable: `{_EXAMPLES[resource.kind]}`"
    if isinstance(default, str) and holds_password(default):
        message = f"the default of `{setting}` holds a password, which would stand in every artifact"
        yield "E0362", message, f"leave it out of the file: a service reads the URL from the setting `{setting}`"
    elif isinstance(problem := _default(resource), str):
        yield "E0363", f"the default of `{setting}` cannot be used: {problem}", _EXAMPLES[resource.kind]
    yield from _option_mistakes(resource)
    if (file := default_file(resource)) is not None and (reason := _unreadable(file, root)):
        message = f"the default of `{setting}` is `{default}`, and {reason}"
        yield "E0369", message, "put the file beside the graph, from which it goes into the service"


def _option_mistakes(resource: AnyResource) -> Iterator[tuple[str, str, str]]:
    if resource.timeout_s is not None and not seconds(resource.timeout_s):
        message = f"`timeout_s` of `{resource.setting}` is no time: it is `{resource.timeout_s!r}`"
        yield "E0368", message, "write seconds above 0: `timeout_s=0.05`"
    counts = {"connections": (resource.connections, MOST_CONNECTIONS)}
    if isinstance(resource, Http):
        counts["max_answer_bytes"] = (resource.max_answer_bytes, 2**30)
    for name, (count, most) in counts.items():
        if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= most:
            message = f"`{name}` of `{resource.setting}` is a whole number from 1 to {most}, not `{count!r}`"
            yield "E0368", message, f"leave `{name}` out, or give a number"


def _unreadable(file: Path, root: Path) -> str | None:
    if not file.is_file():
        return "there is no such file"
    if users_file(str(file), root) is None:
        return "the file is not in the graph's folder"
    return None if os.access(file, os.R_OK) else "the file cannot be read"
