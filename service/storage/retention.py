"""Forgetting what is old: the text of closed cases past their time, fingerprints past their use.

What counts stays and adds up as before: ledger, notices and audit log hold labels, articles, sums and ids.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    bindparam,
    delete,
    exists,
    func,
    or_,
    select,
    text,
    update,
)

from moderation.conversation import LONGEST
from service.cases import CLOSED, Appeal
from service.storage import dutytexts, eventtexts
from service.storage.audit import Change, append
from service.storage.casequery import IN_VIEW
from service.storage.columns import to_ms
from service.storage.database import Database
from service.storage.schema import case_steps, cases, feedback, seen

ERASED = "（已删除）"
"""What stands in place of a comment, an appeal or a reason."""
SAMPLES = timedelta(days=30)
"""For so long the text of a passed message that was drawn at random is kept."""
REPEATS = timedelta(days=7)
"""For so long after the window a message that comes again is still known."""
_TOUCHED = (
    *("cases", "case_steps", "feedback", "seen", "people", "members", "actions", "notices"),
    *("events", "turns", "duties"),
)
CASES_AT_ONCE, PRINTS_AT_ONCE = 500, 20_000
"""Rows in one transaction: others wait while it is kept."""


@dataclass(frozen=True, slots=True)
class Purged:
    """How many cases, group notices and duties lost their text; fingerprints and turns went."""

    cases: int
    fingerprints: int
    group_notices: int
    duties: int
    """Turns among them."""


def purge(
    database: Database, now: datetime, actor: str, days: int, *, dry_run: bool = False
) -> Purged:
    """Remove the text of cases closed, group notices posted, duties due `days` ago or longer, and of old samples.

    Fingerprints past their use go too.
    """
    before = now - timedelta(days=days)
    if dry_run:
        with database.read() as connection:
            return _count(connection, now, before)
    purged = Purged(
        _in_parts(database, lambda one: _purge_cases(one, now, actor, before)),
        _in_parts(database, lambda one: _purge_prints(one, now, actor, before)),
        _in_parts(database, lambda one: _purge_notices(one, now, actor, before)),
        _in_parts(database, lambda one: _purge_duties(one, now, actor, before)),
    )
    settle(database)
    return purged


def strip(connection: Connection, at: datetime, case_ids: Sequence[str]) -> None:
    """Empty the texts of cases: message, evidence, comments and appeals. Labels, scores and places stay."""
    for start in range(0, len(case_ids), CASES_AT_ONCE):
        _strip(connection, at, case_ids[start : start + CASES_AT_ONCE])


def without_quotes(decision: dict[str, Any]) -> dict[str, Any]:
    """Return a stored decision that quotes nothing of the message."""
    return rewritten(decision, lambda _: "")


def rewritten(decision: dict[str, Any], change: Callable[[str], str]) -> dict[str, Any]:
    """Return a stored decision with every quotation changed."""
    return decision | {
        "findings": [
            finding
            | {
                "evidence": [
                    piece | {name: change(piece[name]) for name in ("text", "read_as", "reason")}
                    for piece in finding["evidence"]
                ]
            }
            for finding in decision["findings"]
        ]
    }


def settle(database: Database) -> None:
    """Take what was deleted out of the files too: the log written ahead, the dead rows."""
    if database.is_sqlite:
        _empty_wal(database)
        return
    with database.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(
            text(f"VACUUM {', '.join(_TOUCHED)}")
        )


def _empty_wal(database: Database) -> None:
    raw = database.engine.raw_connection()
    try:
        driver = raw.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        raw.close()


def _in_parts(database: Database, part: Callable[[Connection], int]) -> int:
    total = 0
    while True:
        with database.write() as connection:
            done = part(connection)
        if not done:
            return total
        total += done


def _purge_cases(connection: Connection, now: datetime, actor: str, before: datetime) -> int:
    query = select(cases.c.case_id).where(_old_cases(now, before)).limit(CASES_AT_ONCE)
    ids = list(connection.execute(query).scalars())
    if ids:
        strip(connection, now, ids)
        append(connection, now, [Change(actor, "purge.cases", "cases", {"count": len(ids)})])
    return len(ids)


def _purge_prints(connection: Connection, now: datetime, actor: str, before: datetime) -> int:
    old = select(seen.c.id).where(*_old_prints(now, before)).limit(PRINTS_AT_ONCE)
    count = connection.execute(delete(seen).where(seen.c.id.in_(old))).rowcount
    if count:
        append(connection, now, [Change(actor, "purge.prints", "seen", {"count": count})])
    return count


def _purge_notices(connection: Connection, now: datetime, actor: str, before: datetime) -> int:
    count = eventtexts.purge(connection, before, CASES_AT_ONCE)
    if count:
        append(connection, now, [Change(actor, "purge.notices", "events", {"count": count})])
    return count


def _purge_duties(connection: Connection, now: datetime, actor: str, before: datetime) -> int:
    count = dutytexts.purge(connection, before, CASES_AT_ONCE)
    if count:
        append(connection, now, [Change(actor, "purge.duties", "duties", {"count": count})])
    return count


def _count(connection: Connection, now: datetime, before: datetime) -> Purged:
    old_cases = select(func.count()).select_from(cases).where(_old_cases(now, before))
    old_prints = select(func.count()).select_from(seen).where(*_old_prints(now, before))
    return Purged(
        connection.execute(old_cases).scalar_one(),
        connection.execute(old_prints).scalar_one(),
        eventtexts.count_old(connection, before),
        dutytexts.count_old(connection, before),
    )


def _old_cases(now: datetime, before: datetime) -> ColumnElement[bool]:
    """Return what makes a case old: closed for long with no appeal open, or drawn for the sample a while ago."""
    closed = (
        cases.c.state.in_([state.value for state in CLOSED])
        & (func.coalesce(cases.c.decided_at, cases.c.opened_at) < before)
        & (func.coalesce(cases.c.appeal, "") != Appeal.OPEN.value)
    )
    return cases.c.text.is_not(None) & or_(closed, ~IN_VIEW & (cases.c.opened_at < now - SAMPLES))


def _old_prints(now: datetime, before: datetime) -> tuple[ColumnElement[bool], ...]:
    """Return what makes a fingerprint old: out of the window and the time of repeats, its case forgotten.

    The newest row stays in any case: the next one is numbered after it (`Intake`). A case that still has its
    text keeps its fingerprint, so that a repeat or a recall finds it.
    """
    useful = timedelta(seconds=LONGEST) + REPEATS
    living = exists().where(
        cases.c.case_id == seen.c.case_id, cases.c.text.is_not(None), ~_old_cases(now, before)
    )
    newest = select(func.max(seen.c.id)).scalar_subquery()
    return (
        seen.c.received_at < to_ms(now - useful),
        seen.c.id != newest,
        or_(seen.c.case_id.is_(None), ~living),
    )


def _strip(connection: Connection, at: datetime, case_ids: Sequence[str]) -> None:
    decisions = select(cases.c.case_id, cases.c.decision).where(cases.c.case_id.in_(case_ids))
    rows = [
        {"one": row.case_id, "emptied": without_quotes(row.decision)}
        for row in connection.execute(decisions)
    ]
    if rows:
        connection.execute(
            update(cases)
            .where(cases.c.case_id == bindparam("one"))
            .values(text=None, erased_at=at, decision=bindparam("emptied")),
            rows,
        )
    connection.execute(
        update(feedback)
        .where(feedback.c.case_id.in_(case_ids), feedback.c.comment.is_not(None))
        .values(comment=ERASED)
    )
    told = select(case_steps).where(case_steps.c.case_id.in_(case_ids))
    steps = [
        {"one": row.case_id, "nth": row.number, "emptied": row.detail | {"text": ERASED}}
        for row in connection.execute(told)
        if "text" in row.detail
    ]
    if steps:
        connection.execute(
            update(case_steps)
            .where(
                case_steps.c.case_id == bindparam("one"), case_steps.c.number == bindparam("nth")
            )
            .values(detail=bindparam("emptied")),
            steps,
        )
