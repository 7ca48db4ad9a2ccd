"""A process for steps as its worker sees it, and our end of its socket.

It is a fresh interpreter, not a fork: the worker has threads, whose locks a fork would copy as they stand.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from .crossing import pack, unpack
from .step_process import receive, send

START_S = 60.0


class StepChild:
    """One process; it ends with the thread that makes it (PR_SET_PDEATHSIG), which therefore has to `wait`.

    Raises:
        OSError: there is no room for one more.
    """

    has_answered = False
    """Whether it has been of use."""
    has_ended = False
    """Set by who has waited for it."""

    def __init__(self, folder: Path) -> None:
        self._socket, theirs = socket.socketpair()
        path = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
        begin = f"from {__name__.rpartition('.')[0]}.step_process import main; main()"
        try:
            # The interpreter itself and our own module, never a shell; what it runs comes by the socket.
            self._child = subprocess.Popen(
                [sys.executable, "-P", "-c", begin, str(theirs.fileno()), str(folder)],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": path},
            )
        except OSError:
            self._socket.close()
            raise
        finally:
            theirs.close()

    def load(self, steps: Sequence[str]) -> str | None:
        """Have it import what the steps `module.name` need; why it cannot, if so."""
        try:
            told = cast("dict[str, object]", unpack(self.ask(pack({"load": [*steps]}), START_S)))
        except (OSError, EOFError):
            return "it died at its start"
        finally:
            self.has_answered = False
        if "failed" not in told:
            return None
        name, place = cast("tuple[str, str]", told["failed"])
        return f"{name} at {place}"

    def ask(self, question: bytes, longest_s: float) -> bytearray:
        """The answer.

        Raises:
            TimeoutError: it does not come in time.
            ConnectionError: the process has died before it had read all of the question: its step has not begun.
            EOFError, OSError: it has died later.
        """
        self._socket.settimeout(longest_s)
        send(self._socket, question)
        answer = receive(self._socket)
        if answer is None:
            raise EOFError
        self.has_answered = True
        return answer

    def end(self) -> None:
        """Kill it. Only for who has it: nobody else may be reading from its socket."""
        self._socket.close()
        self._child.kill()

    def wait(self) -> str:
        """How it ended, once it has."""
        code = self._child.wait()
        return f"ended with code {code}" if code >= 0 else f"was ended by signal {-code}"
