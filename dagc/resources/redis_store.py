"""Values by key in Redis, or Valkey, which speaks the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from .errors import ResourceError, ResourceRefused, ResourceUnavailable, reason_of


class RedisStore:
    """A pool of connections on one loop; it connects when it is first asked."""

    def __init__(self, url: str, connections: int) -> None:
        from redis.asyncio import BlockingConnectionPool, Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff

        # Further attempts are the step's, and a call that finds all connections in use waits for one.
        pool = BlockingConnectionPool.from_url(
            url, max_connections=connections, timeout=None, retry=Retry(NoBackoff(), 0)
        )
        self._redis = Redis(connection_pool=pool)
        self._pool = pool

    async def get(self, keys: Sequence[str]) -> list[bytes | None]:
        """The values of the keys, in their order."""
        found = [await self._redis.get(keys[0])] if len(keys) == 1 else await self._redis.mget(keys)
        return cast("list[bytes | None]", found)

    async def put(self, key: str, value: bytes, ttl_s: float | None) -> None:
        """Keep a value."""
        await self._redis.set(key, value, px=None if ttl_s is None else max(1, round(1000 * ttl_s)))

    async def delete(self, keys: Sequence[str]) -> int:
        """How many of the keys there were."""
        return int(await self._redis.delete(*keys))

    async def ping(self) -> None:
        """Raises where the server does not answer."""
        await self._redis.ping()

    async def close(self) -> None:
        """Close all connections."""
        await self._redis.aclose()
        await self._pool.aclose()

    @staticmethod
    def failure(setting: str, error: Exception) -> ResourceError | None:
        """What an exception of the client means; the text of none is told, which may repeat values."""
        if type(error).__module__.partition(".")[0] == "redis":
            from redis.exceptions import ConnectionError, TimeoutError

            if isinstance(error, ConnectionError | TimeoutError):
                return ResourceUnavailable(setting, f"it cannot be asked: {type(error).__name__}")
            return ResourceRefused(setting, f"the store refuses: {type(error).__name__}")
        if isinstance(error, OSError):
            return ResourceUnavailable(setting, f"it cannot be reached: {reason_of(error)}")
        return None
