"""Events from outside: each checked on its own, the good ones kept together, answered in order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError

from moderation.errors import UnknownNameError
from moderation.policyfiles import PolicyBook
from service.eventforms import EventIn, EventItemOut, EventOut
from service.problems import invalid, unknown_policy
from service.schemas import FieldProblem, Problem, field_problems
from service.storage import events
from service.storage.database import Database

SKEW = timedelta(minutes=5)
"""So far ahead of ours the sender's clock may be."""


def take(
    database: Database,
    now: datetime,
    actor: str,
    items: Sequence[Any],
    policies: PolicyBook,
    key: bytes,
) -> list[EventItemOut]:
    """Keep the events among what was sent; return what became of each. `key` is the fingerprints'."""
    checked = [_checked(item, number, policies, now) for number, item in enumerate(items)]
    good = [one for one in checked if isinstance(one, EventIn)]
    with database.write() as connection:
        kept = iter(events.record(connection, now, actor, good, key))
    return [
        EventItemOut(error=one) if isinstance(one, Problem) else _became(next(kept))
        for one in checked
    ]


def shown(known: events.Received) -> EventOut:
    """Return an event as it is answered, without a notice's text."""
    event = known.event
    detail = {name: value for name, value in event.detail.items() if name != "text"}
    ids = {name: getattr(event, name) for name in ("event_id", "kind", "group_id", "at", "by")}
    given = {**detail, **ids, "member_id": event.member_id, "received_at": known.received_at}
    return EventOut.model_validate(given)


def _checked(item: Any, number: int, policies: PolicyBook, now: datetime) -> EventIn | Problem:
    """Return an event, or what is wrong with it."""
    try:
        said = EventIn.model_validate(item)
        if said.policy is not None:
            policies[said.policy]
    except ValidationError as error:
        return invalid(field_problems(error, ("events", number)))
    except UnknownNameError as error:
        return unknown_policy(error, f"/events/{number}/policy")
    if said.at > now + SKEW:
        pointer = f"/events/{number}/at"
        return invalid([FieldProblem(pointer=pointer, detail="lies in the future")])
    return said


def _became(answer: events.Received | events.OtherEventError) -> EventItemOut:
    if isinstance(answer, events.OtherEventError):
        return EventItemOut(error=Problem(title="Conflict", status=409, detail=str(answer)))
    return EventItemOut(event=shown(answer))
