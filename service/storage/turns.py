"""What messages do in the conversation of a group: kept without their text, but for what waits for an answer.

    messages of groups whose policy asks for answers ─ kinds ─ turns ─ the group is woken

The text of a question stays while somebody may still have to see it, then it goes; who sent a message
is known a while longer, for replies to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from moderation.policy import Policy
from service.asked import Asked
from service.conduct.model import EVERYBODY, Turn, TurnKind
from service.conduct.rules import listens
from service.storage import checks
from service.storage.schema import turns

PART = 500
"""Ids in one query: SQLite takes a limited number of parameters."""
_MENTION = re.compile(r"[@＠]([^\s@＠\u2005，。！？!?,:：]{1,40})")
_ALL = ("所有人", "全体成员", "all", "ALL", "All")
_KEPT = (TurnKind.QUESTION, TurnKind.REQUEST, TurnKind.COMPLAINT, TurnKind.SHIRK, TurnKind.INTERIM)
"""Kinds whose text is kept: a person who judges the case has to see it."""
REPLIED = timedelta(days=7)
"""For so long after it is decided it is known who sent a message: a question may reply to it."""
EVER = datetime(1970, 1, 1, tzinfo=UTC)
_OF_GROUP = (
    select(turns)
    .where(
        turns.c.group_id == bindparam("wanted"),
        turns.c.sent_at > bindparam("since"),
        turns.c.id > bindparam("after"),
    )
    .order_by(turns.c.id)
)


class Kinds(Protocol):
    """Tells what messages do; `moderation.turns.TurnModel` does."""

    def kinds(self, texts: Sequence[str]) -> list[str]:
        """Return the kind of each text, one of `TurnKind`."""
        ...


@dataclass(frozen=True, slots=True)
class Heard:
    """A message that is a turn: its id, or the number that stands for it."""

    asked: Asked
    message_id: str
    sent_at: datetime


class Ears:
    """Hears what is said in groups."""

    def __init__(self, model: Kinds) -> None:
        self._model = model
        self._listening: dict[str, bool] = {}

    def listens(self, policy: Policy) -> bool:
        """Return whether messages under a policy are to be heard."""
        known = self._listening.get(policy.version)
        if known is None:
            known = self._listening[policy.version] = listens(policy)
        return known

    def hear(self, connection: Connection, heard: Sequence[Heard], now: datetime) -> None:
        """Keep turns and wake their groups."""
        if not heard:
            return
        kinds = self._model.kinds([one.asked.text for one in heard])
        rows = [_row(one, TurnKind(kind)) for one, kind in zip(heard, kinds, strict=True)]
        connection.execute(insert(turns), rows)
        checks.heard(connection, {row["group_id"] for row in rows}, now)


def mentions(text: str) -> list[str]:
    """Return what stands behind each @ of a text; all members are `EVERYBODY`."""
    found = _MENTION.findall(text)
    return list(dict.fromkeys(EVERYBODY if one.startswith(_ALL) else one for one in found))


def of_group(
    connection: Connection, group_id: str, since: datetime | None, after: int = 0
) -> tuple[list[Turn], int]:
    """Return turns of a group after a time and a number, as they came in, and the number of the last.

    Their mentions are as they were written.
    """
    given = {"wanted": group_id, "since": since or EVER, "after": after}
    rows = connection.execute(_OF_GROUP, given).all()
    return [_turn(row) for row in rows], rows[-1].id if rows else after


def forget(connection: Connection, group_id: str | None, message_id: str, now: datetime) -> None:
    """Drop a turn whose message was recalled."""
    gone = connection.execute(
        delete(turns).where(turns.c.group_id == group_id, turns.c.message_id == message_id)
    )
    if gone.rowcount and group_id is not None:
        checks.wake_all(connection, [group_id], now)


def senders(connection: Connection, group_id: str, message_ids: Iterable[str]) -> dict[str, str]:
    """Return who sent messages of a group, by message, as far as it is still known."""
    found: dict[str, str] = {}
    wanted = sorted(set(message_ids))
    for start in range(0, len(wanted), PART):
        here = turns.c.message_id.in_(wanted[start : start + PART])
        query = select(turns.c.message_id, turns.c.sender_id)
        for row in connection.execute(query.where(turns.c.group_id == group_id, here)):
            found[row.message_id] = row.sender_id
    return found


def settle(connection: Connection, group_id: str, until: datetime) -> None:
    """Drop what is said in the turns of a group up to a time, and those long before: they are decided."""
    old = (turns.c.group_id == group_id) & (turns.c.sent_at <= until)
    connection.execute(delete(turns).where(old, turns.c.sent_at <= until - REPLIED))
    connection.execute(update(turns).where(old, turns.c.text.is_not(None)).values(text=None))


def _row(heard: Heard, kind: TurnKind) -> dict[str, Any]:
    asked = heard.asked
    named = mentions(asked.text) if "@" in asked.text or "＠" in asked.text else []
    keeps = kind in _KEPT or EVERYBODY in named
    return {
        "group_id": asked.group_id,
        "message_id": heard.message_id,
        "sender_id": asked.sender_id,
        "sent_at": heard.sent_at,
        "kind": kind.value,
        "reply_to": asked.reply_to,
        "mentions": named,
        "text": asked.text if keeps else None,
    }


def _turn(row: Any) -> Turn:
    return Turn(
        message_id=row.message_id,
        sender_id=row.sender_id,
        sent_at=row.sent_at,
        kind=TurnKind(row.kind),
        reply_to=row.reply_to,
        mentions=tuple(row.mentions),
        text=row.text,
    )
