"""A month of an invented firm's groups: who is in them, what is said and what happens, drawn with a seed.

    groups under every policy ─ working days ─ conversations of question and reaction, small talk between
    joins, leaves, new nicknames, notices ─ each comes in up to a few minutes after it was sent

The texts are lines of the turn data; whether one is a question the model decides, not this plan.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from moderation.policyfiles import PolicyBook
from moderation.types import GroupKind
from service.asked import Asked
from service.conduct.calendarfiles import load_worktimes
from service.conduct.worktime import WorkTime

TURNS = Path(__file__).parent.parent / "datasets" / "turns"
ZONE = ZoneInfo("Asia/Shanghai")
HOURS = "09:00-12:00,13:00-18:00"
COMPANY = "远山环保"
FIRST = datetime(2026, 9, 1, tzinfo=ZONE)
LATENESS = timedelta(minutes=5)
TICK = timedelta(minutes=20)
"""Time between two looks of the scheduler; a case is dated by its duty, not by the look."""
SURNAMES, GIVEN = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨", "明亮平静远山川舟若水清和思齐云帆"
REACTIONS = ("statement", "interim", "shirk", "ack", None)
ODDS = (70, 12, 3, 7, 8)
"""How a question fares, out of a hundred; None is silence."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much happens."""

    groups: int
    members: int
    messages: int
    days: int


FULL = Size(groups=200, members=5000, messages=500_000, days=30)
SMALL = Size(groups=10, members=120, messages=1500, days=4)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the firm, or a customer."""

    member_id: str
    name: str
    customer: bool


@dataclass(frozen=True, slots=True)
class Band:
    """A group with its people; the first is its owner, the second its admin."""

    group_id: str
    policy: str
    kind: GroupKind
    people: tuple[Person, ...]

    @property
    def staff(self) -> tuple[Person, ...]:
        """Return those who are no customers."""
        return tuple(one for one in self.people if not one.customer)


@dataclass(frozen=True, slots=True)
class Happening:
    """A message, or an event as the bot sends it, and when it comes in."""

    arrives: datetime
    said: Asked | None = None
    event: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Month:
    """The plan: the groups, and what comes in, in the order in which it does."""

    bands: tuple[Band, ...]
    happenings: tuple[Happening, ...]
    begins: datetime
    ends: datetime


def plan(size: Size, seed: int = 1) -> Month:
    """Return a month of this size: the same for the same seed."""
    draw = random.Random(seed)
    bands = tuple(_bands(size, draw))
    worktime = load_worktimes(ZONE, HOURS).firm
    share = size.messages / sum(len(band.people) for band in bands)
    found: list[Happening] = []
    for band in bands:
        found += _talk(band, int(share * len(band.people)), size.days, worktime, draw)
        found += _changes(band, size.days, draw)
    found.sort(key=lambda one: one.arrives)
    begins, ends = FIRST.astimezone(UTC), (FIRST + timedelta(days=size.days)).astimezone(UTC)
    return Month(bands, tuple(found), begins, ends)


def shuffled(month: Month, seed: int) -> Month:
    """Return the same month whose messages and events come in with other delays, so in another order."""
    draw = random.Random(seed)
    again = [Happening(_sent(one) + _delay(draw), one.said, one.event) for one in month.happenings]
    again.sort(key=lambda one: one.arrives)
    return Month(month.bands, tuple(again), month.begins, month.ends)


def _bands(size: Size, draw: random.Random) -> Iterator[Band]:
    policies = sorted(policy.id for policy in PolicyBook.load())
    each = size.members // size.groups
    for number in range(size.groups):
        policy = policies[number % len(policies)]
        customers = each // 3 if policy == "bank-customer" else 0
        people = tuple(
            Person(f"p{number}-{place}", _name(draw), place >= each - customers)
            for place in range(each)
        )
        kind = GroupKind.CUSTOMER if customers else GroupKind.WORK
        yield Band(f"g{number}", policy, kind, people)


def _name(draw: random.Random) -> str:
    return draw.choice(SURNAMES) + "".join(draw.sample(GIVEN, 2))


def _talk(
    band: Band, count: int, days: int, worktime: WorkTime, draw: random.Random
) -> Iterator[Happening]:
    """Yield messages: a third of them begin with a question to which somebody may react."""
    number = 0
    while number < count:
        at = _moment(days, worktime, draw)
        asks = draw.random() < 0.3
        customers = [one for one in band.people if one.customer]
        asker = draw.choice(customers if customers and draw.random() < 0.8 else band.people)
        yield _message(
            band, number, at, asker, draw.choice(lines("question" if asks else "statement")), draw
        )
        number += 1
        kind = draw.choices(REACTIONS, ODDS)[0] if asks else None
        if kind is not None:
            other = draw.choice([one for one in band.staff if one is not asker])
            later = at + timedelta(seconds=draw.expovariate(1 / 600))
            reply = f"{band.group_id}-{number - 1}" if draw.random() < 0.4 else None
            yield _message(band, number, later, other, draw.choice(lines(kind)), draw, reply)
            number += 1


def _changes(band: Band, days: int, draw: random.Random) -> Iterator[Happening]:
    """Yield events: somebody new, somebody gone, a new nickname, a notice."""
    admin = band.people[1].member_id
    for number in range(max(2, len(band.people) // 4)):
        who = draw.choice(band.people[2:])
        at = FIRST + timedelta(seconds=draw.randrange(days * 86_400))
        kind = draw.choice(("left", "joined", "renamed_member", "notice_posted"))
        event = {
            "event_id": f"{band.group_id}-e{number}",
            "kind": kind,
            "group_id": band.group_id,
            "at": at.isoformat(),
        }
        if kind == "notice_posted":
            event |= {
                "by": admin,
                "message_id": f"{band.group_id}-n{number}",
                "text": "本周五停电检修",
            }
        else:
            event |= {"member_id": who.member_id}
        if kind == "renamed_member":
            event |= {"nickname": draw.choice((who.name, "加油每一天"))}
        yield Happening(at.astimezone(UTC) + _delay(draw), event=event)


def _message(
    band: Band,
    number: int,
    at: datetime,
    who: Person,
    text: str,
    draw: random.Random,
    reply_to: str | None = None,
) -> Happening:
    sent_at = at.astimezone(UTC).replace(microsecond=0)
    said = Asked(
        text=text,
        message_id=f"{band.group_id}-{number}",
        group_id=band.group_id,
        sender_id=who.member_id,
        sent_at=sent_at,
        reply_to=reply_to,
    )
    return Happening(sent_at + _delay(draw), said)


def _moment(days: int, worktime: WorkTime, draw: random.Random) -> datetime:
    """Return a time of the month, nearly always a working one."""
    while True:
        at = FIRST + timedelta(seconds=draw.randrange(days * 86_400))
        if worktime.is_working(at) or draw.random() < 0.02:
            return at


def _sent(one: Happening) -> datetime:
    if one.said is not None and one.said.sent_at is not None:
        return one.said.sent_at
    return datetime.fromisoformat((one.event or {})["at"]).astimezone(UTC)


def _delay(draw: random.Random) -> timedelta:
    """Return how long something is on its way: mostly seconds, never as long as may be."""
    return timedelta(seconds=min(draw.expovariate(1 / 20), LATENESS.total_seconds() - 1))


@cache
def lines(kind: str) -> tuple[str, ...]:
    """Return the texts of the turn data of one kind."""
    found = []
    for path in sorted(TURNS.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            sample = json.loads(line)
            if sample["kind"] == kind:
                found.append(sample["text"])
    return tuple(found)
