"""The engine: many readers, one writer at a time, the same on SQLite and PostgreSQL.

Every writing transaction first takes the one write lock: `BEGIN IMMEDIATE` on SQLite, an advisory
lock on PostgreSQL. So a chain of hashes, a number without gaps or a count in a window needs no lock
of its own and no two writers can block each other. The busy path shares one transaction between all
messages that wait (`service/recorder.py`), which pays for the single file.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from moderation.errors import ModerationError

WRITE_LOCK = 0x6D6F6465
"""Key of the advisory lock; any number that no other program on the database uses."""
BUSY_SECONDS = 30
MIGRATIONS = Path(__file__).parent / "migrations"


class StorageError(ModerationError):
    """The database cannot be used now: nothing of the transaction was kept."""


class Database:
    """An engine and its two kinds of transaction; shared by all threads of a process."""

    def __init__(self, url: str) -> None:
        self.url = url
        try:
            self.engine = create_engine(_with_driver(url), **_options(url))
        except (ArgumentError, ModuleNotFoundError) as error:
            raise StorageError(f"MODERATION_DATABASE: {error}") from error
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        if self.is_sqlite:
            _prepare_sqlite(self.engine)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a transaction that sees one state and changes nothing."""
        with self._guarded(), self.engine.connect() as connection:
            if not self.is_sqlite:  # SQLite's transactions do so anyway
                connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction as the only writer; an error undoes it whole."""
        with self._guarded(), self.engine.connect() as connection:
            if self.is_sqlite:
                connection.execution_options(immediate=True)
            with connection.begin():
                if not self.is_sqlite:
                    connection.execute(
                        text("SELECT pg_advisory_xact_lock(:key)"), {"key": WRITE_LOCK}
                    )
                yield connection

    def upgrade(self) -> None:
        """Bring the tables to this version; several processes may try at once.

        Raises:
            StorageError: the database is unreachable or newer than this program.
        """
        with self.write() as connection:
            config = Config()
            config.set_main_option("script_location", str(MIGRATIONS))
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, "head")
            except CommandError as error:
                raise StorageError(f"database of another version: {error}") from error

    def version(self) -> str | None:
        """Return the migration that the tables stand at, None for an empty database."""
        with self.read() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None
            return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar())

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Turn what the driver raises into one error of the project."""
        try:
            yield
        except DBAPIError as error:
            raise StorageError(f"database: {error.orig}") from error
        except (sqlite3.Error, PoolTimeoutError) as error:
            raise StorageError(f"database: {error}") from error


def head() -> str:
    """Return the newest migration of this program."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return str(ScriptDirectory.from_config(config).get_current_head())


def _with_driver(url: str) -> str:
    """Return the URL with the driver that the project installs, where none is named."""
    for plain in ("postgres://", "postgresql://"):
        if url.startswith(plain):
            return "postgresql+psycopg://" + url.removeprefix(plain)
    return url


def _options(url: str) -> dict[str, Any]:
    if make_url(url).get_backend_name() == "sqlite":
        return {"connect_args": {"timeout": BUSY_SECONDS, "check_same_thread": False}}
    return {"pool_pre_ping": True, "pool_size": 5, "max_overflow": 10}


def _prepare_sqlite(engine: Engine) -> None:
    """Leave transactions to us (SQLAlchemy's manual, "Serializable isolation"), write ahead, sync fully."""

    @event.listens_for(engine, "connect")
    def connect(connection: sqlite3.Connection, _: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA secure_delete=ON")  # what is erased is overwritten in the file
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        immediate = connection.get_execution_options().get("immediate", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
