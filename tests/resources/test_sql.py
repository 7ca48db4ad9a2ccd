"""Databases: the same statements on SQLite and on a real PostgreSQL, and what a server that fails is told as."""

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from pydantic import BaseModel

from dagc.resources import (
    ResourceError,
    ResourceGarbled,
    ResourceRefused,
    ResourceTimeout,
    ResourceUnavailable,
    Sql,
)
from tests.resources.servers import Server, postgres
from tests.running import free_port

pytestmark = pytest.mark.port


class Profile(BaseModel):
    age_days: int
    country: str


@pytest.fixture(params=["sqlite", "postgresql", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:////{tmp_path}/profiles.db".replace("////", "///", 1)
    server: Server = request.getfixturevalue("postgres_server")
    return f"{request.param}://app:canary-secret@127.0.0.1:{server.port}/postgres"


@pytest.fixture
def database(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sql:
    monkeypatch.setenv("PROFILES_URL", url)
    return Sql("PROFILES_URL", folder=tmp_path)


async def filled(database: Sql) -> None:
    await database.execute("DROP TABLE IF EXISTS profiles")
    await database.execute("CREATE TABLE profiles (user_id TEXT PRIMARY KEY, age_days INT, country TEXT)")
    insert = "INSERT INTO profiles VALUES (:user_id, :age_days, :country)"
    assert await database.execute(insert, user_id="u1", age_days=400, country="DE") == 1
    assert await database.execute(insert, user_id="u2", age_days=3, country="FR") == 1


def test_rows_come_back_by_column_or_as_records(database: Sql) -> None:
    async def asked() -> None:
        await filled(database)
        query = "SELECT age_days, country FROM profiles WHERE user_id = :user_id"
        assert await database.one(query, user_id="u1") == {"age_days": 400, "country": "DE"}
        assert await database.one(query, Profile, user_id="u1") == Profile(age_days=400, country="DE")
        assert await database.one_or_none(query, user_id="nobody") is None
        every = await database.all("SELECT age_days, country FROM profiles ORDER BY user_id", Profile)
        assert [each.country for each in every] == ["DE", "FR"]
        assert await database.execute("UPDATE profiles SET country = :to", to="US") == 2

    asyncio.run(asked())


def test_parameters_are_bound_and_never_part_of_the_text(database: Sql) -> None:
    async def asked() -> None:
        await filled(database)
        found = await database.all("SELECT * FROM profiles WHERE user_id = :user_id", user_id="' OR '1' = '1")
        assert found == []
        named = await database.one("SELECT age_days AS a FROM profiles WHERE country = :query", query="DE")
        assert named == {"a": 400}

    asyncio.run(asked())


def test_the_only_row_is_neither_none_nor_one_of_several(database: Sql) -> None:
    async def asked() -> None:
        await filled(database)
        with pytest.raises(ResourceRefused, match="no row"):
            await database.one("SELECT * FROM profiles WHERE user_id = 'nobody'")
        with pytest.raises(ResourceRefused, match="several rows"):
            await database.one("SELECT * FROM profiles")
        with pytest.raises(ResourceRefused, match="several rows"):
            await database.one_or_none("SELECT * FROM profiles")

    asyncio.run(asked())


def test_a_transaction_takes_effect_whole_or_not_at_all(database: Sql) -> None:
    async def asked() -> None:
        await filled(database)
        with pytest.raises(ZeroDivisionError):
            async with database.transaction() as transaction:
                await transaction.execute("DELETE FROM profiles")
                assert await transaction.all("SELECT * FROM profiles") == []
                raise ZeroDivisionError
        async with database.transaction() as transaction:
            await transaction.execute("DELETE FROM profiles WHERE user_id = :user_id", user_id="u2")
        await asyncio.sleep(0.1)
        assert await database.one("SELECT user_id FROM profiles") == {"user_id": "u1"}

    asyncio.run(asked())


def test_a_name_that_the_database_does_not_have_is_told(database: Sql) -> None:
    async def asked() -> None:
        await filled(database)
        for statement, missing in (
            ("SELECT agedays FROM profiles", "agedays"),
            ("SELECT 1 FROM people", "people"),
        ):
            with pytest.raises(ResourceRefused, match=missing):
                await database.all(statement)

    asyncio.run(asked())


def test_a_wrong_statement_is_refused_without_its_values(database: Sql) -> None:
    async def asked() -> None:
        await filled(database)
        for statement in (
            "SELECT * FROM nothing WHERE x = :x",
            "SELEC :x",
            "INSERT INTO profiles VALUES ('u1', 1, :x)",
        ):
            with pytest.raises(ResourceRefused) as refused:
                await database.execute(statement, x="canary-value")
            assert "canary" not in str(refused.value) and "PROFILES_URL" in str(refused.value)
        with pytest.raises(ResourceGarbled, match=r"no `Profile` at `country`: missing"):
            await database.one("SELECT age_days FROM profiles WHERE user_id = 'u1'", Profile)

    asyncio.run(asked())


def test_statements_of_one_pool_overlap_up_to_its_size(
    postgres_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("P", f"postgresql://app:canary-secret@127.0.0.1:{postgres_server.port}/postgres")
    database = Sql("P", folder=tmp_path, connections=3)

    query = "SELECT count(*) AS n, pg_sleep(0.2) FROM pg_stat_activity WHERE state = 'active' AND query LIKE :mine"

    async def asked() -> None:
        seen = await asyncio.gather(*(database.one(query, mine="%pg_sleep%") for _ in range(9)))
        assert max(row["n"] for row in seen) <= 3

    asyncio.run(asked())


def elapsed(work: Callable[[], Awaitable[object]], error: type[ResourceError]) -> float:
    async def asked() -> float:
        begun = time.perf_counter()
        with pytest.raises(error) as failed:
            await work()
        assert "canary" not in str(failed.value)
        return time.perf_counter() - begun

    return asyncio.run(asked())


def test_a_frozen_server_costs_the_time_of_a_call_and_no_more(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = postgres(folder / "frozen")
    server.start()
    try:
        monkeypatch.setenv("P", f"postgresql://app:canary-secret@127.0.0.1:{server.port}/postgres")
        database = Sql("P", folder=tmp_path, timeout_s=20)

        async def asked() -> None:
            assert await database.one("SELECT 1 AS n") == {"n": 1}
            server.freeze()
            database.timeout_s = 0.3
            begun = time.perf_counter()
            for _ in range(4):
                with pytest.raises(ResourceTimeout, match=r"within 0.3 s"):
                    await database.one("SELECT 1 AS n")
            # SQLAlchemy and asyncpg take two seconds to let go of each such connection; nobody waits for that.
            assert time.perf_counter() - begun < 8
            database.timeout_s = 20
            server.thaw()
            await asyncio.to_thread(server.stop)  # it waits for connections that are being given up
            with pytest.raises(ResourceUnavailable):
                await database.one("SELECT 1 AS n")
            server.start()
            until = time.monotonic() + 60
            while time.monotonic() < until:
                try:
                    assert await database.one("SELECT 1 AS n") == {"n": 1}
                    return
                except ResourceError:
                    await asyncio.sleep(0.1)
            pytest.fail("it has not healed within a minute")

        asyncio.run(asked())
    finally:
        server.stop()


def test_wrong_passwords_and_closed_ports_are_no_answer(
    postgres_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Sql("P", folder=tmp_path, timeout_s=30)
    monkeypatch.setenv("P", f"postgresql://app:canary-wrong@127.0.0.1:{postgres_server.port}/postgres")
    elapsed(lambda: database.one("SELECT 1"), ResourceUnavailable)
    monkeypatch.setenv("P", f"postgresql://app:canary-secret@127.0.0.1:{free_port()}/postgres")
    elapsed(lambda: database.one("SELECT 1"), ResourceUnavailable)
    monkeypatch.setenv(
        "P", f"postgresql://app:canary-secret@127.0.0.1:{postgres_server.port}/nothing?sslmode=disable"
    )
    elapsed(lambda: database.one("SELECT 1"), ResourceUnavailable)


def test_the_embedded_default_is_for_reading_and_lies_beside_the_graph(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "profiles.db") as file:
        file.execute("CREATE TABLE profiles (n INT)")
    database = Sql("NOT_SET", default="sqlite:///profiles.db", folder=tmp_path)

    async def asked() -> None:
        assert await database.all("SELECT * FROM profiles") == []
        with pytest.raises(ResourceRefused):
            await database.execute("INSERT INTO profiles VALUES (1)")
        missing = Sql("NOT_SET", default="sqlite:///missing.db", folder=tmp_path)
        with pytest.raises(ResourceUnavailable):
            await missing.all("SELECT 1")
        assert not (tmp_path / "missing.db").exists()
        memory = Sql("NOT_SET", default="sqlite://", folder=tmp_path)
        await memory.execute("CREATE TABLE t (n INT)")
        assert await memory.execute("INSERT INTO t VALUES (1)") == 1

    asyncio.run(asked())
