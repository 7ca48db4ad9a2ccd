"""`Sql`: a database asked by SQL with bound parameters. SQLite embedded, PostgreSQL in production."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, ClassVar, TypeAlias, TypeVar, cast, overload

from .address import Address
from .database import Answered, Database, Session, failure
from .errors import ResourceError, ResourceRefused
from .resource import Resource
from .typed import validated

Row: TypeAlias = dict[str, Any]
"""A row by column; what a column holds only the query's author knows."""

Record = TypeVar("Record")


# The dialects too: who opens the first connection on the loop would import them there, which takes 50 ms.
_POSTGRES = ("greenlet", "asyncpg", "sqlalchemy.ext.asyncio", "sqlalchemy.dialects.postgresql.asyncpg")


class Statements(ABC):
    """What a database and a transaction of it answer. Parameters are bound (`:name`), never put into the text."""

    setting: str

    @overload
    async def one(self, query: str, /, **parameters: object) -> Row: ...
    @overload
    async def one(self, query: str, record: type[Record], /, **parameters: object) -> Record: ...
    async def one(self, query: str, record: type[Record] | None = None, /, **parameters: object) -> Row | Record:
        """The only row: by column, or as a `record`.

        Raises:
            ResourceRefused: there is none, or there are several.
            ResourceError: see `all`.
        """
        found = (await self._answered("one", query, parameters, most=2)).rows
        if len(found) != 1:
            raise ResourceRefused(self.setting, f"{'several rows' if found else 'no row'} where one was asked for")
        return found[0] if record is None else validated(found[0], record, self.setting)

    @overload
    async def one_or_none(self, query: str, /, **parameters: object) -> Row | None: ...
    @overload
    async def one_or_none(self, query: str, record: type[Record], /, **parameters: object) -> Record | None: ...
    async def one_or_none(
        self, query: str, record: type[Record] | None = None, /, **parameters: object
    ) -> Row | Record | None:
        """As `one`, or `None` where there is no row."""
        found = (await self._answered("one", query, parameters, most=2)).rows
        if len(found) > 1:
            raise ResourceRefused(self.setting, "several rows where one was asked for")
        if not found:
            return None
        return found[0] if record is None else validated(found[0], record, self.setting)

    @overload
    async def all(self, query: str, /, **parameters: object) -> list[Row]: ...
    @overload
    async def all(self, query: str, record: type[Record], /, **parameters: object) -> list[Record]: ...
    async def all(
        self, query: str, record: type[Record] | None = None, /, **parameters: object
    ) -> list[Row] | list[Record]:
        """All rows, in order: by column, or as records.

        Raises:
            ResourceUnavailable: the database cannot be reached.
            ResourceTimeout: it has not answered in the time there was.
            ResourceRefused: it refuses the query.
            ResourceGarbled: a row is no `record`.
        """
        found = (await self._answered("all", query, parameters)).rows
        if record is None:
            return list(found)
        return [validated(row, record, self.setting) for row in found]

    async def execute(self, query: str, /, **parameters: object) -> int:
        """How many rows an INSERT, UPDATE or DELETE has touched; -1 where the database does not say.

        Raises:
            ResourceError: see `all`.
        """
        return (await self._answered("execute", query, parameters)).touched

    @abstractmethod
    async def _answered(
        self, operation: str, query: str, parameters: dict[str, object], most: int | None = None
    ) -> Answered:
        """What the database says, at most so many rows of it."""


class Sql(Resource[Database], Statements):
    """A database. Each statement is a transaction of its own; `transaction()` joins several."""

    kind: ClassVar[str] = "sql"
    schemes: ClassVar[Mapping[str, Sequence[str]]] = {
        "postgresql": _POSTGRES,
        "postgres": _POSTGRES,
        "sqlite": ("greenlet", "aiosqlite", "sqlalchemy.ext.asyncio", "sqlalchemy.dialects.sqlite.aiosqlite"),
    }

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["Transaction"]:
        """Statements that take effect together, at the end of `async with`, or not at all."""
        session = await self._call("begin", lambda database: database.begin())
        try:
            yield Transaction(self, session)
            await self._call("commit", lambda _: session.commit())
        finally:
            session.leave()

    async def _answered(
        self, operation: str, query: str, parameters: dict[str, object], most: int | None = None
    ) -> Answered:
        return await self._call(operation, lambda database: database.answered(query, parameters, most))

    def _connect(self, found: Address | None) -> Database:
        return Database(cast(Address, found), self.folder, self.connections)

    def _failure(self, error: Exception) -> ResourceError | None:
        return failure(self.setting, error)


class Transaction(Statements):
    """Statements of one transaction, one after the other."""

    def __init__(self, database: Sql, session: Session) -> None:
        self.setting = database.setting
        self._database = database
        self._session = session

    async def _answered(
        self, operation: str, query: str, parameters: dict[str, object], most: int | None = None
    ) -> Answered:
        work = self._session.answered
        return await self._database._call(operation, lambda _: work(query, parameters, most))
