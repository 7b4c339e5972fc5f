"""Counts for the overview: what was flagged, what became of it, how long it took."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from statistics import mean
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, Connection, func, select, type_coerce

from service.cases import BREACHES, CLOSED, Appeal, State
from service.storage.casequery import IN_VIEW
from service.storage.columns import from_ms
from service.storage.schema import case_labels, cases

HOUR = 3_600_000
TOP = 10


@dataclass(frozen=True, slots=True)
class Overview:
    """Counts of the cases opened in a span of time; `hours` is the median from flag to verdict."""

    per_day: dict[date, int]
    per_label: dict[str, tuple[int, int]]
    per_group: dict[str, int]
    by_state: dict[State, int]
    hours: float | None
    overturned: int
    appeals: int

    @property
    def total(self) -> int:
        """Return how many cases were opened."""
        return sum(self.by_state.values())

    @property
    def closed(self) -> int:
        """Return how many of them have a verdict."""
        return sum(self.by_state.get(state, 0) for state in CLOSED)

    @property
    def breaches(self) -> int:
        """Return how many of them were confirmed, with the labels found or others."""
        return sum(self.by_state.get(state, 0) for state in BREACHES)


def overview(connection: Connection, since: datetime, until: datetime, zone: ZoneInfo) -> Overview:
    """Return the counts of `[since, until)`; `per_label` holds found and confirmed."""
    within = (cases.c.opened_at >= since, cases.c.opened_at < until, IN_VIEW)
    by_state, per_day = _per_hour(connection, (_EVERY, *within), zone)
    by_appeal = _per_appeal(connection, within)
    return Overview(
        per_day=per_day,
        per_label=_per_label(connection, (_EVERY, *within)),
        per_group=_per_group(connection, within),
        by_state=by_state,
        hours=_hours(connection, within, sum(by_state[state] for state in CLOSED)),
        overturned=by_appeal[Appeal.OVERTURNED.value],
        appeals=by_appeal.total(),
    )


_EVERY = cases.c.state.in_([state.value for state in State])
"""Any state: said, so that counts by state and time are read off an index that begins with the state."""


def _per_hour(
    connection: Connection, within: tuple[Any, ...], zone: ZoneInfo
) -> tuple[Counter[State], dict[date, int]]:
    """Count by state, and by hours in the database and days of the zone here: days are not all alike."""
    hour = (type_coerce(cases.c.opened_at, BigInteger) // HOUR).label("hour")
    rows = connection.execute(
        select(cases.c.state, hour, func.count()).where(*within).group_by(cases.c.state, "hour")
    )
    by_state: Counter[State] = Counter()
    days: Counter[date] = Counter()
    for state, at, count in rows:
        by_state[State(state)] += count
        days[from_ms(at * HOUR).astimezone(zone).date()] += count
    return by_state, dict(days)


def _per_appeal(connection: Connection, within: tuple[Any, ...]) -> Counter[str]:
    rows = connection.execute(
        select(cases.c.appeal, func.count())
        .where(*within, cases.c.appeal.in_([outcome.value for outcome in Appeal]))
        .group_by(cases.c.appeal)
    )
    return Counter({outcome: count for outcome, count in rows})


def _per_label(connection: Connection, within: tuple[Any, ...]) -> dict[str, tuple[int, int]]:
    rows = connection.execute(
        select(case_labels.c.label, cases.c.state, func.count())
        .join(cases, cases.c.case_id == case_labels.c.case_id)
        .where(*within)
        .group_by(case_labels.c.label, cases.c.state)
    )
    found: Counter[str] = Counter()
    confirmed: Counter[str] = Counter()
    for label, state, count in rows:
        found[label] += count
        confirmed[label] += count if state == State.CONFIRMED.value else 0
    return {label: (count, confirmed[label]) for label, count in found.most_common()}


def _per_group(connection: Connection, within: tuple[Any, ...]) -> dict[str, int]:
    count = func.count().label("count")
    rows = connection.execute(
        select(cases.c.group_id, count)
        .where(*within, cases.c.group_id.is_not(None))
        .group_by(cases.c.group_id)
        .order_by(count.desc(), cases.c.group_id)
        .limit(TOP)
    )
    return {row[0]: int(row[1]) for row in rows}


def _hours(connection: Connection, within: tuple[Any, ...], closed: int) -> float | None:
    """Return the median of the time to a verdict: the database sorts, one or two in the middle come here."""
    if not closed:
        return None
    taken = type_coerce(cases.c.decided_at, BigInteger) - type_coerce(cases.c.opened_at, BigInteger)
    middle = (
        select(taken)
        .where(*within, cases.c.decided_at.is_not(None))
        .order_by(taken)
        .offset((closed - 1) // 2)
        .limit(2 - closed % 2)
    )
    return mean(connection.execute(middle).scalars()) / HOUR
