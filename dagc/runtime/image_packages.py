"""What becomes of `packages/` while an image is built: symbols out, lists of files right, bytecode in.

Runs in the first stage of the Dockerfile with nothing but the base's Python; what no service imports at all never
comes this far (`.dockerignore`). The same packages give the same files.
"""

import compileall
import csv
import re
import struct
import sys
from base64 import urlsafe_b64encode
from hashlib import sha256
from pathlib import Path
from py_compile import PycInvalidationMode

_WORTH_IT = 20_000
"""Bytes. Cython's wheels hold tables for debuggers: 11 of 13 MB of uvloop, 1.3 of 1.6 MB of httptools."""
_SELDOM = re.compile(
    r"/(numpy/(ctypeslib|fft|ma|polynomial|testing|typing)|pydantic/(experimental|mypy|v1)"
    r"|click/(shell_completion|testing)|uvicorn/(protocols/websockets|supervisors))[/.]"
)
"""Parts that no service imports by itself: a graph that does has them compiled when it starts."""


def prepare(packages: Path) -> None:
    """Make a folder that wheels were unpacked into what an image holds."""
    for library in sorted(packages.rglob("*.so*")):
        content = library.read_bytes()
        if len(content) - len(smaller := without_symbols(content)) >= _WORTH_IT:
            library.write_bytes(smaller)
    for record in sorted(packages.glob("*.dist-info/RECORD")):
        correct(record)
    # The root is read-only later. Named by content, so that equal sources give equal files.
    compiled = compileall.compile_dir(
        packages, quiet=1, rx=_SELDOM, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH
    )
    if not compiled:
        print("not all packages have bytecode: some of their files are for other Pythons", file=sys.stderr)


def without_symbols(content: bytes) -> bytes:
    """A 64-bit little-endian ELF file up to the end of what is loaded; anything else as it is.

    The section table, and the symbols and debug tables it names, serve linkers and debuggers: the loader reads
    program headers only (System V ABI, chapter 5).
    """
    if not content.startswith(b"\x7fELF\x02\x01"):
        return content
    (start,) = struct.unpack_from("<Q", content, 32)
    size, count = struct.unpack_from("<HH", content, 54)
    ends = [start + size * count]
    for number in range(count):
        offset, filled = struct.unpack_from("<8xQ16xQ", content, start + size * number)
        ends.append(offset + filled)
    kept = bytearray(content[: max(ends)])
    struct.pack_into("<Q", kept, 40, 0)  # e_shoff
    struct.pack_into("<HHH", kept, 58, 0, 0, 0)  # e_shentsize, e_shnum, e_shstrndx
    return bytes(kept)


def correct(record: Path) -> None:
    """Let a wheel's list of files say what is there, with the hashes it has now."""
    root = record.parent.parent
    with record.open(encoding="utf-8", newline="") as text:
        rows = [row for row in csv.reader(text) if row and (root / row[0]).is_file()]
    with record.open("w", encoding="utf-8", newline="") as text:
        csv.writer(text, lineterminator="\n").writerows(_row(root, row) for row in rows)


def _row(root: Path, row: list[str]) -> list[str]:
    path, hashed, *_ = row
    if not hashed.startswith("sha256="):
        return row
    content = (root / path).read_bytes()
    return [path, "sha256=" + urlsafe_b64encode(sha256(content).digest()).decode().rstrip("="), str(len(content))]


if __name__ == "__main__":
    prepare(Path(sys.argv[1]).resolve())
