"""`/groups` and `/members`: groups, who is in them, one person's record; rosters from files, erasure."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, UploadFile
from fastapi.responses import Response
from pydantic import ValidationError

from moderation.types import GroupKind
from service.dutyforms import DutyOut
from service.pages import words
from service.pages.shell import PageError, Visit, in_thread, page, redirect
from service.rights import Right
from service.rosterfiles import RosterFiles, read
from service.rosterrows import GroupIn
from service.storage import dutyquery, erasure, roster, rosterbook
from service.storage.dutybook import DutyState
from service.storage.dutyquery import Wanted

router = APIRouter(include_in_schema=False)
Seeing = Annotated[Visit, page(Right.SEE_ROSTER)]
Editing = Annotated[Visit, page(Right.EDIT_ROSTER)]
Erasing = Annotated[Visit, page(Right.ERASE)]
RECORD = 200
SHOWN_ERRORS = 100
OWED = 20
"""Duties that are shown beside a group or a person; all of them stand on the board."""


@router.get("/groups")
async def groups(visit: Seeing) -> Response:
    """List groups, with the forms to bring in a file and to add one."""
    return await _groups(visit)


@router.post("/groups/import")
async def bring_in(
    visit: Editing,
    file: Annotated[UploadFile, File()],
    verb: Annotated[str, Form(pattern="^(check|keep)$")] = "check",
) -> Response:
    """Check a file and say what it would change, or keep it; mistakes are named line by line."""
    state = visit.state
    policies = [policy.id for policy in state.moderator.policies]
    content = await file.read()
    read_in: RosterFiles = await in_thread(
        partial(read, [(file.filename or "名册", content)], policies, state.settings.zone)
    )
    now = datetime.now(UTC)
    made = await in_thread(
        partial(
            rosterbook.bring_in,
            state.database,
            now,
            visit.who.name,
            read_in,
            now,
            dry_run=verb == "check",
        )
    )
    return await _groups(visit, plan=made, kept=verb == "keep" and not made.errors)


@router.post("/groups")
async def put_group(
    visit: Editing,
    group_id: Annotated[str, Form(max_length=200)],
    name: Annotated[str, Form(max_length=200)],
    kind: Annotated[GroupKind, Form()] = GroupKind.WORK,
    policy: Annotated[str, Form(max_length=200)] = "",
    owner: Annotated[str, Form(max_length=200)] = "",
    admin: Annotated[str, Form(max_length=200)] = "",
    departments: Annotated[str, Form(max_length=2000)] = "",
    temporary: Annotated[bool, Form()] = False,
    ended: Annotated[date | None, Form()] = None,
) -> Response:
    """Add a group or change what it is from now on."""
    try:
        said = GroupIn(
            name=name,
            kind=kind,
            policy=policy or None,
            owner=owner or None,
            admin=admin or None,
            departments=_parts(departments) or None,
            temporary=temporary or None,
            ended_at=_end_of(ended, visit.state.settings.zone),
        )
    except ValidationError:
        return await _groups(visit, problem="请填写群 ID 和群名。")
    if not group_id.strip():
        return await _groups(visit, problem="请填写群 ID 和群名。")

    def write() -> None:
        now = datetime.now(UTC)
        with visit.state.database.write() as connection:
            rosterbook.put_group(connection, now, visit.who.name, group_id.strip(), said, now)

    await in_thread(write)
    return redirect("/groups")


@router.get("/groups/{group_id}")
async def group(visit: Seeing, group_id: str) -> Response:
    """Show a group with its members, those who have left among them."""
    now = datetime.now(UTC)

    def look() -> tuple[Any, list[roster.Member], dict[str, roster.Person], list[DutyOut]]:
        with visit.state.database.read() as connection:
            found = roster.groups_at(connection, [group_id], now)
            members = roster.members_of(connection, group_id, now, gone=True)
            ids = {one.member_id for one in members} | {one.supervisor for one in members}
            ids |= {who for one in found for who in (one.owner, one.admin)}
            people = roster.people_by_id(connection, filter(None, ids))
            owed = _owed(connection, Wanted(DutyState.OPEN, group_id=group_id))
            return (found[0] if found else None), members, people, owed

    found, members, people, owed = await in_thread(look)
    if found is None:
        raise PageError(404, "名册里没有这个群。没有登记的群按默认制度处理。")
    return visit.show(
        "group.html",
        group=found,
        members=members,
        people=people,
        duties=owed,
        now=now,
        clock=partial(words.clock, now),
        policies=_policies(visit),
    )


@router.get("/members/{member_id}")
async def member(visit: Seeing, member_id: str) -> Response:
    """Show a person: groups, confirmed record, cases."""
    desk = visit.state.desk
    record = await in_thread(partial(desk.record, member_id, RECORD))

    def look() -> tuple[Any, list[tuple[roster.Member, str]], list[DutyOut]]:
        with visit.state.database.read() as connection:
            person = roster.people_by_id(connection, [member_id]).get(member_id)
            places = roster.groups_of(connection, member_id)
            names = {
                one.group_id: one.name
                for one in roster.groups_at(connection, [place.group_id for place in places])
            }
            owed = _owed(connection, Wanted(DutyState.OPEN, person=member_id))
            return person, [(place, names.get(place.group_id, "")) for place in places], owed

    person, places, owed = await in_thread(look)
    return visit.show(
        "member.html",
        member_id=member_id,
        person=person,
        places=places,
        record=record,
        duties=owed,
        clock=partial(words.clock, datetime.now(UTC)),
    )


@router.post("/members/{member_id}/erase")
async def erase(visit: Erasing, member_id: str) -> Response:
    """Forget a person: texts and names go, the ledger stands under a pseudonym."""
    state = visit.state
    try:
        await in_thread(
            partial(
                erasure.erase,
                state.database,
                datetime.now(UTC),
                visit.who.name,
                member_id,
                state.recorder.intake.key,
            )
        )
    except erasure.UnknownPersonError as error:
        raise PageError(404, "没有这个人的任何记录。") from error
    return redirect("/groups")


async def _groups(
    visit: Visit,
    problem: str | None = None,
    plan: rosterbook.Plan | None = None,
    kept: bool = False,
) -> Response:
    now = datetime.now(UTC)

    def look() -> tuple[list[roster.Group], dict[str, int]]:
        with visit.state.database.read() as connection:
            return roster.groups_at(connection, at=now), roster.member_counts(connection, now)

    found, counts = await in_thread(look)
    return visit.show(
        "groups.html",
        409 if problem else 200,
        groups=found,
        counts=counts,
        now=now,
        policies=_policies(visit),
        kinds=[kind.value for kind in GroupKind],
        default=visit.state.settings.default_policy,
        problem=problem,
        plan=plan,
        kept=kept,
        errors=plan.errors[:SHOWN_ERRORS] if plan else [],
    )


def _owed(connection: Any, wanted: Wanted) -> list[DutyOut]:
    return [DutyOut.of(row) for row in dutyquery.listed(connection, wanted, OWED)]


def _end_of(day: date | None, zone: tzinfo) -> datetime | None:
    return None if day is None else datetime.combine(day, time(), zone) + timedelta(days=1)


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in re.split("[;；]", text) if part.strip())


def _policies(visit: Visit) -> dict[str, str]:
    return {policy.id: policy.title for policy in visit.state.moderator.policies}
