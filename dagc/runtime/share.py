"""`share_of`: in whose share a key falls. The same as `dagc/evaluate/choosing.py` says, which a test compares."""

from collections.abc import Sequence
from hashlib import sha256
from itertools import accumulate


def share_of(key: object, shares: Sequence[float], seed: str = "") -> int:
    """The number of the share, the same for the same key on every machine.

    The first 8 bytes of SHA-256 of `<seed>/<key>` in UTF-8, as a big-endian fraction of 2**64, are looked up among
    the sums of the shares.
    """
    fraction = int.from_bytes(sha256(f"{seed}/{key}".encode()).digest()[:8], "big") / 2**64
    for number, reached in enumerate(accumulate(shares)):
        if fraction < reached:
            return number
    return max(number for number, share in enumerate(shares) if share > 0)
