"""What is asked and answered about events: what happens in groups besides messages."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from moderation.types import MAX_TEXT, GroupKind, SenderRole
from service.rosterrows import Moment, Word
from service.schemas import WITHOUT_NUL, Answer, Problem

MAX_EVENTS = 1000
MAX_MEMBERS = 2000
"""Whom one notice asks."""


class Kind(StrEnum):
    """What happened."""

    JOINED = "joined"
    """`by`: who brought him in."""
    LEFT = "left"
    """`by`: who took him out."""
    RENAMED_MEMBER = "renamed_member"
    """Without a nickname: he has none any more."""
    GROUP_CREATED = "group_created"
    GROUP_RENAMED = "group_renamed"
    DISSOLVED = "dissolved"
    NOTICE_POSTED = "notice_posted"
    """`members`: whom it asks to confirm it, all if absent."""
    TASK_ENDED = "task_ended"
    """What a temporary group was made for is done."""
    ADMIN_CHANGED = "admin_changed"
    """Without a member: nobody is responsible any more."""
    OWNER_CHANGED = "owner_changed"
    CONSENT = "consent"
    """`by`, the group's owner or admin, lets somebody bring `member_id` in."""


_TAKES: dict[Kind, tuple[str, str]] = {
    Kind.JOINED: ("member_id", "nickname role"),
    Kind.LEFT: ("member_id", ""),
    Kind.RENAMED_MEMBER: ("member_id", "nickname"),
    Kind.GROUP_CREATED: ("", "name group_kind owner admin policy temporary"),
    Kind.GROUP_RENAMED: ("name", ""),
    Kind.DISSOLVED: ("", ""),
    Kind.NOTICE_POSTED: ("message_id", "text members"),
    Kind.TASK_ENDED: ("", ""),
    Kind.ADMIN_CHANGED: ("", "member_id"),
    Kind.OWNER_CHANGED: ("member_id", ""),
    Kind.CONSENT: ("member_id by", ""),
}
"""Fields that each kind needs, and those that it may have besides; all may have `by`."""
_OF_ALL = frozenset({"event_id", "kind", "group_id", "at", "by"})
_EXAMPLE: dict[str, Any] = {
    "event_id": "e-1",
    "kind": "joined",
    "group_id": "g-7",
    "at": "2026-11-20T09:30:00+08:00",
    "member_id": "u-42",
    "by": "u-1",
}


class EventIn(BaseModel):
    """Something that happened in a group. Which fields go with which kind, the README says."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_EXAMPLE]})

    event_id: Annotated[Word, Field(description="Its own for ever; should name nobody")]
    kind: Kind
    group_id: Word
    at: Annotated[Moment, Field(description="When it happened; not in the future")]
    member_id: Annotated[Word | None, Field(description="To whom it happened")] = None
    by: Annotated[Word | None, Field(description="Who did it")] = None
    nickname: Word | None = None
    role: SenderRole | None = None
    name: Annotated[Word | None, Field(description="Of the group")] = None
    group_kind: GroupKind | None = None
    owner: Word | None = None
    admin: Word | None = None
    policy: Word | None = None
    temporary: bool | None = None
    message_id: Word | None = None
    text: Annotated[str, Field(min_length=1, max_length=MAX_TEXT, pattern=WITHOUT_NUL)] | None = (
        None
    )
    members: Annotated[tuple[Word, ...], Field(min_length=1, max_length=MAX_MEMBERS)] | None = None

    @model_validator(mode="after")
    def _goes_together(self) -> EventIn:
        needed, optional = (set(names.split()) for names in _TAKES[self.kind])
        given = {name for name, value in self if value is not None}
        if missing := sorted(needed - given):
            raise ValueError(f"{self.kind.value!r} needs {', '.join(missing)}")
        if strange := sorted(given - needed - optional - _OF_ALL):
            raise ValueError(f"{', '.join(strange)} does not go with {self.kind.value!r}")
        return self

    def detail(self) -> dict[str, Any]:
        """Return what is kept besides kind, group, time and persons."""
        said = self.model_dump(mode="json", exclude_none=True)
        return {name: value for name, value in said.items() if name not in {*_OF_ALL, "member_id"}}


class EventsRequest(BaseModel):
    """Up to a thousand events; each is checked and answered on its own."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"events": [_EXAMPLE]}]}
    )

    events: Annotated[list[Any], Field(min_length=1, max_length=MAX_EVENTS)]


class EventOut(Answer):
    """An event that is known; the text of a notice is not shown."""

    event_id: str
    kind: Kind
    group_id: str
    at: datetime
    member_id: str | None = None
    by: str | None = None
    nickname: str | None = None
    role: SenderRole | None = None
    name: str | None = None
    group_kind: GroupKind | None = None
    owner: str | None = None
    admin: str | None = None
    policy: str | None = None
    temporary: bool | None = None
    message_id: str | None = None
    members: tuple[str, ...] | None = None
    received_at: datetime


class EventItemOut(Answer):
    """The answer to one event: as it is known, or what is wrong with it."""

    event: EventOut | None = None
    error: Problem | None = None


class EventsOut(Answer):
    """Answers in the order of the events."""

    results: tuple[EventItemOut, ...]


class EventPage(Answer):
    """Events of a group, oldest first; `next` is the `after` of the page behind."""

    events: tuple[EventOut, ...]
    next: str | None
