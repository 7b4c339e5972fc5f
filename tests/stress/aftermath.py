"""What must hold of a database whatever was done to it: read past the service, straight from the tables."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import func, select

from moderation.policyfiles import PolicyBook
from service.storage import audit
from service.storage.casebook import Casebook
from service.storage.database import Database
from service.storage.schema import cases, entries, notices, seen
from service.storage.snapshots import Snapshots


def assert_kept(database: Database, flagged: set[str]) -> None:
    """Every acknowledged case is there, none is doubled, and the audit chain holds."""
    with database.read() as connection:
        there = set(connection.execute(select(cases.c.case_id)).scalars())
        doubled = connection.execute(
            select(cases.c.group_id, cases.c.message_id)
            .group_by(cases.c.group_id, cases.c.message_id)
            .having(func.count() > 1)
        ).all()
        linked = set(connection.execute(select(seen.c.case_id)).scalars()) - {None}
        verified = audit.verify(connection)
    assert not flagged - there
    assert not doubled
    assert linked == there
    assert verified.problem is None
    assert verified.rows >= len(there)


def assert_nothing_unasked(database: Database, flagged: set[str]) -> None:
    """Every case was acknowledged to somebody, where all calls were answered."""
    with database.read() as connection:
        assert set(connection.execute(select(cases.c.case_id)).scalars()) == flagged


def assert_recalled(database: Database, recalled: set[tuple[str, str]]) -> None:
    """Exactly the cases of recalled messages are marked."""
    marked = select(cases.c.group_id, cases.c.message_id).where(cases.c.recalled_at.is_not(None))
    with database.read() as connection:
        found = {tuple(row) for row in connection.execute(marked)}
        kept = {tuple(r) for r in connection.execute(select(cases.c.group_id, cases.c.message_id))}
    assert found == recalled & kept


def assert_numbered(database: Database, told: set[str]) -> None:
    """The numbers of the notices are those that were told, and none is left out."""
    query = select(notices.c.number).where(notices.c.number.is_not(None))
    with database.read() as connection:
        numbers = list(connection.execute(query).scalars())
    assert set(numbers) == told
    assert sorted(int(number[5:]) for number in numbers) == list(range(1, len(numbers) + 1))


def assert_ledger_true(database: Database) -> None:
    """Computing everybody's record afresh changes nothing."""
    book = Casebook(Snapshots(PolicyBook.load()))
    everything = select(entries).order_by(entries.c.case_id)
    people = select(entries.c.person, entries.c.policy_id, func.min(entries.c.case_id))
    with database.write() as connection:
        before = connection.execute(everything).all()
        rows_before = audit.verify(connection).rows
        for person, policy, case_id in connection.execute(
            people.group_by(entries.c.person, entries.c.policy_id)
        ).all():
            book.recompute(connection, datetime.now(UTC), person, policy, case_id)
        assert connection.execute(everything).all() == before
        assert audit.verify(connection).rows == rows_before
