"""`/duties`: who owes a group what until when, with a running clock; what was breached; how the groups fare."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response

from moderation.conductrules import conduct_rules
from service.dutyforms import DutyOut
from service.pages import words
from service.pages.shell import PageError, Visit, in_thread, page
from service.rights import Right
from service.schemas import Name
from service.storage import dutyquery, roster
from service.storage.database import Database
from service.storage.dutybook import DutyState
from service.storage.roster import Group, Place

router = APIRouter(include_in_schema=False)
Seeing = Annotated[Visit, page(Right.SEE_ROSTER)]
AT_ONCE = 100
SOON = timedelta(minutes=15)
"""What is due within this time is marked."""
HEALTH = timedelta(days=30)
VIEWS = (("open", "进行中"), ("breached", "已逾期"))


@router.get("/duties")
async def board(
    visit: Seeing,
    state: Annotated[str, Query(pattern="^(open|breached)$")] = "open",
    rule: Name | None = None,
    group_id: Name | None = None,
    after: str | None = None,
) -> Response:
    """Show the board; htmx asks for the list alone."""
    if rule is not None and rule not in conduct_rules():
        raise PageError(404, "没有这条管理规则。")
    wanted = dutyquery.Wanted(DutyState(state), rule, group_id)
    database: Database = visit.state.database
    part = visit.request.headers.get("hx-target") == "duties"
    now = datetime.now(UTC)
    look = partial(_look, database, wanted, _cursor(after), now, whole=not part)
    found = await in_thread(look)
    return visit.show(
        "part_duties.html" if part else "duties.html",
        wanted=wanted,
        state=state,
        views=VIEWS,
        rules=conduct_rules(),
        now=now,
        soon=SOON,
        clock=partial(words.clock, now),
        warnings=_warnings(visit) if not part else [],
        **found,
    )


def _look(
    database: Database,
    wanted: dutyquery.Wanted,
    after: dutyquery.Cursor | None,
    now: datetime,
    *,
    whole: bool,
) -> dict[str, Any]:
    """Return the list, and for the whole page how many there are and how the groups fare."""
    with database.read() as connection:
        rows = dutyquery.listed(connection, wanted, AT_ONCE + 1, after)
        shown = [DutyOut.of(row) for row in rows[:AT_ONCE]]
        last = shown[-1] if len(rows) > AT_ONCE else None
        found: dict[str, Any] = {
            "duties": _placed(connection, shown, now),
            "next": dutyquery.cursor(last.due, last.duty_id) if last else None,
        }
        if whole:
            counted = dutyquery.Wanted(wanted.state, None, wanted.group_id)
            found["counts"] = dutyquery.counts(connection, counted)
            found["health"] = _health(connection, now)
    return found


def _placed(
    connection: Any, shown: Sequence[DutyOut], now: datetime
) -> list[tuple[DutyOut, Place, str | None]]:
    """Return duties, each with its group, the person in it and his name."""
    places = roster.places_at(connection, [(one.group_id, one.person, now) for one in shown])
    people = roster.people_by_id(connection, {one.person for one in shown if one.person})
    found = []
    for one, place in zip(shown, places, strict=True):
        known = people.get(one.person or "")
        nickname = place.member.nickname if place.member else None
        found.append((one, place, (known.name if known else None) or nickname))
    return found


def _health(connection: Any, now: datetime) -> list[tuple[Group, dict[str, int]]]:
    """Return the groups in which something is open or went wrong lately, the worst first."""
    counts = dutyquery.health(connection, now - HEALTH)
    if not counts:
        return []
    groups = roster.groups_at(connection, sorted(counts), now)
    found = [(group, counts[group.group_id]) for group in groups]
    return sorted(found, key=lambda one: (-one[1]["breached"], -one[1]["open"], one[0].group_id))


def _warnings(visit: Visit) -> list[str]:
    """Return what keeps rules from being checked."""
    settings = visit.state.settings
    found = []
    if settings.company is None and any(
        row.rule == "group_name"
        for policy in visit.state.moderator.policies
        for row in policy.conduct
    ):
        found.append("没有设置公司名（MODERATION_COMPANY），群名规则暂不检查。")
    years = visit.state.dutybook.facts.worktimes.unknown_years
    if years:
        listed = "、".join(f"{year}年" for year in years)
        found.append(f"{listed}的节假日安排未知，时限暂按周一至周五计算；请在工作日历文件中列出。")
    return found


def _cursor(after: str | None) -> dutyquery.Cursor | None:
    try:
        return None if after is None else dutyquery.parse_cursor(after)
    except ValueError as error:
        raise PageError(400, "这一页已经不在了，请从头看起。") from error
