"""The key that a guarded service wants: from the environment, since a command line is seen by everybody."""

import os
from collections.abc import Mapping

VARIABLE = "DAGC_KEY"


def authorization() -> Mapping[str, str]:
    """The header field with the key or token in `DAGC_KEY`; nothing without one."""
    key = os.environ.get(VARIABLE, "").strip()
    return {"authorization": f"Bearer {key}"} if key else {}
