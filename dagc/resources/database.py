"""SQLAlchemy's async engine behind `Sql`: how a URL becomes an engine, and its failures ours."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from .address import Address
from .errors import ResourceError, ResourceRefused, ResourceUnavailable, reason_of

if TYPE_CHECKING:
    from sqlalchemy import TextClause
    from sqlalchemy.engine import URL
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

_PATIENCE_S = 2.0
_LONGEST_S = 30.0
_DOWN = frozenset({"08", "28", "3D", "53", "57"})
"""Classes of SQLSTATE: no connection, no access, no such database, no room, an operator is at work."""
_MISSING = re.compile(r'no such (?:column|table): [\w.]{1,99}|(?:column|relation) "?[\w.]{1,99}"? does not exist')
"""Of SQLite and of PostgreSQL: no value stands in it, and without the name nobody finds a renamed column."""
_SSL_MODES = frozenset({"disable", "allow", "prefer", "require", "verify-ca", "verify-full"})


class Answered(NamedTuple):
    """Rows by column, and how many an INSERT, UPDATE or DELETE has touched."""

    rows: list[dict[str, object]]
    touched: int


class Database:
    """An engine with its pool, on one loop; it connects when it is first asked."""

    def __init__(self, found: Address, folder: Path, connections: int) -> None:
        self._engine = _engine(found, folder, connections)
        # A statement of its own needs no BEGIN and ROLLBACK around it: two round trips less.
        self._alone = self._engine.execution_options(isolation_level="AUTOCOMMIT")

    async def answered(self, query: str, parameters: Mapping[str, object], most: int | None) -> Answered:
        """What one statement gives, at most so many rows of it."""
        async with self._alone.connect() as connection:
            return await _asked(connection, query, parameters, most)

    async def begin(self) -> Session:
        """A transaction, begun."""
        connection = await self._engine.connect()
        return Session(connection)

    async def ping(self) -> None:
        """Raises where the database does not answer."""
        await self.answered("SELECT 1", {}, 1)

    async def close(self) -> None:
        """Close the connections that lie in the pool."""
        await self._engine.dispose()


class Session:
    """One connection with a transaction; `leave` ends it, undone unless it was committed."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._leaving: asyncio.Task[None] | None = None

    async def answered(self, query: str, parameters: Mapping[str, object], most: int | None) -> Answered:
        """What one statement gives."""
        return await _asked(self._connection, query, parameters, most)

    async def commit(self) -> None:
        """What was done is kept."""
        await self._connection.commit()

    def leave(self) -> None:
        """Give the connection back, without waiting for the database."""
        self._leaving = asyncio.create_task(self._left())

    async def _left(self) -> None:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await self._connection.close()
        except Exception:  # the server is silent: the connection is of no use to anybody
            with suppress(Exception):
                await self._connection.invalidate()


def failure(setting: str, error: Exception) -> ResourceError | None:
    """What an exception of SQLAlchemy or of a driver means; no text of it, which may repeat values."""
    from sqlalchemy import exc

    if isinstance(error, exc.DBAPIError):
        cause = error.orig or error
        if error.connection_invalidated or _state(cause)[:2] in _DOWN:
            return ResourceUnavailable(setting, f"it cannot be asked: {_named(cause)}")
        if isinstance(error, exc.InterfaceError | exc.OperationalError):
            return _operational(setting, cause)
        return ResourceRefused(setting, f"the database refuses the statement: {_named(cause)}")
    if isinstance(error, exc.TimeoutError):
        return ResourceUnavailable(setting, "all connections are in use")
    if isinstance(error, exc.SQLAlchemyError):
        return ResourceRefused(setting, f"the statement is wrong: {type(error).__name__}")
    if isinstance(error, OSError):
        return ResourceUnavailable(setting, f"it cannot be reached: {reason_of(error)}")
    top = type(error).__module__.partition(".")[0]
    if top in ("asyncpg", "aiosqlite", "sqlite3"):
        return ResourceUnavailable(setting, f"it cannot be reached: {type(error).__name__}")
    return None


async def _asked(
    connection: AsyncConnection, query: str, parameters: Mapping[str, object], most: int | None
) -> Answered:
    result = await connection.execute(_text(query), dict(parameters))
    if not result.returns_rows:
        return Answered([], result.rowcount)
    found = result.mappings()
    rows = found.all() if most is None else found.fetchmany(most)
    return Answered([dict(row) for row in rows], len(rows))


@lru_cache(maxsize=1024)
def _text(query: str) -> TextClause:
    from sqlalchemy import text

    return text(query)


def _engine(found: Address, folder: Path, connections: int) -> AsyncEngine:
    from sqlalchemy.ext.asyncio import create_async_engine

    url, arguments = _url(found, folder)
    if url.database is None:  # in memory: one connection is one database
        return create_async_engine(url, hide_parameters=True)
    pool = {"pool_size": connections, "max_overflow": 0}
    return create_async_engine(url, connect_args=arguments, hide_parameters=True, pool_timeout=_LONGEST_S, **pool)


def _url(found: Address, folder: Path) -> tuple[URL, dict[str, object]]:
    from sqlalchemy import URL, make_url

    if found.scheme != "sqlite":
        given = make_url(found.url).set(drivername="postgresql+asyncpg")
        mode = given.query.get("sslmode")  # as libpq spells it; asyncpg takes it as `ssl`
        given = given.difference_update_query(["sslmode"])
        return given, {"ssl": mode} if isinstance(mode, str) and mode in _SSL_MODES else {}
    file = found.file(folder)
    if file is None:
        return URL.create("sqlite+aiosqlite"), {}
    if not found.embedded:
        return URL.create("sqlite+aiosqlite", database=str(file)), {}
    # The default beside the graph is for reading: in an image it cannot be written, and so nowhere else either.
    options = {"mode": "ro", "immutable": "1", "uri": "true"}
    return URL.create("sqlite+aiosqlite", database=f"file:{file}", query=options), {}


def _operational(setting: str, cause: BaseException) -> ResourceError:
    """SQLite calls wrong SQL an operational error too."""
    if type(cause).__module__ == "sqlite3" and "unable to open" not in str(cause):
        kind = "the database is locked" if "locked" in str(cause) else "the database refuses the statement"
        made = ResourceUnavailable if "locked" in str(cause) else ResourceRefused
        return made(setting, f"{kind}: {_named(cause)}")
    return ResourceUnavailable(setting, f"it cannot be reached: {_named(cause)}")


def _named(cause: BaseException) -> str:
    """The class of a driver's error, with the five letters the SQL standard has for it, and a name it misses."""
    name, state = type(cause.__cause__ or cause).__name__, _state(cause)
    missing = _MISSING.search(str(cause))
    return (f"{name} ({state})" if state else name) + (f": {missing[0]}" if missing else "")


def _state(cause: BaseException) -> str:
    found = getattr(cause, "sqlstate", None) or getattr(cause.__cause__, "sqlstate", None)
    return found if isinstance(found, str) else ""
