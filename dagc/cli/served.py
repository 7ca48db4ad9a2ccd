"""A built service, running in the background for a command that asks it something and stops it again."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dagc.cli.companions import ended
from dagc.cli.ready import ready_address
from dagc.cli.service_process import beside, failed_service, start_service
from dagc.diagnostics import CompileError


@dataclass(frozen=True, slots=True)
class Running:
    """Where a service listens, and the process that leads all of its processes."""

    address: str
    pid: int


@contextmanager
def served(folder: Path, port: int = 0, words: Sequence[str] = ("main.py",)) -> Iterator[Running]:
    """The running service of `folder`, on the loopback address; stopped at the end, its log shown if it fails.

    `words` are what Python is given to run.

    Raises:
        CompileError: it did not start, or ended badly (E0703).
    """
    with tempfile.TemporaryFile("w+") as log, beside(folder, log) as addresses:
        piped = subprocess.PIPE
        process = start_service(
            folder, "127.0.0.1", port, words=words, addresses=addresses, stdout=piped, stderr=log
        )
        try:
            address = ready_address(process, None)
            if address is None:
                code = process.wait()
                log.seek(0)
                sys.stderr.write(log.read())
                raise CompileError.of(failed_service(folder.name, code))
            yield Running(address, process.pid)
        finally:
            process.terminate()
            code = ended(process)
        if code:
            log.seek(0)
            sys.stderr.write(log.read())
            raise CompileError.of(failed_service(folder.name, code))
