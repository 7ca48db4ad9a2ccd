"""How many requests may share a run, chosen from what runs were measured to cost."""

from dagc.plan.profile import SessionProfile

MAX_BATCH = 64
"""Requests that share one run; small models gain little beyond, and every request in the batch waits longer."""
HEAVY_MS = 2.0
"""The service runs what takes longer in a thread (the runtime's own `HEAVY_MS`; a test compares them)."""
_WORTH = 1.1
"""A larger batch must save more than a tenth of what a row costs: below that it only makes rows wait."""
_LOOP_MS = 10.0
"""The longest run on the event loop, which answers nobody, probes included, as long as it lasts."""
_SHARE_OF_DEADLINE = 0.25
"""A run in a thread: a request may just have missed it, wait for its end and then take part in the next."""


def max_batch(measured: SessionProfile, deadline_s: float) -> int:
    """The smallest power of two at which a row costs about as little as at `MAX_BATCH`, in runs not too long.

    `deadline_s` is the shortest one of the endpoints that use the session.
    """
    fixed, row = measured.fixed_ms, measured.row_ms
    least = fixed / MAX_BATCH + row
    sizes = [1 << power for power in range(MAX_BATCH.bit_length())]
    enough = next((size for size in sizes if fixed / size + row <= _WORTH * least), MAX_BATCH)
    longest_ms = _LOOP_MS if measured.run.p50_ms <= HEAVY_MS else 1000 * deadline_s * _SHARE_OF_DEADLINE
    return max(size for size in sizes if size == 1 or (size <= enough and fixed + size * row <= longest_ms))
