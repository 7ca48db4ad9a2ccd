"""`KeyValue`: values by key, the online side of a feature store. SQLite embedded, Redis or Valkey in production.

Values are JSON, or bytes as they are; what another program has written can be read as either.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar, TypeVar, cast, overload

from pydantic import JsonValue

from .address import Address
from .embedded_store import EmbeddedStore
from .errors import ResourceError
from .redis_store import RedisStore
from .resource import Resource
from .typed import as_json, validated_json

Wanted = TypeVar("Wanted")
Store = EmbeddedStore | RedisStore


class KeyValue(Resource[Store]):
    """A store of values by key."""

    kind: ClassVar[str] = "keyvalue"
    schemes: ClassVar[Mapping[str, Sequence[str]]] = {
        "redis": ("redis.asyncio",),
        "rediss": ("redis.asyncio",),
        "sqlite": (),
    }

    @overload
    async def get(self, key: str, /) -> JsonValue: ...
    @overload
    async def get(self, key: str, wanted: type[Wanted], /) -> Wanted | None: ...
    async def get(self, key: str, wanted: type[Wanted] | None = None, /) -> Wanted | JsonValue:
        """The value of a key: as JSON has it, as a `wanted`, or as it is (`bytes`); `None` where there is none.

        Raises:
            ResourceUnavailable: the store cannot be reached.
            ResourceTimeout: it has not answered in the time there was.
            ResourceRefused: what the key holds is no plain value.
            ResourceGarbled: its value is no JSON, or no `wanted`.
        """
        found = (await self._call("get", lambda store: store.get([key])))[0]
        return self._read(found, wanted)

    @overload
    async def get_many(self, keys: Sequence[str], /) -> list[JsonValue]: ...
    @overload
    async def get_many(self, keys: Sequence[str], wanted: type[Wanted], /) -> list[Wanted | None]: ...
    async def get_many(
        self, keys: Sequence[str], wanted: type[Wanted] | None = None, /
    ) -> list[JsonValue] | list[Wanted | None]:
        """The values of the keys, in their order, asked for at once.

        Raises:
            ResourceError: see `get`.
        """
        found = await self._call("get_many", lambda store: store.get(keys)) if keys else []
        return cast("list[Wanted | None]", [self._read(value, wanted) for value in found])

    async def put(self, key: str, value: object, /, *, ttl_s: float | None = None) -> None:
        """Keep a value: bytes as they are, all else as JSON; with `ttl_s` for so many seconds.

        Raises:
            ResourceError: see `get`; the embedded default of a graph is for reading and refuses.
            TypeError: the value has no JSON form.
        """
        held = bytes(value) if isinstance(value, bytes | bytearray | memoryview) else as_json(value)
        await self._call("put", lambda store: store.put(key, held, ttl_s))

    async def delete(self, *keys: str) -> int:
        """How many of the keys there were; there are none of them now.

        Raises:
            ResourceError: see `put`.
        """
        return await self._call("delete", lambda store: store.delete(keys)) if keys else 0

    def _read(self, found: bytes | None, wanted: type[Wanted] | None) -> Wanted | JsonValue:
        if found is None:
            return None
        if wanted is None:
            return cast(JsonValue, validated_json(found, object, self.setting))
        if wanted is bytes:
            return cast(Wanted, found)
        return validated_json(found, wanted, self.setting)

    def _connect(self, found: Address | None) -> Store:
        given = cast(Address, found)
        if given.scheme == "sqlite":
            return EmbeddedStore(given.file(self.folder), self.setting, for_reading=given.embedded)
        return RedisStore(given.url, self.connections)

    def _failure(self, error: Exception) -> ResourceError | None:
        return RedisStore.failure(self.setting, error) or EmbeddedStore.failure(self.setting, error)
