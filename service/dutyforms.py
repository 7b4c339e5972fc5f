"""What goes out about duties, for the command line and HTTP alike."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import ConfigDict

from moderation.conductrules import conduct_rules
from service.schemas import Answer


class DutyOut(Answer):
    """What somebody owes a group until `due`; `about` says in Chinese what is wrong if it is not met."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra={
            "examples": [
                {
                    "duty_id": "5f0c3c5e0b5e4b6fa0a4d9a3d5a0b7c1",
                    "rule": "question_answered",
                    "name": "提问未及时答复",
                    "article": "4.2",
                    "policy": "bank-customer",
                    "group_id": "g-7",
                    "party": "responder",
                    "person": "u-42",
                    "subject": "m-1",
                    "since": "2026-11-23T02:00:00Z",
                    "due": "2026-11-23T02:30:00Z",
                    "met_at": None,
                    "state": "open",
                    "about": "王女士11月23日10:00提问“卡被吞了怎么办”，应在30分钟内答复或先行回应",
                    "case_id": None,
                }
            ]
        },
    )

    duty_id: str
    rule: str
    name: str
    article: str
    policy: str
    group_id: str
    party: str
    person: str | None
    subject: str
    since: datetime
    due: datetime
    met_at: datetime | None
    state: str
    about: str
    case_id: str | None

    @classmethod
    def of(cls, row: Any) -> DutyOut:
        """Return the public form of a stored duty."""
        kind = conduct_rules().get(row.rule)
        return cls(
            duty_id=row.duty_id,
            rule=row.rule,
            name=kind.name if kind else row.rule,
            article=row.article,
            policy=row.policy_id,
            group_id=row.group_id,
            party=row.party,
            person=row.person,
            subject=row.subject,
            since=row.since,
            due=row.due,
            met_at=row.met_at,
            state=row.state,
            about=row.detail["about"],
            case_id=row.case_id,
        )


class DutyPage(Answer):
    """Duties, the soonest due first, of those past the latest; `next` is the `after` of the page after this."""

    duties: tuple[DutyOut, ...]
    next: str | None
