"""Forgetting one person: his texts and names go, his id gives way to one pseudonym everywhere.

    his cases emptied ─ his name masked where others wrote it ─ roster ─ pseudonym ─ fingerprint in the audit log

Counts, ledger, notices and numbers stand as they stood, under the pseudonym, which nothing ties to him. A
later message of the same id begins a fresh record. The name of a user's account stays in what he did as one.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    Text,
    delete,
    or_,
    select,
    type_coerce,
    update,
)

from moderation.conversation import keyed
from service.storage import actions as instructions
from service.storage import checks, dutytexts, eventtexts
from service.storage.audit import Change, append
from service.storage.database import Database, StorageError
from service.storage.retention import ERASED, rewritten, settle, strip
from service.storage.schema import (
    actions,
    case_steps,
    cases,
    duties,
    entries,
    events,
    feedback,
    groups,
    members,
    notices,
    people,
    seen,
    turns,
    users,
)

Rewrite = Callable[[str], str]

HIDDEN = "•"
SHORTEST_NAME, SHORTEST_ID = 2, 4
"""Characters from which on a name or id is looked for in what others wrote: a shorter one is any word."""
_IDS = (
    (groups, "owner"),
    (groups, "admin"),
    (members, "member_id"),
    (members, "supervisor"),
    (events, "member_id"),
    (events, "by"),
    (turns, "sender_id"),
    (cases, "sender_id"),
    (entries, "person"),
    (actions, "member_id"),
    (users, "member_id"),
)
"""Where a member id stands by itself. Who is liable stands in the notices, who is known in `people`."""


class UnknownPersonError(StorageError):
    """Nothing is kept of a member id."""


@dataclass(frozen=True, slots=True)
class Erased:
    """How many of his cases were emptied, and in how many other rows his name was masked."""

    cases: int
    mentions: int


def erase(database: Database, now: datetime, actor: str, member_id: str, key: bytes) -> Erased:
    """Forget a person; `key` is that of the fingerprints.

    Raises:
        UnknownPersonError: nothing is kept of him.
    """
    with database.write() as connection:
        done = _erase(connection, now, actor, member_id, key)
    settle(database)
    return done


def fingerprint(key: bytes, member_id: str) -> str:
    """Return under what the audit log says that a person was erased: who has key and id can look it up."""
    return f"{keyed(key, 'erased', member_id) % 2**64:016x}"


def _erase(connection: Connection, now: datetime, actor: str, member_id: str, key: bytes) -> Erased:
    name = connection.execute(select(people.c.name).where(people.c.member_id == member_id)).scalar()
    own = list(
        connection.execute(select(cases.c.case_id).where(cases.c.sender_id == member_id)).scalars()
    )
    strip(connection, now, own)
    instructions.cancel_for(connection, now, member_id)
    _empty(connection, member_id)
    checks.wake_every(connection, now)  # what is kept in memory of their people is read again
    mentions = _mask_mentions(connection, now, _words(name, member_id))
    known = connection.execute(delete(people).where(people.c.member_id == member_id)).rowcount
    if not known + _rename(connection, member_id, f"erased-{secrets.token_hex(8)}", key):
        raise UnknownPersonError(f"nothing is kept of {member_id!r}")
    detail = {"cases": len(own), "mentions": mentions}
    append(connection, now, [Change(actor, "person.erase", fingerprint(key, member_id), detail)])
    return Erased(len(own), mentions)


def _empty(connection: Connection, member_id: str) -> None:
    """Empty what is said of him alone: instructions, reasons for taking back his notices, nicknames, posts."""
    own = select(cases.c.case_id).where(cases.c.sender_id == member_id)
    connection.execute(
        update(notices)
        .where(notices.c.case_id.in_(own), notices.c.reason.is_not(None))
        .values(reason=ERASED)
    )
    connection.execute(
        update(actions).where(actions.c.member_id == member_id).values(text=ERASED, error=None)
    )
    connection.execute(
        update(members).where(members.c.member_id == member_id).values(nickname=None)
    )
    eventtexts.empty(connection, member_id)
    dutytexts.empty(connection, member_id)


def _rename(connection: Connection, member_id: str, pseudonym: str, key: bytes) -> int:
    """Put the pseudonym in place of the id everywhere; return how many rows had it."""
    found = 0
    for table, name in _IDS:
        here = table.c[name] == member_id
        found += connection.execute(update(table).where(here).values({name: pseudonym})).rowcount
    old, new = (keyed(key, "sender", one) for one in (member_id, pseudonym))
    prints = update(seen).where(seen.c.sender_key == old).values(sender_key=new)
    return (
        found
        + connection.execute(prints).rowcount
        + _rename_liable(connection, member_id, pseudonym)
        + eventtexts.rename(connection, member_id, pseudonym)
        + dutytexts.rename(connection, member_id, pseudonym)
    )


def _rename_liable(connection: Connection, member_id: str, pseudonym: str) -> int:
    query = select(notices.c.id, notices.c.liable).where(_says(notices.c.liable, member_id))
    found = 0
    for row in connection.execute(query).all():
        liable = [
            one | {"member_id": pseudonym} if one["member_id"] == member_id else one
            for one in row.liable
        ]
        if liable != row.liable:
            here = notices.c.id == row.id
            connection.execute(update(notices).where(here).values(liable=liable))
            found += 1
    return found


def _in_steps(detail: dict[str, Any], change: Rewrite) -> dict[str, Any]:
    return detail | {"text": change(detail["text"])} if "text" in detail else detail


def _in_text(text: str, change: Rewrite) -> str:
    return change(text)


_MENTIONS: tuple[tuple[Table, str, Callable[[Any, Rewrite], Any]], ...] = (
    (cases, "text", _in_text),
    (cases, "decision", rewritten),
    (case_steps, "detail", _in_steps),
    (feedback, "comment", _in_text),
    (notices, "reason", _in_text),
    (actions, "text", _in_text),
    (actions, "error", _in_text),
    (groups, "name", _in_text),
    (members, "nickname", _in_text),
    (events, "detail", eventtexts.in_words),
    (turns, "text", _in_text),
    (turns, "mentions", dutytexts.in_mentions),
    (duties, "detail", dutytexts.in_about),
)
"""Where others may have written his name, and what is changed of it there."""


def _mask_mentions(connection: Connection, now: datetime, words: Sequence[str]) -> int:
    """Dot his name and id where others wrote them, places kept; return in how many rows."""
    if not words:
        return 0
    pattern = re.compile("|".join(map(_whole, words)))

    def hide(text: str) -> str:
        return pattern.sub(lambda found: HIDDEN * len(found[0]), text)

    masked = 0
    for table, name, change in _MENTIONS:
        keys = list(table.primary_key.columns)
        query = select(*keys, table.c[name]).where(
            or_(*(_says(table.c[name], word) for word in words))
        )
        for row in connection.execute(query).all():
            new = change(row._mapping[name], hide)
            if new != row._mapping[name]:
                here = [key == row._mapping[key.name] for key in keys]
                # Judged anew, such a text would no longer be the one that was judged.
                values = {name: new} | ({"erased_at": now} if table is cases else {})
                connection.execute(update(table).where(*here).values(values))
                masked += 1
    return masked


def _words(name: str | None, member_id: str) -> list[str]:
    """Return what is looked for in what others wrote."""
    return [
        word
        for word, shortest in ((name or "", SHORTEST_NAME), (member_id, SHORTEST_ID))
        if len(word) >= shortest
    ]


def _whole(word: str) -> str:
    """Return a pattern of a word; letters and digits of an id must not go on before or after it."""
    edge = r"[0-9A-Za-z_-]"
    return rf"(?<!{edge}){re.escape(word)}(?!{edge})" if word.isascii() else re.escape(word)


def _says(column: ColumnElement[Any], word: str) -> ColumnElement[bool]:
    return type_coerce(column, Text).contains(word, autoescape=True)
