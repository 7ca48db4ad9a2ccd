"""Values by key in a SQLite file, read in a thread of its own: a locked file must not hold the event loop."""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from .errors import ResourceError, ResourceRefused, ResourceUnavailable

Result = TypeVar("Result")

TABLE = (
    "CREATE TABLE IF NOT EXISTS entries (key TEXT PRIMARY KEY, value BLOB NOT NULL, expires REAL) WITHOUT ROWID"
)
_BUSY_S = 1.0


class EmbeddedStore:
    """A file of entries, or without a file as many as fit into memory."""

    def __init__(self, file: Path | None, setting: str, *, for_reading: bool) -> None:
        self._file = file
        self._setting = setting
        self._for_reading = for_reading and file is not None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="dagc-keyvalue")
        self._opened: sqlite3.Connection | None = None

    async def get(self, keys: Sequence[str]) -> list[bytes | None]:
        """The values of the keys, in their order."""

        def read(connection: sqlite3.Connection) -> list[bytes | None]:
            """The values of the keys that have not expired."""
            query = "SELECT value FROM entries WHERE key = ? AND (expires IS NULL OR expires > ?)"
            now = time.time()
            found = (connection.execute(query, (key, now)).fetchone() for key in keys)
            return [None if row is None else _bytes(row[0]) for row in found]

        return await self._done(read)

    async def put(self, key: str, value: bytes, ttl_s: float | None) -> None:
        """Keep a value."""
        self._may_write()
        expires = None if ttl_s is None else time.time() + ttl_s

        def write(connection: sqlite3.Connection) -> None:
            """Put the value in place of what is there."""
            connection.execute("INSERT OR REPLACE INTO entries VALUES (?, ?, ?)", (key, value, expires))

        await self._done(write)

    async def delete(self, keys: Sequence[str]) -> int:
        """How many of the keys there were."""
        self._may_write()

        def remove(connection: sqlite3.Connection) -> int:
            """Delete the keys; returns how many there were."""
            return sum(connection.execute("DELETE FROM entries WHERE key = ?", (key,)).rowcount for key in keys)

        return await self._done(remove)

    async def ping(self) -> None:
        """Raises where the file cannot be read."""
        await self.get([""])

    async def close(self) -> None:
        """Close the file."""
        opened, self._opened = self._opened, None
        if opened is not None:
            self._thread.submit(opened.close)
        self._thread.shutdown(wait=False)

    @staticmethod
    def failure(setting: str, error: Exception) -> ResourceError | None:
        """What an exception of SQLite means."""
        if not isinstance(error, sqlite3.Error):
            return None
        if "no such table" in str(error):
            return ResourceRefused(setting, "its file is no store: it has no table `entries`")
        return ResourceUnavailable(setting, f"its file cannot be used: {type(error).__name__}")

    def _may_write(self) -> None:
        if self._for_reading:
            message = f"the embedded default is for reading: set `{self._setting}` to keep something"
            raise ResourceRefused(self._setting, message)

    async def _done(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: work(self._connection()))

    def _connection(self) -> sqlite3.Connection:
        if self._opened is None:
            self._opened = self._open()
        return self._opened

    def _open(self) -> sqlite3.Connection:
        name = (
            f"file:{quote(str(self._file))}?mode=ro&immutable=1" if self._for_reading else self._file or ":memory:"
        )
        opened = sqlite3.connect(
            name, uri=self._for_reading, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
        )
        if self._for_reading:
            return opened
        opened.execute(TABLE)
        return opened


def _bytes(held: object) -> bytes:
    """Values that another program has put as text are bytes too."""
    return held.encode() if isinstance(held, str) else bytes(held)  # type: ignore[call-overload]
