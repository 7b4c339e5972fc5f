"""Databases of the tests: made, emptied and dropped on a PostgreSQL server; queries counted on any."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event, text

from service.storage.database import Database, head
from service.storage.schema import metadata


def make_database(server: Database, name: str) -> None:
    """Create an empty database; raises `StorageError` where no server answers."""
    _outside(server, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)', f'CREATE DATABASE "{name}"')


def drop_database(server: Database, name: str) -> None:
    """Remove a database and whoever is connected to it."""
    _outside(server, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def drop_tables(url: str) -> None:
    """Remove everything in a database."""
    database = Database(url)
    with database.write() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    database.close()


def empty_tables(url: str) -> None:
    """Leave a database with all tables and nothing in them."""
    database = Database(url)
    if database.version() != head():
        drop_tables(url)
        database.upgrade()
    names = ", ".join(f'"{table.name}"' for table in metadata.sorted_tables)
    with database.write() as connection:
        connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY CASCADE"))
    database.close()


@contextmanager
def queries(database: Database) -> Iterator[list[str]]:
    """Collect every statement that is sent meanwhile; that a transaction begins is none."""
    sent: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        if not statement.startswith("BEGIN"):
            sent.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(database.engine, "before_cursor_execute", note)


def _outside(server: Database, *statements: str) -> None:
    with server.read() as connection:
        connection = connection.execution_options(isolation_level="AUTOCOMMIT")
        for statement in statements:
            connection.execute(text(statement))
