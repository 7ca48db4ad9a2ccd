"""The one spelling of JSON in everything dagc writes: sorted keys, two spaces, UTF-8, a final line break."""

import json

from pydantic import JsonValue


def json_bytes(value: JsonValue) -> bytes:
    """`value` as a file's content; equal values give equal bytes.

    Raises:
        ValueError: a number JSON does not have (NaN, infinity), which no floor above lets through.
    """
    text = json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode()
