"""Rows of the tables that analysts take out: nobody is named in them. `service.exports` says what they hold."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from moderation.conversation import keyed
from service.cases import BREACHES, CLOSED
from service.masking import anonymous, stored_spans
from service.storage.feedback import gold, roster_names
from service.storage.schema import cases

AT_ONCE = 1000
"""Cases read at once."""
_VERDICTS = {state.value for state in CLOSED}
_BREACHES = {state.value for state in BREACHES}


def case_rows(
    connection: Connection, key: bytes, since: datetime | None = None
) -> Iterator[dict[str, Any]]:
    """Yield a row per case opened since, oldest first."""
    names = roster_names(connection)
    for row in _cases(connection, since):
        text = row.text
        if text is not None:
            text = anonymous(text, stored_spans(row.decision), names)
        yield _judged(row) | {
            "origin": row.origin,
            "sent_at": row.sent_at,
            "group_id": row.group_id,
            "sender": _pseudonym(key, row.sender_id),
            "sender_role": row.sender_role,
            "text": text,
            "action": row.action,
            "found": tuple(row.found),
            "certainty": row.certainty,
            "lexicon": row.lexicon_version,
            "labels": _verdict(row),
            "amount": row.amount,
            "decided_at": row.decided_at,
            "decided_by": _pseudonym(key, row.decided_by),
            "appeal": row.appeal,
            "recalled": row.recalled_at is not None,
        }


def score_rows(
    connection: Connection, key: bytes, since: datetime | None = None
) -> Iterator[dict[str, Any]]:
    """Yield a row per finding of the cases opened since, oldest first."""
    for row in _cases(connection, since):
        for finding in row.decision["findings"]:
            yield _judged(row) | {
                "label": finding["label"],
                "category": finding["category"],
                "source": finding["source"],
                "score": finding["score"],
                "right": finding["label"] in _verdict(row) if row.state in _VERDICTS else None,
            }


def feedback_rows(
    connection: Connection, key: bytes, since: datetime | None = None
) -> Iterator[dict[str, Any]]:
    """Yield a row per verdict that can be learnt from, oldest first."""
    for one in gold(connection, since):
        yield {
            "at": one.at,
            "case_id": one.case_id,
            "text": one.text,
            "labels": one.labels,
            "group": one.group,
            "source": one.source,
            "note": one.note,
            "weight": one.weight,
            "reviewer": _pseudonym(key, one.reviewed_by),
        }


def _cases(connection: Connection, since: datetime | None) -> Iterator[Row[Any]]:
    query = select(cases).order_by(cases.c.opened_at, cases.c.case_id)
    if since is not None:
        query = query.where(cases.c.opened_at >= since)
    yield from connection.execute(query.execution_options(yield_per=AT_ONCE))


def _judged(row: Row[Any]) -> dict[str, Any]:
    """Return what the tables of cases and of scores share."""
    return {
        "case_id": row.case_id,
        "opened_at": row.opened_at,
        "model": row.decision["model"],
        "policy": row.policy_version,
        "group_kind": row.group_kind,
        "state": row.state,
    }


def _verdict(row: Row[Any]) -> tuple[str, ...]:
    """Return the labels of the verdict, none before it and none for a rejected case."""
    return tuple(row.labels) if row.state in _BREACHES else ()


def _pseudonym(key: bytes, name: str | None) -> str | None:
    """Return what stands for a person: the same everywhere, and traced back by nobody without the key."""
    return None if name is None else f"{keyed(key, 'person', name) % 2**64:016x}"
