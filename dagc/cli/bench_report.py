"""What `dagc bench` prints: tables for people, one document for programs."""

import json
from collections.abc import Iterator, Sequence

from pydantic import JsonValue

from dagc.bench.client import Outcome
from dagc.bench.measure import Closed, Measured
from dagc.bench.saturation import IDLE, Tried

PERCENTILES = (50.0, 90.0, 99.0, 99.9)


def bench_text(found: Sequence[Measured]) -> str:
    """A table of closed loops, one of parts, and the open loops of each endpoint."""
    lines = [line for each in found for line in _endpoint(each)]
    return "\n".join(lines) + "\n"


def bench_json(found: Sequence[Measured]) -> str:
    """The same for programs: every number, in milliseconds and requests a second."""
    document: JsonValue = [_document(each) for each in found]
    return json.dumps(document, indent=2) + "\n"


def _endpoint(found: Measured) -> Iterator[str]:
    yield f"POST {found.route}: {found.questions} requests in turn, every answer checked{_unchecked(found)}"
    yield ""
    yield "  closed loop   req/s      p50      p90      p99    p99.9 ms   errors   CPU us/request   client's own"
    yield from map(_closed, found.closed)
    yield ""
    yield from _parts(found.closed)
    yield from _open(found)
    wrong = next((o.example for o in found.outcomes if o.wrong), "")
    if wrong:
        yield f"  WRONG: {found.wrong} answers, the first of them {wrong}"
    yield ""


def _unchecked(found: Measured) -> str:
    if not found.unchecked:
        return ""
    return f" but those to {found.unchecked} requests that differ from one time to the next"


def _closed(each: Closed) -> str:
    outcome = each.outcome
    times = " ".join(f"{outcome.percentile_ms(percent):8.3g}" for percent in PERCENTILES)
    cpu = f"{each.cpu_us:14.0f}" if each.cpu_us is not None else " " * 14
    answered = max(1, sum(outcome.statuses.values()))
    own = f"{1e6 * outcome.client_cpu_s / answered:7.0f} us"
    limit = ", the client was the limit" if outcome.idle_share < IDLE else ""
    return f"  {each.connections:11d} {each.rate:8,.0f} {times}    {outcome.errors:6d}   {cpu}   {own}{limit}"


def _parts(closed: Sequence[Closed]) -> Iterator[str]:
    """Mean times of the service's own parts at the least and at the most connections."""
    shown = [each for each in closed if each.parts]
    if not shown:
        return
    yield f"  where time goes, by the service's own clock: mean ms of a call at {_counts(shown)} connections"
    means = [{part.name: part.mean_ms for part in each.parts} for each in shown]
    for name in dict.fromkeys(part.name for each in shown for part in each.parts):
        row = " ".join(f"{mean[name]:9.4f}" if name in mean else " " * 9 for mean in means)
        rows = ", ".join(f"{each.rows[name]:.1f}" for each in shown if name in each.rows)
        yield f"    {name:<32} {row}" + (f"   rows a run: {rows}" if rows else "")
    yield ""


def _counts(closed: Sequence[Closed]) -> str:
    return ", ".join(str(each.connections) for each in closed)


def _open(found: Measured) -> Iterator[str]:
    if not found.opened:
        return
    yield "  open loop, requests a second; latency counts from when each was due"
    for each in found.opened:
        outcome = each.outcome
        holds = f"does not hold: {each.why}" if each.why else "holds"
        times = f"p50 {outcome.percentile_ms(50):8.3g}   p99 {outcome.percentile_ms(99):8.3g} ms"
        yield f"    {each.rate:9,.0f}   {times}   {_statuses(outcome)}   {holds}"
    if found.saturation:
        yield f"  saturation: holds up to {found.saturation.rate:,.0f} requests a second"


def _statuses(outcome: Outcome) -> str:
    counts = [f"{count} x {status}" for status, count in sorted(outcome.statuses.items())]
    counts += [f"{count} {what}" for count, what in ((outcome.lost, "lost"), (outcome.unsent, "unsent")) if count]
    return ", ".join(counts)


def _document(found: Measured) -> JsonValue:
    return {
        "endpoint": found.name,
        "route": found.route,
        "requests": found.questions,
        "unchecked": found.unchecked,
        "wrong": found.wrong,
        "closed": [_closed_document(each) for each in found.closed],
        "open": [_tried_document(each) for each in found.opened],
        "saturation_per_s": round(found.saturation.rate, 1) if found.saturation else None,
    }


def _closed_document(each: Closed) -> JsonValue:
    parts: list[JsonValue] = [
        {"part": part.name, "calls": part.calls, "mean_ms": round(part.mean_ms, 5)} for part in each.parts
    ]
    return {
        "connections": each.connections,
        "requests_per_s": round(each.rate, 1),
        "server_cpu_us": None if each.cpu_us is None else round(each.cpu_us, 1),
        "parts": parts,
        "rows_a_run": {name: round(rows, 2) for name, rows in each.rows.items()},
        **_outcome_document(each.outcome),
    }


def _tried_document(each: Tried) -> JsonValue:
    return {"rate_per_s": round(each.rate, 1), "holds": each.why is None, **_outcome_document(each.outcome)}


def _outcome_document(outcome: Outcome) -> dict[str, JsonValue]:
    latency: dict[str, JsonValue] = {f"p{p:g}": round(outcome.percentile_ms(p), 4) for p in PERCENTILES}
    return {
        "seconds": round(outcome.seconds, 3),
        "latency_ms": latency,
        "statuses": {str(status): count for status, count in sorted(outcome.statuses.items())},
        "wrong": outcome.wrong,
        "lost": outcome.lost,
        "unsent": outcome.unsent,
        "client_cpu_s": round(outcome.client_cpu_s, 3),
        "client_idle_share": round(outcome.idle_share, 3),
    }
