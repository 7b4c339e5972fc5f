"""Cases in the database: every step by the pure rules, the ledger and the notices kept true to it.

step ─ cases.apply ─ history, audit ─ ledger of that person and policy anew ─ notices ─ instructions
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from moderation.policy import Policy
from moderation.types import GroupKind, Penalty, SenderRole
from service import ledger, notices
from service.cases import BREACHES, Appeal, Case, Origin, State, Step, Verb, apply
from service.ledger import AmountError, Breach, Entry
from service.storage import actions, noticebook
from service.storage.audit import Change, append
from service.storage.database import StorageError
from service.storage.schema import case_steps, cases, entries, users
from service.storage.schema import notices as notice_table
from service.storage.snapshots import Snapshots


class UnknownCaseError(StorageError):
    """No case has this id."""


class ErasedError(StorageError):
    """The text of a case was erased."""


@dataclass(frozen=True, slots=True)
class Casebook:
    """Applies steps. `opinion_rate` is the share of confirmed cases that get a second opinion."""

    snapshots: Snapshots
    opinion_rate: float = 0.0

    def step(self, connection: Connection, case_id: str, step: Step) -> Case:
        """Do something to a case and all that follows from it; return the case after it.

        Raises:
            UnknownCaseError: no such case.
            RuleError: the rules do not allow the step now.
            AmountError: a sum outside what the policy states.
        """
        row = case_row(connection, case_id)
        before = to_case(connection, row)
        after = apply(before, step)
        self._write(connection, row, before, after, step)
        if row.origin != Origin.TEXT.value and (
            before.is_breach,
            before.labels,
            before.amount,
            before.decided_by,
        ) != (
            after.is_breach,
            after.labels,
            after.amount,
            after.decided_by,
        ):
            typed = case_id if step.amount is not None else None
            self.recompute(connection, step.at, row.sender_id, row.policy_id, case_id, typed)
        return after

    def recompute(
        self,
        connection: Connection,
        at: datetime,
        person: str | None,
        policy_id: str,
        case_id: str,
        typed: str | None = None,
    ) -> None:
        """Compute the record of a person under a policy afresh and let everything that changed follow.

        `typed` is the case whose amount somebody has just typed: a wrong one is his mistake, while one
        that no longer fits since an earlier case fell is dropped.
        """
        rows = _breach_rows(connection, person, policy_id, case_id)
        computed = ledger.record(self._breach(connection, row) for row in rows)
        old = _entries(connection, person, policy_id, case_id)
        for row, entry in _by_case(rows, computed):
            amount = _amount(entry.penalty, row.amount, strict=row.case_id == typed)
            values = _entry_values(entry, amount)
            if old.pop(row.case_id, None) != values:
                _put_entry(connection, values)
                if row.case_id != case_id:
                    detail = {"kind": values["kind"], "occurrences": values["occurrences"]}
                    append(connection, at, [Change("ledger", "entry.change", row.case_id, detail)])
            noticebook.follow(connection, at, row, row.decided_by, entry, amount)
            actions.follow_reminder(connection, at, row, entry)
        for gone in old:
            connection.execute(delete(entries).where(entries.c.case_id == gone))
            row = case_row(connection, gone)
            noticebook.follow(connection, at, row, None, None, None)
            actions.follow_reminder(connection, at, row, None)

    def preview(
        self, connection: Connection, row: Any, labels: Sequence[str], known: Iterable[Any]
    ) -> Entry:
        """Return the entry that a case would have, were it confirmed now with these labels.

        `known` is what the ledger holds of the person.
        """
        others = [
            self._breach(connection, other)
            for other in known
            if other.policy_id == row.policy_id and other.case_id != row.case_id
        ]
        own = replace(self._breach(connection, row), labels=tuple(labels))
        found = ledger.record([*others, own])
        return next(entry for entry in found if entry.breach.case_id == row.case_id)

    def _breach(self, connection: Connection, row: Any) -> Breach:
        return Breach(
            case_id=row.case_id,
            person=row.sender_id,
            policy=self.snapshots.policy(connection, row.policy_version),
            labels=tuple(row.labels),
            at=row.sent_at,
            group_kind=GroupKind(row.group_kind),
            sender_role=SenderRole(row.sender_role),
            party=row.party,
        )

    def _write(
        self, connection: Connection, row: Any, before: Case, after: Case, step: Step
    ) -> None:
        verdict = step.verb in (Verb.CONFIRM, Verb.RELABEL, Verb.REJECT)
        values: dict[str, Any] = {
            "state": after.state.value,
            "reviewer": after.reviewer,
            "claimed_at": after.claimed_at,
            "labels": list(after.labels),
            "amount": after.amount,
            "decided_by": after.decided_by,
            "decided_at": (step.at if verdict else row.decided_at) if after.decided_by else None,
            "appeal": after.appeal.value if after.appeal else None,
            "opinion_by": after.opinion_by,
            "steps": row.steps + 1,
        }
        if verdict:
            values["opinion_wanted"] = after.is_breach and sampled(row.case_id, self.opinion_rate)
        connection.execute(update(cases).where(cases.c.case_id == row.case_id).values(values))
        detail = step.to_dict()
        if step.verb is Verb.OPINION:  # the verdict may change later; the opinion was on this one
            detail["verdict"] = list(before.labels)
        history = {
            "case_id": row.case_id,
            "number": row.steps + 1,
            "at": step.at,
            "by": step.by,
            "verb": step.verb.value,
            "detail": detail,
        }
        connection.execute(insert(case_steps), [history])
        told = {k: v for k, v in detail.items() if k != "text"}
        change = Change(step.by, f"case.{step.verb.value}", row.case_id, told)
        append(connection, step.at, [change])


def case_row(connection: Connection, case_id: str) -> Row[Any]:
    """Return a case as stored; raises `UnknownCaseError`."""
    row = connection.execute(select(cases).where(cases.c.case_id == case_id)).first()
    if row is None:
        raise UnknownCaseError(f"no case {case_id!r}")
    return row


def to_case(connection: Connection, row: Any) -> Case:
    """Return the state of review of a stored case."""
    return Case(
        found=tuple(row.found),
        state=State(row.state),
        reviewer=row.reviewer,
        claimed_at=row.claimed_at,
        labels=tuple(row.labels),
        amount=row.amount,
        decided_by=row.decided_by,
        appeal=Appeal(row.appeal) if row.appeal else None,
        opinion_by=row.opinion_by,
        sender=_user_of(connection, row.sender_id),
        settled=_is_settled(connection, row.case_id),
        conduct=row.origin == Origin.CONDUCT.value,
    )


def confirmed_counts(
    connection: Connection, person: str, policy: Policy, at: datetime
) -> dict[str, int]:
    """Return how often a person's confirmed breaches so far break each article that a message at `at` might."""
    query = select(entries.c.at, entries.c.occurrences).where(
        entries.c.person == person, entries.c.policy_id == policy.id, entries.c.at <= at
    )
    since = ledger.window_start(policy, at)
    counts: dict[str, int] = {}
    for row in connection.execute(query):
        if row.at >= since:
            for article in row.occurrences:
                counts[article] = counts.get(article, 0) + 1
    return counts


def agreement(connection: Connection) -> dict[str, Any]:
    """Return how often second opinions gave the labels of the verdict, and how many are awaited."""
    query = select(case_steps.c.detail).where(case_steps.c.verb == Verb.OPINION.value)
    pairs = [
        (set(detail["verdict"]), set(detail.get("labels", ())))
        for detail in connection.execute(query).scalars()
    ]
    awaited = connection.execute(
        select(func.count())
        .select_from(cases)
        .where(
            cases.c.opinion_wanted,
            cases.c.opinion_by.is_(None),
            cases.c.state.in_([state.value for state in BREACHES]),
        )
    ).scalar_one()
    same = sum(one == other for one, other in pairs)
    return {
        "opinions": len(pairs),
        "same_labels": same,
        "same_verdict": sum(bool(one) == bool(other) for one, other in pairs),
        "share": round(same / len(pairs), 4) if pairs else None,
        "awaited": awaited,
    }


def sampled(case_id: str, rate: float) -> bool:
    """Return whether a case belongs to the sample of this rate: the same answer every time."""
    digest = hashlib.blake2b(case_id.encode(), digest_size=8, person=b"opinion").digest()
    return int.from_bytes(digest, "big") < rate * 2**64


def _breach_rows(
    connection: Connection, person: str | None, policy_id: str, case_id: str
) -> list[Row[Any]]:
    """Return the confirmed cases of a person under a policy; of an unknown sender, the case alone."""
    query = select(cases).where(cases.c.state.in_([state.value for state in BREACHES]))
    if person is None:
        query = query.where(cases.c.case_id == case_id)
    else:
        query = query.where(cases.c.sender_id == person, cases.c.policy_id == policy_id)
    return list(connection.execute(query.order_by(cases.c.sent_at, cases.c.case_id)))


def _by_case(rows: Sequence[Any], computed: Iterable[Entry]) -> Iterable[tuple[Any, Entry]]:
    by_id = {row.case_id: row for row in rows}
    return [(by_id[entry.breach.case_id], entry) for entry in computed]


def _amount(penalty: Penalty | None, typed: Decimal | None, strict: bool) -> Decimal | None:
    try:
        return ledger.amount_due(penalty, typed)
    except AmountError:
        if strict:
            raise
        return ledger.amount_due(penalty, None)


def _entry_values(entry: Entry, amount: Decimal | None) -> dict[str, Any]:
    return {
        "case_id": entry.breach.case_id,
        "person": entry.breach.person,
        "policy_id": entry.breach.policy.id,
        "at": entry.breach.at,
        "ruling": entry.ruling.to_dict(),
        "occurrences": entry.occurrences,
        "kind": entry.penalty.kind if entry.penalty else None,
        "amount": amount,
    }


def _entries(
    connection: Connection, person: str | None, policy_id: str, case_id: str
) -> dict[str, dict[str, Any]]:
    query = select(entries)
    if person is None:
        query = query.where(entries.c.case_id == case_id)
    else:
        query = query.where(entries.c.person == person, entries.c.policy_id == policy_id)
    return {row.case_id: dict(row._mapping) for row in connection.execute(query)}


def _put_entry(connection: Connection, values: dict[str, Any]) -> None:
    connection.execute(delete(entries).where(entries.c.case_id == values["case_id"]))
    connection.execute(insert(entries), [values])


def _user_of(connection: Connection, member_id: str | None) -> str | None:
    if member_id is None:
        return None
    return connection.execute(select(users.c.name).where(users.c.member_id == member_id)).scalar()


def _is_settled(connection: Connection, case_id: str) -> bool:
    fixed = (notices.NoticeState.APPROVED.value, notices.NoticeState.PUBLISHED.value)
    query = select(notice_table.c.id).where(
        notice_table.c.case_id == case_id, notice_table.c.state.in_(fixed)
    )
    return connection.execute(query.limit(1)).first() is not None
