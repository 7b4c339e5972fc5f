"""Accounts for tests: applications on a database, and clients with a key or a session of some roles."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher
from fastapi import FastAPI

from service.app import create_app
from service.rights import Role
from service.settings import Settings
from service.storage import accounts
from service.storage.database import Database
from tests.support import KEY, Api

PASSWORD = "一个足够长的口令-2026"
OTHER_PASSWORD = "另一个足够长的口令-2026"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""Makes real hashes at no cost."""
_numbers = count(1)


def service(folder: Path, model: Path, **settings: Any) -> FastAPI:
    """Return an application over a model, with settings of its own."""
    return create_app(Settings(data_dir=folder, api_key=KEY, model=str(model), **settings))


def add_user(database: Database, name: str, *roles: Role, **given: Any) -> str:
    """Add a user whose password is `PASSWORD`; return the name."""
    with database.write() as connection:
        accounts.put_user(
            connection, now(), "test", name, password=CHEAP.hash(PASSWORD), roles=roles, **given
        )
    return name


def add_key(database: Database, *roles: Role) -> str:
    """Make a key of these roles and return it."""
    token = accounts.new_key()
    with database.write() as connection:
        name = f"key-{next(_numbers)}"
        accounts.add_key(connection, now(), "test", name, roles, token)
    return token


def open_session(
    database: Database, name: str, lasts: timedelta = timedelta(hours=1)
) -> dict[str, str]:
    """Open a session without a password; return the headers that a browser sends with it."""
    token = f"token-{next(_numbers)}"
    csrf = f"csrf-of-{token}"
    with database.write() as connection:
        user = accounts.known_user(connection, name)
        accounts.open_session(connection, now(), user, token, csrf, lasts)
    return {"Cookie": f"session={token}", "X-CSRF-Token": csrf}


def with_key(app: FastAPI, *roles: Role) -> Api:
    """Return a client with a key of these roles."""
    return Api(app, add_key(app.state.database, *roles))


def with_session(app: FastAPI, *roles: Role) -> Api:
    """Return a client with a session of a new user of these roles."""
    database = app.state.database
    name = add_user(database, f"user-{next(_numbers)}", *roles)
    return signed_in(app, open_session(database, name))


def signed_in(app: FastAPI, headers: dict[str, str]) -> Api:
    """Return a client that sends the headers of a session."""
    api = Api(app, None)
    api.headers = headers
    return api


def now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)
