"""Confirmed cases as the ledger sees them, for a draft policy to be tried on."""

from __future__ import annotations

from sqlalchemy import Connection, select

from moderation.types import GroupKind, SenderRole
from service.cases import BREACHES, Origin
from service.ledger import Breach
from service.policytrial import Past
from service.storage.schema import cases
from service.storage.snapshots import Snapshots


def confirmed(connection: Connection, snapshots: Snapshots, policy_id: str) -> list[Past]:
    """Return every confirmed case under any version of a policy, by time of its message."""
    query = (
        select(
            *(cases.c.case_id, cases.c.sender_id, cases.c.policy_version, cases.c.labels),
            *(cases.c.sent_at, cases.c.group_kind, cases.c.sender_role, cases.c.amount),
        )
        .where(
            cases.c.policy_id == policy_id,
            cases.c.origin != Origin.CONDUCT.value,
            cases.c.state.in_([state.value for state in BREACHES]),
        )
        .order_by(cases.c.sent_at, cases.c.case_id)
    )
    return [
        Past(
            Breach(
                case_id=row.case_id,
                person=row.sender_id,
                policy=snapshots.policy(connection, row.policy_version),
                labels=tuple(row.labels),
                at=row.sent_at,
                group_kind=GroupKind(row.group_kind),
                sender_role=SenderRole(row.sender_role),
            ),
            row.amount,
        )
        for row in connection.execute(query)
    ]
