"""Keyed fingerprints of all messages, and the last hour of them in memory.

    texts ─ fingerprints ─ rows of `seen`, numbered here ─ window, which follows other processes

As the only writer within its transaction a process knows the last number, and reads what others wrote
since by it alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select

from moderation.conversation import LONGEST, Trace, Window, keyed, near_prints
from moderation.policy import FloodRule
from service.asked import Asked
from service.storage.columns import to_ms
from service.storage.schema import seen

LATENESS = timedelta(days=1)
"""A message said to be sent longer ago than this, or in the future, counts for the window as sent now."""

# Built once: on the busy path building a statement costs as much as running it.
_TRACE = (seen.c.id, seen.c.group_key, seen.c.sender_key, seen.c.exact, seen.c.near, seen.c.at)
_NEWER = select(*_TRACE).where(seen.c.id > bindparam("last")).order_by(seen.c.id)
_RECENT = select(*_TRACE).where(seen.c.received_at >= bindparam("since")).order_by(seen.c.id)
_NEWEST = select(seen.c.id).order_by(seen.c.id.desc()).limit(1)
_INSERT = insert(seen)
_KNOWN = select(seen.c.message_key, seen.c.exact, seen.c.case_id, seen.c.received_at).where(
    seen.c.message_key.in_(bindparam("keys", expanding=True))
)


class Fingerprints:
    """Makes fingerprints and numbers them; holds the window. Not safe to share between threads."""

    def __init__(self, key: bytes) -> None:
        self.key = key
        self.last_id = 0
        self._window = Window()
        self._keyed = lru_cache(maxsize=65_536)(partial(keyed, key))

    def traces(self, asked: Sequence[Asked], now: datetime) -> list[Trace]:
        """Return what is kept of messages that come in now."""
        nears = near_prints([one.text for one in asked], self.key)
        return [
            Trace(
                group=self._keyed("group", one.group_id or ""),
                sender=self._keyed("sender", one.sender_id or ""),
                exact=keyed(self.key, "text", one.text),
                near=near,
                at=to_ms(_window_time(one.sent_at, now)),
            )
            for one, near in zip(asked, nears, strict=True)
        ]

    def catch_up(self, connection: Connection, now: datetime) -> None:
        """Read what other processes have recorded since; as the only writer we see all of it."""
        since = to_ms(now) - LONGEST * 1000
        if self.last_id:
            rows = connection.execute(_NEWER, {"last": self.last_id})
        else:
            rows = connection.execute(_RECENT, {"since": since})
            self.last_id = connection.execute(_NEWEST).scalar() or 0
        for row in rows:
            self.last_id = max(self.last_id, row.id)
            self._window.add(Trace(row.group_key, row.sender_key, row.exact, row.near, row.at))
        self._window.forget(since)

    def floods(self, asked: Asked, trace: Trace, rule: FloodRule) -> tuple[str, list[Trace]] | None:
        """Return what a message makes up with earlier ones, where group and sender are known."""
        if asked.sender_id is None or asked.group_id is None:
            return None
        return self._window.floods(trace, len(asked.text), rule)

    def add(
        self, trace: Trace, message: int | None, case_id: str | None, now: datetime
    ) -> dict[str, Any]:
        """Remember a message under the next number; return its row."""
        self._window.add(trace)
        self.last_id += 1
        return {
            "id": self.last_id,
            "message_key": message,
            "group_key": trace.group,
            "sender_key": trace.sender,
            "exact": trace.exact,
            "near": trace.near,
            "at": trace.at,
            "received_at": to_ms(now),
            "case_id": case_id,
            "recalled": False,
        }

    def forget(self) -> None:
        """Drop the window; it is read again from the database."""
        self._window, self.last_id = Window(), 0


def message_key(key: bytes, group_id: str | None, message_id: str | None) -> int | None:
    """Return the keyed number of a message id in its group, None for a message without one."""
    if message_id is None:
        return None
    return keyed(key, "message", group_id or "", message_id)


def known(connection: Connection, keys: Iterable[int | None]) -> dict[int, Any]:
    """Return the rows of messages that have come in before, by the keyed number of their id."""
    asked = [key for key in keys if key is not None]
    if not asked:
        return {}
    rows = connection.execute(_KNOWN, {"keys": asked})
    return {row.message_key: row._mapping for row in rows}


def write(connection: Connection, rows: list[dict[str, Any]]) -> None:
    """Write what `Fingerprints.add` returned."""
    if rows:
        connection.execute(_INSERT, rows)


def _window_time(sent_at: datetime | None, now: datetime) -> datetime:
    if sent_at is None or sent_at > now or now - sent_at > LATENESS:
        return now
    return sent_at.astimezone(UTC)
