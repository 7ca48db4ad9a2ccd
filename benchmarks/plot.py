"""Throughput as a picture: plain SVG, one group of bars a workload, on a logarithmic scale."""

import math
from html import escape

from benchmarks.catalogue import CONSTANT
from benchmarks.records import Results
from benchmarks.servers import DAGC

WIDTH = 960
NAMES = 380
"""Pixels for the servers' names, left of the bars."""
NUMBERS = 110
BAR = 18
GAP = 6
HEAD = 34
COLOURS = {DAGC: "#1f6feb", CONSTANT: "#9aa4b2"}
PEER = "#c98a2b"
INK = "#24292f"
FAINT = "#d8dee4"


def throughput_svg(results: Results, concurrency: int) -> str:
    """Requests a second of every server at one concurrency, fastest first."""
    groups = {workload: _ordered(results, workload, concurrency) for workload in results.workloads()}
    rates = [rate for group in groups.values() for _, rate in group if rate > 0]
    if not rates:
        return '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>\n'
    low, high = math.floor(math.log10(min(rates))), math.log10(max(rates))
    body: list[str] = []
    top = HEAD
    for workload, group in groups.items():
        body.append(_text(10, top + 16, f"{workload.upper()}, {concurrency} connections", bold=True))
        body += _ticks(low, high, top + HEAD - 8, top + HEAD + len(group) * (BAR + GAP))
        top += HEAD
        for server, rate in group:
            body += _bar(results.titles[server], server, rate, top, _length(rate, low, high))
            top += BAR + GAP
        top += GAP
    title = f"Requests per second (logarithmic), {results.date}, {results.machine.cores} cores"
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{top + GAP}" '
        f'viewBox="0 0 {WIDTH} {top + GAP}" font-family="system-ui, sans-serif" font-size="12" fill="{INK}">',
        f'<rect width="{WIDTH}" height="{top + GAP}" fill="#ffffff"/>',
        f'<text x="10" y="20" font-size="14" font-weight="bold">{escape(title)}</text>',
    ]
    return "\n".join([*head, *body, "</svg>"]) + "\n"


def _ordered(results: Results, workload: str, concurrency: int) -> list[tuple[str, float]]:
    loads = {server: results.load(workload, server, concurrency) for server in results.servers(workload)}
    found = [(server, load.requests_per_s) for server, load in loads.items() if load]
    return sorted(found, key=lambda each: -each[1])


def _length(rate: float, low: float, high: float) -> float:
    space = WIDTH - NAMES - NUMBERS
    return max(1.0, space * (math.log10(max(rate, 1e-9)) - low) / max(high - low, 1e-9))


def _bar(title: str, server: str, rate: float, top: int, length: float) -> list[str]:
    colour = COLOURS.get(server, PEER)
    return [
        _text(NAMES - 8, top + 13, title, right=True, bold=server == DAGC),
        f'<rect x="{NAMES}" y="{top}" width="{length:.1f}" height="{BAR}" rx="2" fill="{colour}"/>',
        _text(NAMES + length + 6, top + 13, f"{rate:,.0f}", bold=server == DAGC),
    ]


def _ticks(low: int, high: float, top: int, bottom: int) -> list[str]:
    lines = []
    for power in range(low, math.floor(high) + 1):
        x = NAMES + _length(10.0**power, low, high)
        lines.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}" stroke="{FAINT}"/>')
        lines.append(_text(x, top - 3, f"{10**power:,}" if power >= 0 else f"{10.0**power:g}", small=True))
    return lines


def _text(x: float, y: float, text: str, *, right: bool = False, bold: bool = False, small: bool = False) -> str:
    looks = ' text-anchor="end"' if right else ""
    looks += ' font-weight="bold"' if bold else ""
    looks += ' font-size="10" fill="#6e7781" text-anchor="middle"' if small else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{looks}>{escape(text)}</text>'
