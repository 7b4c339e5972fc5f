"""What HR knows of people: `/v1/people`. Files of them come in with the groups."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request

from service.api.accounts import SECURED
from service.auth import may
from service.rights import Principal, Right
from service.rosterrows import PersonIn, Word
from service.schemas import Answer, Problem
from service.storage import roster, rosterbook
from service.storage.database import Database
from service.storage.erasure import UnknownPersonError

router = APIRouter(prefix="/v1", tags=["roster"], responses=SECURED)
NOT_FOUND: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "Nothing is known of this person"}
}
MemberId = Annotated[Word, Path(description="As the bot names the sender")]
After = Annotated[
    str, Query(max_length=200, pattern=r"^[^\x00]*$", description="`next` of the page before")
]


class PersonOut(Answer):
    """What HR knows of a person; his wage is in the payroll export alone.

    Employed from `employed_from` until before `employed_until`; null is not known, or no end.
    """

    member_id: str
    name: str | None
    department: str | None
    employed_from: datetime | None
    employed_until: datetime | None


class PeoplePage(Answer):
    """People by their ids; `next` is the `after` of the page behind."""

    people: tuple[PersonOut, ...]
    next: str | None


@router.get("/people")
def list_people(
    who: Annotated[Principal, may(Right.SEE_ROSTER)],
    request: Request,
    after: After = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> PeoplePage:
    """List whom HR knows, by their ids."""
    with _database(request).read() as connection:
        found = roster.people_page(connection, after, limit + 1)
    shown = found[:limit]
    return PeoplePage(
        people=tuple(map(_out, shown)),
        next=shown[-1].member_id if len(found) > limit else None,
    )


@router.get("/people/{member_id}", responses=NOT_FOUND)
def show_person(
    who: Annotated[Principal, may(Right.SEE_ROSTER)], request: Request, member_id: MemberId
) -> PersonOut:
    """Show what HR knows of a person."""
    with _database(request).read() as connection:
        found = roster.people_by_id(connection, [member_id]).get(member_id)
    if found is None:
        raise UnknownPersonError(f"nothing is known of {member_id!r}")
    return _out(found)


@router.put("/people/{member_id}")
def put_person(
    who: Annotated[Principal, may(Right.EDIT_ROSTER)],
    request: Request,
    member_id: MemberId,
    body: PersonIn,
) -> PersonOut:
    """Say what HR knows of a person, wherever he is; what is absent is unset."""
    with _database(request).write() as connection:
        now = datetime.now(UTC)
        return _out(rosterbook.put_person(connection, now, who.name, member_id, body))


def _out(person: roster.Person) -> PersonOut:
    return PersonOut(**{name: getattr(person, name) for name in PersonOut.model_fields})


def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database
