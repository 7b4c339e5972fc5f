"""Recall, measured: what reviewers say of the passed messages that were drawn at random."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, func, select

from service.cases import BREACHES, CLOSED, Origin
from service.estimates import Drawn, RecallEstimate, estimate
from service.storage.schema import cases


def recall_estimate(connection: Connection, since: datetime | None = None) -> RecallEstimate:
    """Return how many breaches pass unseen, of messages that came in since a time."""
    within = [] if since is None else [cases.c.opened_at >= since]
    drawn = connection.execute(
        select(cases.c.rate, cases.c.state).where(cases.c.rate.is_not(None), *within)
    )
    flagged = connection.execute(
        select(cases.c.state, func.count())
        .where(cases.c.origin == Origin.FLAG.value, *within)
        .group_by(cases.c.state)
    )
    counts = {row[0]: int(row[1]) for row in flagged}
    closed = {state.value for state in CLOSED}
    breaches = {state.value for state in BREACHES}
    return estimate(
        [Drawn(rate, state in breaches if state in closed else None) for rate, state in drawn],
        flagged=sum(counts.values()),
        closed=sum(counts.get(state, 0) for state in closed),
        breaches=sum(counts.get(state, 0) for state in breaches),
    )
