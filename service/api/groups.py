"""Groups and their members over time: `/v1/groups`, and what a file of them brings in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from moderation.errors import UnknownNameError
from moderation.types import GroupKind
from service.api.classify import ERRORS
from service.auth import may
from service.problems import ProblemError, invalid, unknown_policy
from service.rights import Principal, Right
from service.rosterfiles import LineError, read
from service.rosterrows import (
    MAX_TOLD,
    GroupCounts,
    GroupIn,
    Imported,
    MemberCounts,
    MemberIn,
    MemberOut,
    Moment,
    Word,
)
from service.schemas import Answer, FieldProblem, Problem
from service.storage import roster, rosterbook
from service.storage.database import Database

UPLOAD = "upload"
"""What a file sent over HTTP is called."""

router = APIRouter(
    prefix="/v1",
    tags=["roster"],
    responses={code: ERRORS[code] for code in (401, 403, 413, 422, 429, 503)},
)
NOT_FOUND: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "No such group or member"}
}
FILE = {
    "required": True,
    "content": {
        "text/csv": {
            "schema": {"type": "string"},
            "example": "群ID,群名,类型\ng-1,生产一部,工作群",
        },
        "application/json": {"schema": {"type": "array", "items": {"type": "object"}}},
    },
}

Reader = Annotated[Principal, may(Right.SEE_ROSTER)]
Editor = Annotated[Principal, may(Right.EDIT_ROSTER)]
GroupId = Annotated[Word, Path(description="As the bot names the group")]
MemberId = Annotated[Word, Path(description="As the bot names the sender")]
At = Annotated[Moment | None, Query(description="As it was at this time; now if absent")]
Since = Annotated[Moment | None, Query(description="From when on it holds; now if absent")]


class GroupOut(Answer):
    """A group as it is at a time; `policy` null means the default one."""

    group_id: str
    name: str
    kind: GroupKind
    policy: str | None
    owner: str | None
    admin: str | None
    dissolved: bool
    departments: tuple[str, ...]
    temporary: bool
    ended_at: datetime | None
    members: int


@router.get("/groups")
def list_groups(who: Reader, request: Request, at: At = None) -> list[GroupOut]:
    """List all groups, those dissolved among them."""
    moment = at or _now()
    with _database(request).read() as connection:
        counts = roster.member_counts(connection, moment)
        found = roster.groups_at(connection, at=moment)
    return [_group_out(group, counts.get(group.group_id, 0)) for group in found]


@router.post("/groups/import", openapi_extra={"requestBody": FILE})
async def import_groups(
    who: Editor,
    request: Request,
    since: Since = None,
    dry_run: bool = False,
    skip_bad: bool = False,
) -> Imported:
    """Bring in a file of groups, of members or of people, CSV or JSON, as the request's body.

    Lines with mistakes are named with line and field, and then nothing is brought in, unless
    `skip_bad` says to leave them out. Columns may have Chinese names.
    """
    content = await request.body()
    return await run_in_threadpool(_import, request, who, content, since, dry_run, skip_bad)


@router.get("/groups/{group_id}", responses=NOT_FOUND)
def show_group(who: Reader, request: Request, group_id: GroupId, at: At = None) -> GroupOut:
    """Show a group."""
    return _show(_database(request), group_id, at or _now())


@router.put("/groups/{group_id}")
def put_group(
    who: Editor, request: Request, group_id: GroupId, body: GroupIn, since: Since = None
) -> GroupOut:
    """Add a group, or say what it is from now or from `since` on; what is absent is unset."""
    _check_policy(request, body)
    now = _now()
    with _database(request).write() as connection:
        rosterbook.put_group(connection, now, who.name, group_id, body, _since(since, now))
    return _show(_database(request), group_id, now)


@router.get("/groups/{group_id}/members", responses=NOT_FOUND)
def list_members(
    who: Reader, request: Request, group_id: GroupId, at: At = None, gone: bool = False
) -> list[MemberOut]:
    """List who was in a group at a time, with those who had left if `gone`."""
    with _database(request).read() as connection:
        found = roster.members_of(connection, group_id, at or _now(), gone=gone)
        people = roster.people_by_id(connection, [member.member_id for member in found])
        if not found and not roster.groups_at(connection, [group_id]):
            raise rosterbook.UnknownGroupError(f"no group {group_id!r}")
    return [_member_out(member, people.get(member.member_id)) for member in found]


@router.put("/groups/{group_id}/members/{member_id}", responses=NOT_FOUND)
def put_member(
    who: Editor,
    request: Request,
    group_id: GroupId,
    member_id: MemberId,
    body: MemberIn,
    since: Since = None,
) -> MemberOut:
    """Add a member, or say what he is from now or from `since` on; what is absent is unset.

    Name, department and wage are the person's in every group; absent, they stay as they are.
    """
    now = _now()
    ids = (group_id, member_id)
    with _database(request).write() as connection:
        rosterbook.put_member(connection, now, who.name, ids, body, _since(since, now))
        member = roster.member_at(connection, group_id, member_id, now)
        person = roster.people_by_id(connection, [member_id]).get(member_id)
    assert member is not None
    return _member_out(member, person)


@router.delete("/groups/{group_id}/members/{member_id}", status_code=204, responses=NOT_FOUND)
def remove_member(
    who: Editor, request: Request, group_id: GroupId, member_id: MemberId, at: At = None
) -> Response:
    """Note that a member has left, now or at a time. What he was before stays known."""
    now = _now()
    with _database(request).write() as connection:
        rosterbook.leave(connection, now, who.name, (group_id, member_id), at or now)
    return Response(status_code=204)


def _import(
    request: Request,
    who: Principal,
    content: bytes,
    since: datetime | None,
    dry_run: bool,
    skip_bad: bool,
) -> Imported:
    now = _now()
    policies = [policy.id for policy in request.app.state.moderator.policies]
    files = read([(UPLOAD, content)], policies, request.app.state.settings.zone)
    made = rosterbook.bring_in(
        _database(request),
        now,
        who.name,
        files,
        _since(since, now),
        dry_run=dry_run,
        skip_bad=skip_bad,
    )
    if made.errors and not skip_bad:
        problem = invalid([_told(error) for error in made.errors[:MAX_TOLD]])
        detail = f"{len(made.errors)} mistakes, nothing was brought in; {problem.detail}"
        raise ProblemError(422, problem.title, detail, problem.errors)
    return Imported(
        dry_run=dry_run,
        groups=GroupCounts(**made.counts["groups"]),
        members=MemberCounts(**made.counts["members"]),
        people=GroupCounts(**made.counts["people"]),
        errors=[_told(error) for error in made.errors[:MAX_TOLD]],
    )


def _told(error: LineError) -> FieldProblem:
    """Return a mistake as a pointer `/line/column`."""
    column = error.field.replace("~", "~0").replace("/", "~1")
    pointer = f"/{error.line}/{column}" if column else f"/{error.line}"
    return FieldProblem(pointer=pointer, detail=error.problem)


def _show(database: Database, group_id: str, at: datetime) -> GroupOut:
    with database.read() as connection:
        found = roster.groups_at(connection, [group_id], at)
        members = roster.members_of(connection, group_id, at)
    if not found:
        raise rosterbook.UnknownGroupError(f"no group {group_id!r}")
    return _group_out(found[0], len(members))


def _check_policy(request: Request, body: GroupIn) -> None:
    try:
        if body.policy is not None:
            request.app.state.moderator.policies[body.policy]
    except UnknownNameError as error:
        problem = unknown_policy(error, "/policy")
        raise ProblemError(422, problem.title, problem.detail, problem.errors) from error


def _since(given: datetime | None, now: datetime) -> datetime:
    """Return from when on something holds: the busy path reads the newest version, so not from later on."""
    if given is not None and given > now:
        problem = invalid([FieldProblem(pointer="/since", detail="lies in the future")])
        raise ProblemError(422, problem.title, problem.detail, problem.errors)
    return given or now


def _group_out(group: roster.Group, members: int) -> GroupOut:
    values = {name: getattr(group, name) for name in group.__slots__}
    return GroupOut(**values, members=members)


def _member_out(member: roster.Member, person: roster.Person | None) -> MemberOut:
    values = {name: getattr(member, name) for name in member.__slots__}
    return MemberOut(
        **values,
        name=person.name if person else None,
        department=person.department if person else None,
    )


def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


def _now() -> datetime:
    return datetime.now(UTC)
