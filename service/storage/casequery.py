"""Looking at cases: the queue page by page, counts, and what stands around one case. Changes nothing.

A page is found in an index that holds its whole order, and goes on behind the last case of the page
before it: the ten-thousandth case costs what the first one does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Row,
    exists,
    func,
    literal,
    select,
    tuple_,
    type_coerce,
    union_all,
)

from moderation.types import Action
from service.cases import BREACHES, Appeal, Order, Origin, State
from service.storage import roster
from service.storage.casebook import UnknownCaseError, case_row
from service.storage.schema import case_labels, case_steps, cases, entries, notices

AROUND = timedelta(minutes=30)
"""Other cases of the group this long before and after a message are shown with it."""
MOST_AROUND = 20
WAITING = (State.OPEN, State.CLAIMED)
RECORD = 50
"""Entries of a person's record shown with a case."""


_ORDERS = {
    Order.QUEUE: (cases.c.rank, cases.c.certainty, cases.c.opened_at, cases.c.case_id),
    Order.NEWEST: (cases.c.opened_at, cases.c.case_id),
}


@dataclass(frozen=True, slots=True)
class Filter:
    """Which cases are meant; None and empty mean any. `label` is one that was found.

    `sampled` asks for the passed messages drawn at random; no other list holds one that was no breach.
    """

    states: tuple[State, ...] = ()
    label: str | None = None
    group_id: str | None = None
    policy_id: str | None = None
    action: Action | None = None
    sender_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    recalled: bool | None = None
    appeal_open: bool = False
    opinion_wanted: bool = False
    sampled: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """What the ledger says of a case, with those liable and those who have the duty to act."""

    ruling: dict[str, Any]
    occurrences: dict[str, int]
    amount: Decimal | None
    liable: list[dict[str, str | None]]
    duty: list[dict[str, str | None]]


@dataclass(frozen=True, slots=True)
class Paper:
    """A notice as it is shown with its case."""

    id: int
    number: str | None
    state: str
    changed: bool
    penalty: dict[str, Any]
    amount: Decimal | None


@dataclass(frozen=True, slots=True)
class Whole:
    """A case and all that belongs to it."""

    row: Any
    standing: Standing | None
    history: list[dict[str, Any]]
    notices: Sequence[Paper]
    record: Sequence[Any]
    around: Sequence[Any]
    place: roster.Place


@dataclass(frozen=True, slots=True)
class Counts:
    """How many cases a filter finds, whatever state it asks for."""

    by_state: dict[State, int]
    appeal_open: int
    opinion_wanted: int
    sampled: int


def listed(
    connection: Connection,
    wanted: Filter,
    order: Order = Order.QUEUE,
    limit: int = 50,
    after: str | None = None,
) -> list[Row[Any]]:
    """Return a page of cases; `after` is the last case of the page before, whatever became of it.

    Raises:
        UnknownCaseError: there is no case `after`.
    """
    ids = select(cases.c.case_id).where(*_conditions(wanted))
    if after is not None:
        last = case_row(connection, after)
        here = tuple_(*_ORDERS[order])
        there = tuple_(*(literal(getattr(last, c.name), c.type) for c in _ORDERS[order]))
        ids = ids.where(here > there if order is Order.QUEUE else here < there)
    ids = ids.order_by(*_ordered(order)).limit(limit)
    query = select(cases).where(cases.c.case_id.in_(ids)).order_by(*_ordered(order))
    return list(connection.execute(query))


def counts(connection: Connection, wanted: Filter) -> Counts:
    """Return how many cases there are in each state, and how many wait for something else."""
    every = _conditions(
        replace(wanted, states=(), appeal_open=False, opinion_wanted=False, sampled=False)
    )
    sample = _conditions(replace(wanted, states=WAITING, sampled=True))
    waiting = {"appeal": [*every, _APPEAL_OPEN], "opinion": [*every, _OPINION], "sample": sample}
    query = union_all(
        select(cases.c.state, func.count()).where(*every).group_by(cases.c.state),
        *(
            select(literal(name), func.count()).select_from(cases).where(*conditions)
            for name, conditions in waiting.items()
        ),
    )
    found = {name: int(number) for name, number in connection.execute(query)}
    by_state = {state: found.get(state.value, 0) for state in State}
    return Counts(by_state, *(found[name] for name in waiting))


def waiting(connection: Connection) -> int:
    """Return how many cases wait for a verdict, those apart that were drawn to measure by."""
    query = select(func.count()).select_from(cases).where(*_conditions(Filter(states=WAITING)))
    return int(connection.execute(query).scalar_one())


def around(connection: Connection, case_id: str) -> tuple[Row[Any], list[Row[Any]]]:
    """Return a case and the others of its group near in time: of what was clean no text is kept.

    Raises:
        UnknownCaseError: no such case.
    """
    own = select(cases).where(cases.c.case_id == case_id)
    at = own.with_only_columns(type_coerce(cases.c.sent_at, BigInteger)).scalar_subquery()
    group = own.with_only_columns(cases.c.group_id).scalar_subquery()
    sent = type_coerce(cases.c.sent_at, BigInteger)
    span = AROUND // timedelta(milliseconds=1)
    near = (
        select(cases)
        .where(
            cases.c.group_id == group,
            sent.between(at - span, at + span),
            cases.c.case_id != case_id,
            IN_VIEW,
        )
        .order_by(func.abs(sent - at), cases.c.case_id)
        .limit(MOST_AROUND)
    )
    rows = connection.execute(own.union_all(select(near.subquery()))).all()
    found = next((row for row in rows if row.case_id == case_id), None)
    if found is None:
        raise UnknownCaseError(f"no case {case_id!r}")
    others = [row for row in rows if row.case_id != case_id]
    return found, sorted(others, key=lambda one: (one.sent_at, one.case_id))


def whole(connection: Connection, case_id: str) -> Whole:
    """Return a case with everything around it in four queries; raises `UnknownCaseError`."""
    row, others = around(connection, case_id)
    record = ledger_of(connection, row)
    place = roster.place_at(connection, row.group_id, row.sender_id, row.sent_at)
    entry = next((one for one in record if one.case_id == case_id), None)
    steps, papers = steps_and_notices(connection, case_id)
    return Whole(
        row=row,
        standing=entry and standing(row, place, entry.ruling, entry.occurrences, entry.amount),
        history=steps,
        notices=papers,
        record=record,
        around=others,
        place=place,
    )


def ledger_of(connection: Connection, row: Any) -> list[Row[Any]]:
    """Return all entries of a case's sender with what they rest on; of an unknown one, the case's own."""
    query = select(entries, *_RESTS_ON).join(cases, cases.c.case_id == entries.c.case_id)
    if row.sender_id is None:
        query = query.where(entries.c.case_id == row.case_id)
    else:
        query = query.where(entries.c.person == row.sender_id)
    return list(connection.execute(query.order_by(entries.c.at, entries.c.case_id)))


def standing_of(connection: Connection, row: Any) -> Standing | None:
    """Return what the ledger says of a case, None while no breach is confirmed."""
    entry = connection.execute(select(entries).where(entries.c.case_id == row.case_id)).first()
    place = roster.place_at(connection, row.group_id, row.sender_id, row.sent_at)
    return _standing(row, place, entry)


def _standing(row: Any, place: roster.Place, entry: Any) -> Standing | None:
    if entry is None:
        return None
    return standing(row, place, entry.ruling, entry.occurrences, entry.amount)


def standing(
    row: Any,
    place: roster.Place,
    ruling: dict[str, Any],
    occurrences: dict[str, int],
    amount: Decimal | None,
) -> Standing:
    """Return what a ruling means for a case: its parties are those of the time of the message."""
    penalty = ruling["penalty"] or {}
    return Standing(
        ruling=ruling,
        occurrences=occurrences,
        amount=amount,
        liable=place.persons(penalty.get("liable", ()), row.sender_id, row.party),
        duty=place.persons(penalty.get("duty", ()), row.sender_id),
    )


def record_of(connection: Connection, person: str, limit: int = RECORD) -> list[Row[Any]]:
    """Return the last entries of a person under all policies, in order of their messages."""
    query = (
        select(entries)
        .where(entries.c.person == person)
        .order_by(entries.c.at.desc(), entries.c.case_id.desc())
        .limit(limit)
    )
    return list(connection.execute(query))[::-1]


def steps_and_notices(
    connection: Connection, case_id: str
) -> tuple[list[dict[str, Any]], list[Paper]]:
    """Return what was done to a case and the notices on it, oldest first: no notice without a step."""
    query = (
        select(*_STEP, *_PAPER)
        .outerjoin(notices, notices.c.case_id == case_steps.c.case_id)
        .where(case_steps.c.case_id == case_id)
        .order_by(case_steps.c.number, notices.c.id)
    )
    steps: dict[int, dict[str, Any]] = {}
    papers: dict[int, Paper] = {}
    for row in connection.execute(query):
        steps[row.step] = {
            "number": row.step,
            "at": row.at,
            "by": row.by,
            "verb": row.verb,
            "detail": row.detail,
        }
        if row.id is not None:
            papers[row.id] = Paper(
                row.id, row.number, row.state, row.changed, row.penalty, row.amount
            )
    return list(steps.values()), list(papers.values())


_STEP = (
    case_steps.c.number.label("step"),
    *(case_steps.c.at, case_steps.c.by, case_steps.c.verb, case_steps.c.detail),
)
_PAPER = (
    *(notices.c.id, notices.c.number, notices.c.state, notices.c.changed),
    *(notices.c.penalty, notices.c.amount),
)
_RESTS_ON = (
    *(cases.c.sender_id, cases.c.policy_version, cases.c.labels),
    *(cases.c.sent_at, cases.c.group_kind, cases.c.sender_role, cases.c.party),
)
BREACH = cases.c.state.in_([state.value for state in BREACHES])
IN_VIEW = (cases.c.origin != Origin.SAMPLE.value) | BREACH
"""A passed message that was drawn at random is counted and shown by itself, unless it was a breach."""
_SAMPLED = (cases.c.origin == Origin.SAMPLE.value) & cases.c.text.is_not(None)
_APPEAL_OPEN = cases.c.appeal == Appeal.OPEN.value
_OPINION = cases.c.opinion_wanted & cases.c.opinion_by.is_(None) & BREACH


def _conditions(wanted: Filter) -> list[ColumnElement[bool]]:
    """Return what a case must satisfy."""
    equal = (
        (cases.c.group_id, wanted.group_id),
        (cases.c.policy_id, wanted.policy_id),
        (cases.c.action, wanted.action),
        (cases.c.sender_id, wanted.sender_id),
    )
    found = [column == value for column, value in equal if value is not None]
    found.append(_SAMPLED if wanted.sampled else IN_VIEW)
    if wanted.states:
        found.append(_one_of(wanted.states))
    if wanted.since is not None:
        found.append(cases.c.opened_at >= wanted.since)
    if wanted.until is not None:
        found.append(cases.c.opened_at < wanted.until)
    if wanted.recalled is not None:
        found.append(cases.c.recalled_at.is_not(None) == wanted.recalled)
    return [*found, *_flags(wanted)]


def _flags(wanted: Filter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.label is not None:
        found.append(
            exists().where(
                case_labels.c.case_id == cases.c.case_id, case_labels.c.label == wanted.label
            )
        )
    if wanted.appeal_open:
        found.append(_APPEAL_OPEN)
    if wanted.opinion_wanted:
        found.append(_OPINION)
    return found


def _one_of(states: tuple[State, ...]) -> ColumnElement[bool]:
    """Return the condition on the state: of a single one an index gives the whole order."""
    if len(states) == 1:
        return cases.c.state == states[0].value
    return cases.c.state.in_([state.value for state in states])


def _ordered(order: Order) -> tuple[ColumnElement[Any], ...]:
    columns = _ORDERS[order]
    return columns if order is Order.QUEUE else tuple(column.desc() for column in columns)
