"""Which distributions provide a module, from the metadata of what is installed.

`importlib.metadata.packages_distributions` says the same in four times the time: it makes a path object of each of
the tens of thousands of files.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import Distribution, distributions

_MODULE = re.compile(r"^\"?([^/,\"]+?)(?:/[^,\"]*)?(?:\.py|\.so|\.pyd)\"?,", re.MULTILINE)
"""A line of RECORD that names a module: its first folder, or its own name with its endings."""


@cache
def providers() -> Mapping[str, tuple[str, ...]]:
    """The names of the distributions that hold each top-level module or package."""
    found: dict[str, dict[str, None]] = {}
    for installed in distributions():
        for module in _modules(installed):
            found.setdefault(module, {})[_name(installed)] = None
    return {module: tuple(names) for module, names in found.items()}


def _modules(installed: Distribution) -> Iterator[str]:
    if (listed := installed.read_text("top_level.txt")) is not None:
        yield from listed.split()
    elif (record := installed.read_text("RECORD")) is not None:
        yield from {found.split(".")[0] for found in _MODULE.findall(record)}
    else:
        yield from {file.parts[0].split(".")[0] for file in installed.files or () if file.suffix == ".py"}


def _name(installed: Distribution) -> str:
    head = re.search(r"^Name:\s*(\S+)", installed.read_text("METADATA") or "", re.MULTILINE)
    return head[1] if head else installed.name
