"""README.md of a build: what it is, its stages as a picture, how to ask it, what was fused and what each file is.

Whatever a user wrote stands in code blocks or is stripped of markup, so no description can draw on the page.
"""

import html
import json
import re
import shlex

from dagc.artifacts.lock import Lock
from dagc.artifacts.render import render
from dagc.backends.citations import cite, joined_parts, plain
from dagc.backends.example import example_request
from dagc.backends.picture import picture
from dagc.backends.security import callers, security_schemes
from dagc.plan.outside import Setting
from dagc.plan.service_plan import Endpoint, Service, ServicePlan, Session

_LONGEST_EXAMPLE = 600


def readme(plan: ServicePlan, lock: Lock | None) -> str:
    """The text of README.md."""
    values = {
        "name": plan.name,
        "dagc_version": plan.dagc_version,
        "sources": [plain(path) for path, _ in plan.sources],
        "services": [_service(service) for service in plan.services],
        "folder": f"services/{plan.services[0].name}" if len(plan.services) == 1 else "services/*",
        "models": any(service.sessions for service in plan.services),
        "remarks": [_one_line(remark) for remark in plan.remarks],
        "locked": lock is not None,
        "secrets": sorted({each.name for one in plan.services for each in one.settings if each.secret}),
        "front": plan.services[0].name,
        "others": plan.services[1:],
        "grpc": plan.services[0].grpc,
        "gpus": [one.name for one in plan.services if one.capacity is not None and one.capacity.gpu],
    }
    return render("README.md.j2", values)


def _service(service: Service) -> dict[str, object]:
    return {
        "name": service.name,
        "folder": f"services/{service.name}",
        "endpoints": [_endpoint(endpoint, service) for endpoint in service.endpoints],
        "sessions": [_session(session) for session in service.sessions],
        "settings": [_setting(setting) for setting in service.settings],
        "guarded": bool(security_schemes(service)),
        "front": cite([service.ingress.line]) if service.ingress else "",
        "replaced": sorted(session.reload for session in service.sessions if session.reload),
    }


def _setting(setting: Setting) -> dict[str, str]:
    absent = "the service does not start" if setting.default is None else "it has a default"
    return {"name": plain(setting.name), "meaning": prose(setting.meaning), "absent": absent}


def _endpoint(endpoint: Endpoint, service: Service) -> dict[str, object]:
    limits = endpoint.limits
    return {
        "route": endpoint.route,
        "version": plain(endpoint.version),
        "summary": prose(endpoint.summary),
        "line": cite([endpoint.line]),
        "picture": list(picture(endpoint, service)),
        "curl": _curl(endpoint, known=bool(callers(endpoint, service))),
        "limits": f"deadline {limits.deadline_s:g} s, body {_size(limits.max_body_bytes)}, "
        f"JSON depth {limits.max_json_depth}, {limits.max_queue} requests at once",
    }


def _session(session: Session) -> dict[str, str]:
    alone = f"one request at a time: {prose(session.one_by_one)}" if session.one_by_one else ""
    wait = f", the first waits up to {session.max_wait_ms:g} ms for others" if session.max_wait_ms else ""
    return {
        "name": session.name,
        "parts": joined_parts(session.parts),
        "lines": cite(session.lines),
        "batch": alone or f"up to {session.max_batch} requests share a run{_agreed(session)}{wait}",
    }


def _agreed(session: Session) -> str:
    names = ", ".join(f"`{plain(name)}`" for name in session.agreed_on)
    return f" if they agree on {names}" if names else ""


def prose(text: str) -> str:
    """`text` as one line of Markdown that shows it letter for letter."""
    shown = html.escape(_one_line(text), quote=False)
    shown = re.sub(r"([\\`*_\[\]|~#])", r"\\\1", shown)
    return re.sub(r"^(\d*)([-+=.)])", r"\1\\\2", shown)


def _one_line(text: str) -> str:
    # What is not shown goes first: a space behind it would begin the line, and hide what follows from `prose`.
    return " ".join("".join(c for c in text if c.isprintable() or c.isspace()).split())


def _curl(endpoint: Endpoint, *, known: bool) -> str:
    address = f"http://127.0.0.1:8000{endpoint.route}"
    address += ' -H "authorization: Bearer $KEY"' if known else ""
    if endpoint.takes_bytes:
        return f"curl -s {address} -H 'content-type: application/octet-stream' --data-binary @file"
    body = json.dumps(example_request(endpoint), ensure_ascii=True)
    given = "@request.json" if len(body) > _LONGEST_EXAMPLE else body
    return f"curl -s {address} -H 'content-type: application/json' --data {shlex.quote(given)}"


def _size(count: int) -> str:
    return f"{count // (1024 * 1024)} MiB" if count % (1024 * 1024) == 0 else f"{count // 1024} KiB"
