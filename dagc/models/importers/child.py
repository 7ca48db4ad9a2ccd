"""The child process: limits itself, calls the user's `load`, converts what it returns, writes files, ends.

`python -P -m dagc.models.importers.child FOLDER`, where FOLDER holds the order; the result is written beside it.
"""

import json
import os
import resource
import sys
from contextlib import suppress
from pathlib import Path

from dagc.models.importers.arrays import read_arrays, write_arrays
from dagc.models.importers.estimators import convert_estimator
from dagc.models.importers.loading import Loaded, load_original, out_of_memory
from dagc.models.importers.modules import convert_module
from dagc.models.importers.order import (
    ANSWERS_FILE,
    EXAMPLE_FILE,
    MODEL_FILE,
    RESULT_FILE,
    ImportFailure,
    Order,
)

_LARGEST_FILE = 8 << 30


def main(work: Path) -> None:
    """Write the model, its reference answers and what it was made of, or what went wrong, into `work`."""
    order = Order.read(work)
    _limit(order)
    try:
        result = _imported(order, work)
    except ImportFailure as failure:
        result = {"failure": _told(failure)}
    except MemoryError as error:
        result = {"failure": _told(out_of_memory(order, error))}
    (work / RESULT_FILE).write_text(json.dumps(result), encoding="utf-8")


def _imported(order: Order, work: Path) -> dict[str, object]:
    file = work / EXAMPLE_FILE
    example = read_arrays(file) if file.is_file() else None
    loaded: Loaded = load_original(order)
    convert = convert_module if order.framework == "torch" else convert_estimator
    made = convert(loaded.original, order, example)
    (work / MODEL_FILE).write_bytes(made.model)
    fed = {f"input:{name}": array for name, array in made.rows.items()}
    answered = {f"output:{name}": array for name, array in made.answers.items()}
    write_arrays(work / ANSWERS_FILE, fed | answered)
    return {"files": loaded.files(order)}


def _limit(order: Order) -> None:
    """Bound memory, processor time and files; the parent bounds the wall clock.

    Writable memory is what counts: address space is reserved freely by thread stacks and allocator arenas, so its
    limit is only four times as high.
    """
    memory = order.memory_mib << 20
    processors = os.cpu_count() or 1
    _lower(resource.RLIMIT_DATA, memory)
    _lower(resource.RLIMIT_AS, 4 * memory)
    _lower(resource.RLIMIT_CPU, int(order.timeout_s * processors) + 1)
    _lower(resource.RLIMIT_FSIZE, _LARGEST_FILE)
    _lower(resource.RLIMIT_CORE, 0)


def _lower(kind: int, wanted: int) -> None:
    hard = resource.getrlimit(kind)[1]
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    with suppress(ValueError, OSError):  # systems other than Linux do not know every limit
        resource.setrlimit(kind, (limit, limit))


def _told(failure: ImportFailure) -> dict[str, object]:
    return {
        "code": failure.code,
        "message": failure.message,
        "notes": failure.notes,
        "help": failure.help,
        "frames": failure.frames,
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
