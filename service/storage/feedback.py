"""What people say was right: reports of the bot, verdicts of reviewers, and the gold that comes of them.

    report ─ case ─ verdict ─ gold ─ lines of a data set

Only a reviewed case is gold. What the model found, and what a bot reports, never is by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from moderation.types import Action
from service.cases import BREACHES, CLOSED, Appeal, Origin, State, Verb
from service.masking import Names, anonymous, stored_spans
from service.storage.audit import Change, append
from service.storage.schema import case_steps, cases, feedback, members, people, seen

VERDICTS = (Verb.CONFIRM, Verb.RELABEL, Verb.REJECT, Verb.DECIDE_APPEAL)
"""Steps that say what a message is."""
DISPUTED_WEIGHT = 0.5
"""What a verdict counts that a second opinion contradicts."""
HARD = "hard"
"""Note of a clean message that looked like a breach, as the data set calls it."""
CLEAN = "clean"
_REVIEWED = (
    cases.c.state.in_([state.value for state in CLOSED]),
    cases.c.text.is_not(None),
    cases.c.origin != Origin.CONDUCT.value,
)


@dataclass(frozen=True, slots=True)
class Gold:
    """A reviewed message without personal data; no labels means clean. `at` is when the verdict fell.

    `note` holds words: `hard`, the verdict, where it came from, whether a second opinion agreed.
    """

    text: str
    labels: tuple[str, ...]
    group: str
    source: str
    note: str
    weight: float
    at: datetime
    case_id: str | None
    reviewed_by: str

    def to_line(self) -> dict[str, Any]:
        """Return the line of a data file."""
        return {
            "text": self.text,
            "labels": list(self.labels),
            "group": self.group,
            "source": self.source,
            "note": self.note,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """What somebody says is right of a case; `reviewed` tells a verdict from a bot's word."""

    case_id: str
    by: str
    at: datetime
    labels: tuple[str, ...]
    comment: str = ""
    reviewed: bool = False
    print: int | None = None


def gold(connection: Connection, since: datetime | None = None) -> list[Gold]:
    """Return every reviewed case whose text is still there, oldest verdict first.

    `since` bounds the time of the verdict; an appeal that was decided is one.
    """
    verdicts = _verdicts(connection, since)
    query = select(cases).where(*_REVIEWED, cases.c.case_id.in_(_judged(since)))
    rows = {row.case_id: row for row in connection.execute(query)}
    opinions = _opinions(connection)
    names = roster_names(connection)
    return [
        _gold(rows[case_id], at, by, opinions.get(case_id), names)
        for case_id, (at, by) in verdicts.items()
        if case_id in rows
    ]


def verdict_counts(connection: Connection) -> tuple[int, Counter[str]]:
    """Return how many reviewed cases can be learnt from, and how many of them have each label."""
    query = select(cases.c.labels).where(*_REVIEWED)
    labels = list(connection.execute(query).scalars())
    return len(labels), Counter(label for found in labels for label in found or [CLEAN])


def roster_names(connection: Connection) -> Names:
    """Return the names and nicknames of everybody on the roster, now or once."""
    query = select(people.c.name).union(select(members.c.nickname))
    return Names(name for name in connection.execute(query).scalars() if name)


def put(connection: Connection, report: Report) -> None:
    """Keep what somebody says of a case, in place of what he said before."""
    here = (feedback.c.case_id == report.case_id) & (feedback.c.by == report.by)
    values = {
        "at": report.at,
        "labels": list(report.labels),
        "comment": report.comment or None,
        "reviewed": report.reviewed,
    }
    if not connection.execute(update(feedback).where(here).values(values)).rowcount:
        ids = {"case_id": report.case_id, "by": report.by, "print": report.print}
        connection.execute(insert(feedback), [ids | values])
    change = Change(report.by, "feedback", report.case_id, {"labels": list(report.labels)})
    append(connection, report.at, [change])


def case_of_text(connection: Connection, number: int) -> str | None:
    """Return the case of a text that was sent in by itself before, by its fingerprint."""
    query = select(feedback.c.case_id).where(feedback.c.print == number).limit(1)
    return connection.execute(query).scalar()


def seen_message(connection: Connection, key: int | None) -> Row[Any] | None:
    """Return the fingerprint of a message by its keyed id."""
    return connection.execute(select(seen).where(seen.c.message_key == key)).first()


def link_message(connection: Connection, number: int, case_id: str) -> None:
    """Say that a message has a case, which was opened after it came in."""
    connection.execute(update(seen).where(seen.c.id == number).values(case_id=case_id))


def mark(connection: Connection, case_id: str) -> None:
    """Let a reviewer look at a case: one of the sample is shown among all, a breach gets a second opinion."""
    here = cases.c.case_id == case_id
    sample = here & (cases.c.origin == Origin.SAMPLE.value)
    connection.execute(update(cases).where(sample).values(origin=Origin.REPORT.value))
    breach = here & cases.c.state.in_([state.value for state in BREACHES])
    connection.execute(update(cases).where(breach).values(opinion_wanted=True))


def reports(connection: Connection, limit: int) -> list[Row[Any]]:
    """Return what bots say of cases, newest first, with the cases as they stand."""
    query = (
        select(feedback.c.by, feedback.c.at, feedback.c.labels.label("said"), feedback.c.comment)
        .add_columns(*cases.c)
        .join(cases, cases.c.case_id == feedback.c.case_id)
        .where(~feedback.c.reviewed)
        .order_by(feedback.c.at.desc(), feedback.c.case_id)
        .limit(limit)
    )
    return list(connection.execute(query))


def _judged(since: datetime | None) -> Any:
    query = select(case_steps.c.case_id).where(
        case_steps.c.verb.in_([verb.value for verb in VERDICTS])
    )
    return query if since is None else query.where(case_steps.c.at >= since)


def _verdicts(connection: Connection, since: datetime | None) -> dict[str, tuple[datetime, str]]:
    """Return when and by whom each case was last judged, in that order."""
    query = (
        select(case_steps.c.case_id, case_steps.c.at, case_steps.c.by)
        .where(case_steps.c.verb.in_([verb.value for verb in VERDICTS]))
        .order_by(case_steps.c.at, case_steps.c.case_id, case_steps.c.number)
    )
    if since is not None:
        query = query.where(case_steps.c.at >= since)
    found: dict[str, tuple[datetime, str]] = {}
    for row in connection.execute(query):
        found.pop(row.case_id, None)
        found[row.case_id] = (row.at, row.by)
    return found


def _opinions(connection: Connection) -> dict[str, bool]:
    """Return by case whether the second opinion on the verdict that stands agrees with it."""
    query = (
        select(case_steps.c.case_id, case_steps.c.detail)
        .join(cases, cases.c.case_id == case_steps.c.case_id)
        .where(case_steps.c.verb == Verb.OPINION.value, cases.c.opinion_by.is_not(None))
        .order_by(case_steps.c.number)
    )
    return {
        row.case_id: set(row.detail["verdict"]) == set(row.detail.get("labels", ()))
        for row in connection.execute(query)
    }


def _gold(row: Any, at: datetime, by: str, agreed: bool | None, names: Names) -> Gold:
    return Gold(
        text=anonymous(row.text, stored_spans(row.decision), names),
        labels=tuple(row.labels),
        group=row.group_kind,
        source=f"feedback/{row.group_kind}/{row.policy_id}",
        note=",".join(_notes(row, agreed)),
        weight=DISPUTED_WEIGHT if agreed is False else 1.0,
        at=at,
        case_id=row.case_id,
        reviewed_by=by,
    )


def _notes(row: Any, agreed: bool | None) -> Iterable[str]:
    if row.state == State.REJECTED.value and row.action != Action.PASS.value:
        yield HARD
    yield row.appeal if row.appeal == Appeal.OVERTURNED.value else row.state
    yield row.origin
    if agreed is not None:
        yield "agreed" if agreed else "disputed"
