"""Filters of the queue that users have given a name: each has his own."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select

from moderation.errors import ModerationError
from service.storage.schema import saved_filters

MOST = 20
"""Filters that a user can keep."""


class FilterError(ModerationError):
    """A user has as many filters as he can keep."""


@dataclass(frozen=True, slots=True)
class SavedFilter:
    """A name and the query of the queue's address, without the question mark."""

    name: str
    query: str


def saved(connection: Connection, user: str) -> list[SavedFilter]:
    """Return a user's filters by name."""
    query = select(saved_filters.c.name, saved_filters.c.query).where(saved_filters.c.user == user)
    return [SavedFilter(*row) for row in connection.execute(query.order_by(saved_filters.c.name))]


def put(connection: Connection, user: str, wanted: SavedFilter) -> None:
    """Keep a filter in place of the one that has the name; raises `FilterError`."""
    remove(connection, user, wanted.name)
    own = select(func.count()).select_from(saved_filters).where(saved_filters.c.user == user)
    if connection.execute(own).scalar_one() >= MOST:
        raise FilterError(f"{user!r} has {MOST} filters")
    connection.execute(
        insert(saved_filters).values(user=user, name=wanted.name, query=wanted.query)
    )


def remove(connection: Connection, user: str, name: str) -> None:
    """Forget a filter, if there is one of this name."""
    connection.execute(
        delete(saved_filters).where(saved_filters.c.user == user, saved_filters.c.name == name)
    )
