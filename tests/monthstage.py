"""Plays a month through the real parts: messages judged and heard, events folded, duties checked in between."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import select

from moderation import Moderator
from moderation.lexiconwatch import LexiconWatch
from moderation.turns import TurnModel
from moderation.types import SenderRole
from service.conduct.calendarfiles import load_worktimes
from service.eventdesk import take
from service.storage import checks, roster
from service.storage.casebook import Casebook
from service.storage.database import Database
from service.storage.dutybook import Checked, Dutybook
from service.storage.groupfacts import FactBook
from service.storage.intake import Intake
from service.storage.roster import Group, Member, Person
from service.storage.rulings import Rulings
from service.storage.schema import cases, duties
from service.storage.snapshots import Snapshots
from service.storage.turns import Ears
from tests.month import COMPANY, HOURS, LATENESS, TICK, ZONE, Band, Happening, Month

KEY = b"k" * 32
AT_ONCE = 50
HIRED = datetime(2020, 1, 1, tzinfo=UTC)
Progress = Callable[[datetime, int], None]


class Replica:
    """One service: its parts and its own memory, over a database that it may share."""

    def __init__(self, database: Database, moderator: Moderator, model: TurnModel) -> None:
        self.database = database
        self.moderator = moderator
        self.policies = moderator.policies
        self.intake = Intake(self.policies, "suzhou-2017", KEY, ears=Ears(model))
        facts = FactBook(
            Rulings(self.policies, "suzhou-2017"), load_worktimes(ZONE, HOURS), COMPANY
        )
        self.dutybook = Dutybook(facts, Casebook(Snapshots(self.policies)), LATENESS)
        self.lexicons = LexiconWatch()

    def hear(self, at: datetime, part: Sequence[Happening]) -> None:
        """Take in what has come by a time."""
        asked = [one.said for one in part if one.said is not None]
        if asked:
            judged = self.moderator.moderate([one.message() for one in asked])
            with self.database.write() as connection:
                items = list(zip(asked, judged, strict=True))
                self.intake.record(connection, items, at, self.lexicons)
        events = [one.event for one in part if one.event is not None]
        if events:
            results = take(self.database, at, "bot", events, self.policies, KEY)
            assert not [one for one in results if one.error], results

    def check(self, at: datetime, done: Checked, limit: int = AT_ONCE) -> int:
        """Check a few groups that are due; return how many there were."""
        with self.database.write() as connection:
            return self.dutybook.check_due(connection, at, limit, done)


def enrol(database: Database, month: Month) -> None:
    """Let the month's groups and people be known from its beginning on."""
    at = month.begins
    with database.write() as connection:
        roster.put_groups(connection, at, "test", map(_group, month.bands), at)
        members = [one for band in month.bands for one in _members(band)]
        roster.put_members(connection, at, "test", members, at)
        people = [_person(band, one) for band in month.bands for one in band.staff]
        roster.put_people(connection, at, "test", people)
        checks.wake_every(connection, at)


def play(month: Month, replicas: Sequence[Replica], told: Progress | None = None) -> Checked:
    """Play a month to its end and a week after it; what comes in goes to the replicas in turn."""
    done = Checked()
    heard = 0
    start = month.begins
    parts = groupby(month.happenings, key=lambda one: (one.arrives - start) // TICK)
    for number, (tick, part) in enumerate(parts):
        at = start + (tick + 1) * TICK
        replica = replicas[number % len(replicas)]
        found = list(part)
        heard += len(found)
        replica.hear(at, found)
        _check(replicas, at, done)
        if told is not None:
            told(at, heard)
    for day in range(1, 8):
        _check(replicas, month.ends + timedelta(days=day), done)
    return done


def outcome(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Return the duties and cases of conduct that there are, without what each run makes up."""
    with database.read() as connection:
        kept = connection.execute(
            select(duties.c.duty_id, duties.c.state, duties.c.due, duties.c.met_at, duties.c.person)
            .where(duties.c.state == "breached")
            .order_by(duties.c.duty_id)
        ).all()
        opened = connection.execute(
            select(
                cases.c.sender_id, cases.c.party, cases.c.sent_at, cases.c.found, cases.c.state
            ).where(cases.c.origin == "conduct")
        ).all()
    return {
        "duties": [tuple(row) for row in kept],
        "cases": sorted((row[0] or "", row[1], row[2], str(row[3]), row[4]) for row in opened),
    }


def _check(replicas: Iterable[Replica], at: datetime, done: Checked) -> None:
    """Let the replicas check in turn until nothing is due."""
    while any([replica.check(at, done) for replica in replicas]):
        pass


def _group(band: Band) -> Group:
    return Group(
        band.group_id,
        f"{COMPANY}{band.group_id}群",
        band.kind,
        band.policy,
        owner=band.people[0].member_id,
        admin=band.people[1].member_id,
    )


def _members(band: Band) -> Iterable[Member]:
    for number, one in enumerate(band.people):
        role = SenderRole.CUSTOMER if one.customer else SenderRole.STAFF
        name = "群主" if number == 0 else f"{one.name}(群负责人)" if number == 1 else one.name
        yield Member(band.group_id, one.member_id, name, role)


def _person(band: Band, one: Any) -> Person:
    return Person(one.member_id, one.name, f"{band.group_id}部", employed_from=HIRED)
