"""A benchmark as Markdown: the targets first, then each workload as ratios to dagc's service in the same run."""

from collections.abc import Callable, Iterator, Sequence

from benchmarks.machine import QUIET_CORES
from benchmarks.records import Load, OpenLoop, Results
from benchmarks.servers import DAGC, DAGC_UNFUSED, SERVERS
from benchmarks.targets import targets

PEER_OF = {server.name: server.peer for server in SERVERS}
PRINCIPAL = {"dagc": "onnxruntime"}
"""The package whose version stands for a peer, where it is not named like the peer."""


def markdown(results: Results) -> str:
    """The whole document."""
    lines = [*_head(results), *_targets(results)]
    for workload in results.workloads():
        lines += _workload(results, workload)
    lines += [*_fusion(results), *_bare(results), *_open_loop(results), *_failures(results)]
    return "\n".join(lines) + "\n"


def _head(results: Results) -> Iterator[str]:
    machine, settings = results.machine, results.settings
    yield "# Benchmark"
    yield ""
    yield (
        f"{results.date}. {machine.processor}, {machine.cores} cores shared with the load generator, "
        f"{machine.memory_gib} GiB, Linux {machine.kernel}, Python {machine.python}, {machine.wrk}, "
        f"dagc {machine.dagc}. {settings['workers']} workers each, keep-alive, {_rounds(results)} "
        f"of {settings['seconds']} s each. **Only ratios within this run count.**"
    )
    yield ""
    packages = [
        f"{peer} {versions.get(PRINCIPAL.get(peer, peer), '?')}"
        for peer, versions in results.versions.items()
        if peer != DAGC
    ]
    runtime = results.versions.get(DAGC, {}).get("onnxruntime", "?")
    yield f"Versions: {', '.join([*packages, f'onnxruntime {runtime} everywhere'])}."
    yield from _noise([load for run in results.runs for load in run.loads])
    yield ""


def _rounds(results: Results) -> str:
    """How many rounds there really are of what was measured at all; a run that was cut short says so."""
    wanted = int(str(results.settings["rounds"]))
    found = (len(results.of(workload, server)) for workload in results.workloads() for server in results.titles)
    counts = [count for count in found if count]
    if min(counts, default=0) >= wanted:
        return f"medians of {wanted} interleaved rounds" if wanted > 1 else "one round"
    return f"**incomplete: {min(counts, default=0)} to {max(counts, default=0)} of {wanted} rounds**"


def _noise(loads: Sequence[Load]) -> Iterator[str]:
    if not loads:
        return
    disturbed = sum(load.foreign_cores > QUIET_CORES for load in loads)
    speeds = [load.loop_ms for load in loads]
    yield (
        f"Noise: in {disturbed} of {len(loads)} measurements others used more than {QUIET_CORES} cores; a fixed "
        f"Python loop took {min(speeds):.1f} to {max(speeds):.1f} ms."
    )
    if disturbed > len(loads) / 10:
        yield ""
        yield "**Others were busy while this was measured: its throughput and latency are not to be quoted.**"


def _targets(results: Results) -> Iterator[str]:
    yield "## Targets"
    yield ""
    yield from _rows(("where", "dagc's service", "found", "wanted", ""))
    for each in targets(results):
        sign = ">=" if each.more_is_better else "<="
        found = f"{each.found:.2f}" if each.found < 100 else f"{each.found:,.0f}"
        yield _row((each.where, each.what, found, f"{sign} {each.wanted:g}", "met" if each.met else "**not met**"))
    yield ""


def _workload(results: Results, workload: str) -> Iterator[str]:
    concurrencies = [int(str(each)) for each in _listed(results.settings["concurrency"])]
    own = {each: results.load(workload, DAGC, each) for each in concurrencies}
    most = max(concurrencies)
    yield f"## {workload.upper()}"
    yield ""
    yield from _rows(
        (
            "",
            *(f"req/s c={each}" for each in concurrencies),
            "dagc is … times (" + " / ".join(f"c={each}" for each in concurrencies) + ")",
            f"p50 / p99 ms c={concurrencies[0]}",
            f"p50 / p99 ms c={most}",
            f"CPU µs a request c={most} (times dagc's)",
            "cold start s",
            "PSS MB",
            "environment MB",
            "errors",
        )
    )
    for server in results.servers(workload):
        loads = {each: results.load(workload, server, each) for each in concurrencies}
        cold, pss = results.cold_start_s(workload, server), results.pss_mb(workload, server)
        title = results.titles[server]
        yield _row(
            (
                f"**{title}**" if server == DAGC else title,
                *(f"{load.requests_per_s:,.0f}" if (load := loads[each]) else "" for each in concurrencies),
                " / ".join(_times(own[each], loads[each]) for each in concurrencies),
                _latency(loads[concurrencies[0]]),
                _latency(loads[most]),
                _cpu(own[most], loads[most]),
                f"{cold:.2f}" if cold is not None else "",
                f"{pss:,.0f}" if pss is not None else "",
                f"{results.environments_mb[PEER_OF[server]]:,.0f}",
                str(results.errors(workload, server)),
            )
        )
    yield ""


def _fusion(results: Results) -> Iterator[str]:
    """What fusing models does to each graph: the same graph, the same passes but one, the same run."""
    if not results.fusion:
        return
    yield "## Fused against unfused"
    yield ""
    yield from _rows(
        ("", "models", "MB of models", "req/s at most, times", "p50 c=1, times", "CPU a request, times", "PSS MB")
    )
    for each in results.fusion:
        own, apart = (_last(results, each.workload, server) for server in (DAGC, DAGC_UNFUSED))
        own_1, apart_1 = (results.load(each.workload, server, 1) for server in (DAGC, DAGC_UNFUSED))
        memory = [results.pss_mb(each.workload, server) for server in (DAGC_UNFUSED, DAGC)]
        yield _row(
            (
                each.workload.upper(),
                f"{each.apart} -> {each.fused}",
                f"{each.apart_mb:g} -> {each.fused_mb:g}",
                _ratio(own, apart, lambda load: load.requests_per_s),
                _ratio(own_1, apart_1, lambda load: load.p50_ms),
                _ratio(own, apart, lambda load: load.cpu_us),
                " -> ".join(f"{mb:,.0f}" for mb in memory if mb is not None),
            )
        )
    yield ""


def _last(results: Results, workload: str, server: str) -> Load | None:
    """The load with the most connections it was asked over."""
    counts = [load.concurrency for run in results.of(workload, server) for load in run.loads]
    return results.load(workload, server, max(counts)) if counts else None


def _ratio(fused: Load | None, apart: Load | None, of: Callable[[Load], float]) -> str:
    if fused is None or apart is None or not of(apart):
        return "-"
    return f"{of(fused) / of(apart):.2f}"


def _bare(results: Results) -> Iterator[str]:
    if not results.bare:
        return
    yield "## Bare `session.run`, one core, rows a second"
    yield ""
    yield from _rows(("", "apart", "merged by hand", "fused by dagc", "fused, batches of 32"))
    for each in results.bare:
        numbers = (each.apart_1, each.merged_1, each.fused_1, each.fused_32)
        yield _row((each.workload.upper(), *(f"{number:,.0f}" for number in numbers)))
    yield ""


def _open_loop(results: Results) -> Iterator[str]:
    tests = [each for each in results.open_loop if not each.failure]
    if not tests:
        return
    deadline = results.settings["open_loop_deadline_s"]
    yield "## Open loop"
    yield ""
    yield (
        "Poisson arrivals at a fixed rate over 4,000 connections; the server on half of the cores, the "
        f"client on the other half; a request is good when answered 200 within {deadline} s of when it was due. S "
        "is each server's own saturation (256 connections in a closed loop). Cells: goodput as a share of S, then "
        "p99 of accepted requests. `*`: the client was the limit, so less was offered."
    )
    yield ""
    factors = [each.factor for each in tests[0].offered]
    yield from _rows(("", "", "S req/s", "dagc's S is … times", *(f"{factor:g} S" for factor in factors)))
    own = {each.workload: each.saturation for each in tests if each.server == DAGC}
    for test in tests:
        ratio = own.get(test.workload, 0.0) / test.saturation if test.saturation else 0.0
        yield _row(
            (
                test.workload.upper(),
                results.titles[test.server],
                f"{test.saturation:,.0f}",
                f"{ratio:.2g}",
                *_cells(test),
            )
        )
    yield ""
    yield "What the other requests met, at the highest rate:"
    yield ""
    for test in tests:
        last = test.offered[-1]
        statuses = ", ".join(f"{count:,} x {status}" for status, count in last.statuses.items()) or "no answers"
        yield (
            f"* {test.workload.upper()}, {results.titles[test.server]}: {statuses}; {last.late:,} of the 200 "
            f"late, {last.unsent:,} unsent for want of a free connection, {last.lost:,} lost."
        )
    yield ""


def _cells(test: OpenLoop) -> Iterator[str]:
    for each in test.offered:
        limited = "*" if each.client_idle_share < 0.05 else ""
        yield f"{each.goodput / test.saturation:.2f}{limited}, {each.accepted_p99_ms:,.0f} ms"


def _failures(results: Results) -> Iterator[str]:
    failed = results.failed()
    if not failed:
        return
    yield "## Failures"
    yield ""
    for each in failed:
        yield f"* {each.workload.upper()}, {each.server}: `{(each.failure or '').splitlines()[0]}`"


def _times(own: Load | None, other: Load | None) -> str:
    if own is None or other is None or not other.requests_per_s:
        return "-"
    ratio = own.requests_per_s / other.requests_per_s
    return f"{ratio:.2f}" if ratio < 10 else f"{ratio:,.0f}"


def _cpu(own: Load | None, other: Load | None) -> str:
    if other is None:
        return ""
    return f"{other.cpu_us:,.0f}" + (f" ({other.cpu_us / own.cpu_us:.2g})" if own and own.cpu_us else "")


def _latency(load: Load | None) -> str:
    return f"{load.p50_ms:.2f} / {load.p99_ms:.1f}" if load else ""


def _listed(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else []


def _rows(head: Sequence[str]) -> Iterator[str]:
    yield _row(head)
    yield "|" + "---|" * len(head)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
