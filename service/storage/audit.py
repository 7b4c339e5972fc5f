"""The audit log: every change with its actor, chained by hashes so that nothing is altered unseen.

Each hash covers the row and the hash before it. Details hold identifiers and versions, never the text
of a message, so erasing a person leaves the chain whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import BigInteger, Connection, Row, Text, insert, select, type_coerce

from service.storage.columns import to_ms
from service.storage.schema import audit

START = "0" * 64

# Built once: on the busy path building a statement costs as much as running it.
_LAST = select(audit.c.number, audit.c.hash).order_by(audit.c.number.desc()).limit(1)
_INSERT = insert(audit)


@dataclass(frozen=True, slots=True)
class Change:
    """What somebody did to something."""

    actor: str
    verb: str
    subject: str
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Verified:
    """How many rows hold, and what is wrong with the first that does not."""

    rows: int
    head: str
    problem: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return what a machine is told."""
        told = {"rows": self.rows, "head": self.head, "problem": self.problem}
        return {"ok": self.problem is None, **told}


def append(connection: Connection, at: datetime, changes: Iterable[Change]) -> None:
    """Add changes in order; the caller's transaction is the only writer."""
    rows = list(_chained(connection, at, changes))
    if rows:
        connection.execute(_INSERT, rows)


def verify(connection: Connection, noted: str | None = None) -> Verified:
    """Walk the chain from its start.

    Rows cut off at the end leave a shorter chain that holds. Who has noted a `head` elsewhere finds
    that out by asking whether it is still there.
    """
    as_kept = (type_coerce(audit.c.at, BigInteger), type_coerce(audit.c.detail, Text))
    query = (
        select(audit.c.number, audit.c.actor, audit.c.verb, audit.c.subject, audit.c.hash, *as_kept)
        .order_by(audit.c.number)
        .execution_options(yield_per=1000)
    )
    number, hash_, known = 0, START, noted in (None, START)
    with connection.execute(query) as rows:
        for row in rows:
            if row.number != number + 1:
                return Verified(number, hash_, f"row {number + 1} is missing")
            as_it_is = (row.number, row.at, row.actor, row.verb, row.subject, row.detail)
            if row.hash != _hash(hash_, *as_it_is):
                return Verified(number, hash_, f"row {row.number} was altered")
            number, hash_ = row.number, row.hash
            known = known or hash_ == noted
    return Verified(number, hash_, None if known else "the head noted is not in the chain")


def listed(
    connection: Connection,
    *,
    actor: str | None = None,
    verb: str | None = None,
    subject: str | None = None,
    since: datetime | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[Row[Any]]:
    """Return rows that fit, newest first; `before` is the number of the last one seen."""
    query = select(audit).order_by(audit.c.number.desc()).limit(limit)
    for column, wanted in (
        (audit.c.actor, actor),
        (audit.c.verb, verb),
        (audit.c.subject, subject),
    ):
        if wanted is not None:
            query = query.where(column == wanted)
    if since is not None:
        query = query.where(audit.c.at >= since)
    if before is not None:
        query = query.where(audit.c.number < before)
    return list(connection.execute(query))


def _chained(
    connection: Connection, at: datetime, changes: Iterable[Change]
) -> Iterator[dict[str, Any]]:
    last = connection.execute(_LAST).first()
    number, hash_ = (last.number, last.hash) if last else (0, START)
    for change in changes:
        number += 1
        detail = orjson.dumps(change.detail).decode()
        hash_ = _hash(hash_, number, to_ms(at), change.actor, change.verb, change.subject, detail)
        yield {
            "number": number,
            "at": at,
            "actor": change.actor,
            "verb": change.verb,
            "subject": change.subject,
            "detail": change.detail,
            "hash": hash_,
        }


def _hash(*row: Any) -> str:
    """Return the hash of a row as it is kept, with the hash before it in front."""
    return hashlib.sha256(orjson.dumps(row, default=repr)).hexdigest()
