"""What a roster says of groups, members, people, checked the same in a file and over HTTP; what a file did."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from moderation.types import GroupKind, SenderRole
from service.schemas import Answer, FieldProblem

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
MAX_TOLD = 100
"""Mistakes of a file that an answer lists."""


def _sensible(at: datetime) -> datetime:
    if not EARLIEST <= at < LATEST:
        raise ValueError(f"must be between {EARLIEST.year} and {LATEST.year - 1}")
    return at


Word = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]
"""A name or an id; PostgreSQL keeps no NUL."""
Moment = Annotated[AwareDatetime, AfterValidator(_sensible)]


Departments = Annotated[
    tuple[Word, ...],
    Field(max_length=100, description="Whose people belong in it; none: no department is named"),
    AfterValidator(lambda names: tuple(dict.fromkeys(names))),
]
Wage = Annotated[
    Decimal, Field(ge=0, le=100_000_000, decimal_places=2, description="Of a month, CNY")
]


class GroupIn(BaseModel):
    """A group; what is absent is unknown. `owner` and `admin` are member ids.

    `temporary` says that it was made for a task, which was done at `ended_at`.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"name": "生产一部", "kind": "work", "policy": "factory", "owner": "u-1"}]
        },
    )

    name: Word
    kind: GroupKind | None = None
    policy: Annotated[Word | None, Field(description="The default policy if absent")] = None
    owner: Word | None = None
    admin: Word | None = None
    dissolved: bool | None = None
    departments: Departments | None = None
    temporary: bool | None = None
    ended_at: Moment | None = None


class GroupRow(GroupIn):
    """A line of a file of groups."""

    group_id: Word


class MemberIn(BaseModel):
    """A member of a group; what is absent is unknown. `supervisor` is a member id."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"nickname": "生产部-李想", "supervisor": "u-1", "name": "李想"}]
        },
    )

    nickname: Word | None = None
    role: SenderRole | None = None
    supervisor: Word | None = None
    name: Word | None = None
    department: Word | None = None
    wage: Wage | None = None
    joined: Moment | None = None
    left: Moment | None = None

    @model_validator(mode="after")
    def _in_order(self) -> MemberIn:
        if self.joined and self.left and self.left <= self.joined:
            raise ValueError("left must be after joined")
        return self


class MemberRow(MemberIn):
    """A line of a file of members."""

    group_id: Word
    member_id: Word


class MemberOut(Answer):
    """A member of a group as he is at a time; his wage is in the payroll export alone."""

    group_id: str
    member_id: str
    nickname: str | None
    role: SenderRole
    supervisor: str | None
    present: bool
    name: str | None
    department: str | None


class PersonIn(BaseModel):
    """What HR knows of a person, wherever he is; what is absent is unknown.

    He is employed from `employed_from` until before `employed_until`.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "name": "李想",
                    "department": "生产部",
                    "employed_from": "2024-03-01T00:00:00+08:00",
                }
            ]
        },
    )

    name: Word | None = None
    department: Word | None = None
    wage: Wage | None = None
    employed_from: Moment | None = None
    employed_until: Moment | None = None

    @model_validator(mode="after")
    def _in_order(self) -> PersonIn:
        start, end = self.employed_from, self.employed_until
        if start and end and end <= start:
            raise ValueError("employed_until must be after employed_from")
        return self


class PersonRow(PersonIn):
    """A line of a file of people."""

    member_id: Word


class GroupCounts(Answer):
    """What a file did to groups, or to people."""

    added: int
    changed: int
    same: int


class MemberCounts(GroupCounts):
    """What a file did to members; who is not present any more has left."""

    left: int


class Imported(Answer):
    """What an import did, or would do in a dry run; `errors` are of lines that were left out."""

    dry_run: bool
    groups: GroupCounts
    members: MemberCounts
    people: Annotated[GroupCounts, Field(description="By lines of HR's roster")]
    errors: Annotated[list[FieldProblem], Field(description=f"The first {MAX_TOLD}")]
