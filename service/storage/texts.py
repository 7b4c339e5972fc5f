"""Texts of cases without personal data, for what is worked out over many of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, select

from moderation.types import Action
from service.cases import BREACHES, CLOSED, Origin, State
from service.masking import Names, anonymous, stored_spans
from service.storage.feedback import roster_names
from service.storage.schema import cases

MOST = 20_000
"""Cases looked at, the newest: more would not tell more."""


@dataclass(frozen=True, slots=True)
class Said:
    """A text of a case; `found` is what the machine said of it, `labels` what a person said."""

    case_id: str
    at: datetime
    text: str
    action: Action
    origin: Origin
    state: State
    found: tuple[str, ...]
    labels: tuple[str, ...]

    @property
    def flagged(self) -> bool:
        """Return whether the machine stopped it."""
        return self.action is not Action.PASS

    @property
    def breach(self) -> bool:
        """Return whether a person said that it breaks the rules."""
        return self.state in BREACHES

    @property
    def missed(self) -> bool:
        """Return whether a person found something that the machine did not."""
        return self.breach and bool(set(self.labels) - set(self.found))


def since(connection: Connection, at: datetime) -> list[Said]:
    """Return the texts of cases opened at a time or later, oldest first."""
    return _said(connection, cases.c.opened_at >= at)


def closed(connection: Connection) -> list[Said]:
    """Return the texts of cases with a verdict, oldest first."""
    return _said(connection, cases.c.state.in_([state.value for state in CLOSED]))


def waiting(connection: Connection) -> list[Said]:
    """Return the texts of cases without a verdict that nobody is on, oldest first."""
    return _said(connection, cases.c.state == State.OPEN.value)


def of(connection: Connection, case_ids: Iterable[str]) -> dict[str, str]:
    """Return the texts of cases that still have one."""
    return {one.case_id: one.text for one in _said(connection, cases.c.case_id.in_(list(case_ids)))}


def _said(connection: Connection, which: ColumnElement[bool]) -> list[Said]:
    query = (
        select(
            *(cases.c.case_id, cases.c.opened_at, cases.c.text, cases.c.decision, cases.c.action),
            *(cases.c.origin, cases.c.state, cases.c.found, cases.c.labels),
        )
        .where(which, cases.c.text.is_not(None), cases.c.origin != Origin.CONDUCT.value)
        .order_by(cases.c.opened_at.desc(), cases.c.case_id.desc())
        .limit(MOST)
    )
    names = roster_names(connection)
    return [_one(row, names) for row in connection.execute(query)][::-1]


def _one(row: Any, names: Names) -> Said:
    return Said(
        case_id=row.case_id,
        at=row.opened_at,
        text=anonymous(row.text, stored_spans(row.decision), names),
        action=Action(row.action),
        origin=Origin(row.origin),
        state=State(row.state),
        found=tuple(row.found),
        labels=tuple(row.labels),
    )
