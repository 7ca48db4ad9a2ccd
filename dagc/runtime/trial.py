"""Whether a model may take another one's place: tried in a process that may end, hang or grow because of it.

It is run on what the model that serves has answered: zeros, drawn numbers, the last requests. Model, settings and
those batches come in through stdin; why it may not goes out through stdout.
"""

import io
import json
import math
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from pydantic import TypeAdapter

from .feed import DTYPES, Array
from .session import Session
from .settings import Port, SessionSettings, StartError

if TYPE_CHECKING:
    import onnxruntime

PATIENCE_S = 60
NICE = 10
_KINDS = {
    "float16": "f16", "float": "f32", "double": "f64", "bool": "bool", "string": "str",
    "int8": "i8", "int16": "i16", "int32": "i32", "int64": "i64",
    "uint8": "u8", "uint16": "u16", "uint32": "u32", "uint64": "u64",
}  # fmt: skip
_ELSEWHERE = b"\x0a\x08location"
"""Begins the entry of a tensor that names another file. onnxruntime would read it, wherever it lies."""
_NEAR = 1e-3
"""Rows that do not touch each other differ by the order of additions only; rows that do, by any amount."""

Batch = Mapping[str, Array]
"""What a model is fed, by input; the batch axis first."""


class _Declared(Protocol):
    """An input or output as onnxruntime tells of it."""

    name: str
    type: str
    shape: Sequence[int | str | None]


def question(model: bytes, settings: SessionSettings, batches: Sequence[Batch]) -> bytes:
    """What the process is given to read: no pickle, strings as numpy's own."""
    arrays: dict[str, Array] = {"model": np.frombuffer(model, np.uint8)}
    arrays["settings"] = np.frombuffer(TypeAdapter(SessionSettings).dump_json(settings), np.uint8)
    for number, batch in enumerate(batches):
        for at, port in enumerate(settings.feeds):
            array = batch[port.name]
            arrays[f"{number}_{at}"] = array.astype(str) if array.dtype == np.object_ else array
    written = io.BytesIO()
    np.savez(written, allow_pickle=False, **arrays)
    return written.getvalue()


def why_not(model: bytes, settings: SessionSettings, batches: Sequence[Batch]) -> str | None:
    """What is wrong with the model, in words; `None` when it may serve."""
    if _ELSEWHERE in model:
        return "its weights lie in another file: save them inside the model"
    session = Session(settings, Path())
    try:
        loaded = session.load(model)
    except StartError as error:
        return error.message
    return next(chain(_wrong_ports(loaded, settings), _failures(session, settings, batches)), None)


def main() -> None:
    """Read, try, tell."""
    signal.alarm(PATIENCE_S)
    os.nice(NICE)
    with suppress(OSError):  # where memory ends, this process is the one to go
        Path("/proc/self/oom_score_adj").write_text("1000")
    given = np.load(io.BytesIO(sys.stdin.buffer.read()), allow_pickle=False)
    settings = TypeAdapter(SessionSettings).validate_json(given["settings"].tobytes())
    why = why_not(given["model"].tobytes(), settings, _batches(given, settings))
    print(json.dumps({"why": why}))


def _batches(given: Mapping[str, Array], settings: SessionSettings) -> list[Batch]:
    found: list[Batch] = []
    while f"{len(found)}_0" in given:
        columns = [given[f"{len(found)}_{at}"] for at in range(len(settings.feeds))]
        names = [port.name for port in settings.feeds]
        found.append({
            name: column.astype(object) if column.dtype.kind == "U" else column
            for name, column in zip(names, columns, strict=True)
        })  # fmt: skip
    return found


def _wrong_ports(loaded: "onnxruntime.InferenceSession", settings: SessionSettings) -> Iterator[str]:
    """Inputs and outputs of another type; sizes that an output does not tell are seen when it runs."""
    for side, ports, declared in (
        ("input", settings.feeds, loaded.get_inputs()),
        ("output", settings.fetches, loaded.get_outputs()),
    ):
        by_name: dict[str, _Declared] = {each.name: each for each in declared}
        for port in ports:
            found = by_name[port.name]
            if not _fits(port, found, is_input=side == "input", one_by_one=settings.one_by_one is not None):
                yield f"{side} `{port.name}` is {_shown(found)}, and {_wanted(port)} is needed"


def _fits(port: Port, found: _Declared, *, is_input: bool, one_by_one: bool) -> bool:
    if found.type != f"tensor({_type(port)})":
        return False
    if port.dims is None or (not is_input and not found.shape):
        return True
    if len(found.shape) != len(port.dims) + 1:
        return False
    rows, *sizes = found.shape
    if isinstance(rows, int) and not (one_by_one and rows == 1):
        return False
    return all(_same(wanted, size, is_input=is_input) for wanted, size in zip(port.dims, sizes, strict=True))


def _same(wanted: int | str | None, size: int | str | None, *, is_input: bool) -> bool:
    """A size that is free in the model takes every one; what has to be free must not be fixed in an input."""
    if not isinstance(size, int):
        return True
    return size == wanted if isinstance(wanted, int) else not is_input


def _type(port: Port) -> str:
    return next(name for name, kind in _KINDS.items() if kind == port.dtype)


def _shown(found: _Declared) -> str:
    kind = found.type.removeprefix("tensor(").removesuffix(")")
    return f"{_KINDS.get(kind, found.type)}[{', '.join(str(size or '?') for size in found.shape)}]"


def _wanted(port: Port) -> str:
    sizes = ["rows", *("?" if size is None else str(size) for size in port.dims or ("...",))]
    return f"{port.dtype}[{', '.join(sizes)}]"


def _failures(session: Session, settings: SessionSettings, batches: Sequence[Batch]) -> Iterator[str]:
    for batch in batches:
        rows = len(next(iter(batch.values())))
        try:
            together = session.outputs(batch)
            alone = [
                session.outputs({name: column[at : at + 1] for name, column in batch.items()})
                for at in range(rows)
            ]
        except Exception as error:
            yield f"it fails on what the one that serves answers: {type(error).__name__}: {error}"
            return
        for port, found, *single in zip(settings.fetches, together, *alone, strict=True):
            if why := _wrong_result(port, found, rows):
                yield why
            elif not _equal(found, np.concatenate(single)):
                yield f"output `{port.name}` of a row depends on the rows beside it: requests must not share a run"


def _wrong_result(port: Port, found: Array, rows: int) -> str | None:
    sizes = found.shape[1:]
    fits = port.dims is None or (
        len(sizes) == len(port.dims)
        and all(
            not isinstance(wanted, int) or size == wanted for wanted, size in zip(port.dims, sizes, strict=True)
        )
    )
    if found.dtype != DTYPES[port.dtype] or found.shape[:1] != (rows,) or not fits:
        given = f"{found.dtype}{list(found.shape)}"
        return f"output `{port.name}` of {rows} rows is {given}, and {_wanted(port)} is needed"
    if found.dtype.kind == "f" and not np.isfinite(found).all():
        return f"output `{port.name}` is not finite where that of the one that serves is"
    return None


def _equal(together: Array, alone: Array) -> bool:
    if together.shape != alone.shape:
        return False
    if together.dtype.kind != "f" or not together.size:
        return bool((together == alone).all())
    size = float(np.abs(alone).max())
    return math.isfinite(size) and bool(np.allclose(together, alone, rtol=_NEAR, atol=_NEAR * max(size, 1e-6)))


if __name__ == "__main__":
    main()
