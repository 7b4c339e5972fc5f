"""Migrations and transactions: what the tables are, what a reader sees, what a full pool says."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import func, insert, select, text

from service.storage.database import Database, StorageError, head
from service.storage.schema import counters, metadata


def test_a_reader_sees_one_state_while_others_write(database):
    query = select(func.count()).select_from(counters)
    with database.read() as reading:
        assert reading.execute(query).scalar() == 0
        with database.write() as writing:
            writing.execute(insert(counters).values(name="n", value=1))
        assert reading.execute(query).scalar() == 0
    with database.read() as reading:
        assert reading.execute(query).scalar() == 1


def test_without_a_free_connection_the_error_is_the_projects(tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'test.db'}")
    database.engine.pool._timeout = 0.01
    database.engine.pool._max_overflow = 0
    held = database.engine.pool.size()
    with ExitStack() as stack:
        for _ in range(held):
            stack.enter_context(database.read())
        with pytest.raises(StorageError, match="QueuePool"), database.read():
            pass
    database.close()


def test_the_migrations_make_the_tables_of_the_schema(bare_database_url):
    database = Database(bare_database_url)
    assert database.version() is None
    database.upgrade()
    assert database.version() == head()
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    database.upgrade()
    database.close()


def test_several_processes_may_upgrade_at_once(bare_database_url):
    databases = [Database(bare_database_url) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(Database.upgrade, databases))
    assert {database.version() for database in databases} == {head()}
    for database in databases:
        database.close()


def test_a_database_of_a_newer_program_is_refused(database):
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'of-tomorrow'"))
    with pytest.raises(StorageError, match="another version"):
        database.upgrade()
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :head"), {"head": head()})
