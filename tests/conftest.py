"""Fixtures: small models made once, and an application over one of them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from moderation import Moderator
from service.app import create_app
from service.settings import Settings
from service.storage.database import Database, StorageError
from tests.databases import drop_database, drop_tables, empty_tables, make_database
from tests.support import KEY, Api, moderator, quiet_weights, save

settings.register_profile("suite", deadline=None, max_examples=60)
settings.load_profile("suite")


@pytest.fixture(autouse=True)
def own_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep settings of the machine out of the tests."""
    for name in os.environ:
        if name.startswith("MODERATION_"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def quiet_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a model that finds nothing."""
    return save(tmp_path_factory.mktemp("models") / "quiet", quiet_weights())


@pytest.fixture(scope="session")
def quiet(quiet_model: Path) -> Moderator:
    """Return a moderator that hears the lexicon and the patterns alone."""
    return moderator(quiet_model)


@pytest.fixture(scope="session")
def champion() -> Moderator:
    """Return a moderator over the shipped model."""
    return Moderator.load()


@pytest.fixture(scope="session")
def api(quiet_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Api:
    """Return a client of the service over the quiet model."""
    data = tmp_path_factory.mktemp("data")
    return Api(create_app(Settings(data_dir=data, api_key=KEY, model=str(quiet_model))))


SERVER = os.environ.get("TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")
"""A PostgreSQL server where tests may make databases of their own."""


@pytest.fixture(scope="session")
def postgres(worker_id: str) -> Iterator[str]:
    """Return the URL of a database on a real PostgreSQL server, dropped at the end."""
    server = Database(SERVER)
    name = f"moderation_test_{os.getpid()}_{worker_id}"
    try:
        make_database(server, name)
    except StorageError as error:
        if os.environ.get("REQUIRE_POSTGRES"):
            raise
        pytest.skip(f"no PostgreSQL at {SERVER}: {error}")
    yield SERVER.rpartition("/")[0] + f"/{name}"
    drop_database(server, name)
    server.close()


@pytest.fixture(scope="session")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with all tables, empty: to copy one costs less than to make one."""
    path = tmp_path_factory.mktemp("sqlite") / "tables.db"
    database = Database(f"sqlite:///{path}")
    database.upgrade()
    database.close()
    return path


@pytest.fixture(params=["sqlite", "postgres"])
def bare_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of a database without any table, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'test.db'}"
    url: str = request.getfixturevalue("postgres")
    drop_tables(url)
    return url


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of a database with all tables, empty, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite"), tmp_path / "test.db")
        return f"sqlite:///{tmp_path / 'test.db'}"
    url: str = request.getfixturevalue("postgres")
    empty_tables(url)
    return url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """Return a database with all tables, empty, on SQLite and on PostgreSQL."""
    database = Database(database_url)
    yield database
    database.close()
