"""`/duties`: who owes a group what until when, with a running clock; what was breached; how the groups fare."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, Any
from urllib.parse import urlencode

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

router = APIRouter(include_in_schema=False)
Seeing = Annotated[Visit, page(Right.SEE_ROSTER)]
AT_ONCE = 100
SOON = timedelta(minutes=15)
"""What is due within this time is marked."""
HEALTH = timedelta(days=30)
GROUPS = 50
"""Groups in the summary."""
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
        further=partial(_further, wanted),
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
        counts = dutyquery.counts(connection, now - HEALTH) if whole else []
        shown = rows[:AT_ONCE]
        wherever = [(row.group_id, row.person, now) for row in shown]
        health = _health(counts)
        wherever += [(group_id, None, now) for group_id, _, _ in health]
        places = roster.places_at(connection, wherever)
    last = shown[-1] if len(rows) > AT_ONCE else None
    return {
        "duties": [
            (DutyOut.of(row), place, row.person_name or (place.member and place.member.nickname))
            for row, place in zip(shown, places[: len(shown)], strict=True)
        ],
        "next": dutyquery.cursor(last.due, last.duty_id) if last else None,
        "counts": _by_rule(counts, wanted),
        "health": [
            (place.group, *one) for one, place in zip(health, places[len(shown) :], strict=True)
        ],
    }


def _by_rule(counts: Sequence[dutyquery.Count], wanted: dutyquery.Wanted) -> dict[str, int]:
    """Return how many there are under each rule in the state and the group that are shown."""
    found: Counter[str] = Counter()
    for one in counts:
        if one.state is wanted.state and wanted.group_id in (None, one.group_id):
            found[one.rule] += one.all
    return dict(sorted(found.items()))


def _health(counts: Sequence[dutyquery.Count]) -> list[tuple[str, int, int]]:
    """Return the groups that fare worst: how many duties are open in each, how many went wrong lately."""
    still, wrong = Counter[str](), Counter[str]()
    for one in counts:
        if one.state is DutyState.OPEN:
            still[one.group_id] += one.all
        else:
            wrong[one.group_id] += one.lately
    concerned = sorted({*+still, *+wrong}, key=lambda one: (-wrong[one], -still[one], one))
    return [(one, still[one], wrong[one]) for one in concerned[:GROUPS]]


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


def _further(wanted: dutyquery.Wanted, after: str) -> str:
    """Return the query of the page after this."""
    given = {"state": wanted.state, "rule": wanted.rule, "group_id": wanted.group_id}
    return urlencode({name: value for name, value in given.items() if value} | {"after": after})


def _cursor(after: str | None) -> dutyquery.Cursor | None:
    try:
        return None if after is None else dutyquery.parse_cursor(after)
    except ValueError as error:
        raise PageError(400, "这一页已经不在了，请从头看起。") from error
