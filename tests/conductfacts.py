"""Facts of a group written down shortly, for tests of the rules of conduct."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from moderation.policy import Policy
from moderation.policyfiles import PolicyBook
from moderation.types import GroupKind, SenderRole
from service.conduct.calendarfiles import load_worktimes
from service.conduct.model import Facts, Turn, TurnKind
from service.storage.roster import Group, Member, Person

ZONE = ZoneInfo("Asia/Shanghai")
EVER = datetime(2026, 1, 1, tzinfo=UTC)
BOOK = PolicyBook.load()
WORKTIME = load_worktimes(ZONE, "09:00-12:00,13:00-18:00").firm
NAMES = {
    "admin": "秦岭",
    "owner": "群主",
    "li": "李想",
    "zhao": "赵敏",
    "wang": "王女士",
    "sun": "孙先生",
}
CUSTOMERS = ("wang", "sun")


def at(text: str) -> datetime:
    """Return a time of the firm: `11-23 10:00` is in 2026; seconds may follow."""
    day, _, clock = text.partition(" ")
    return datetime.fromisoformat(f"2026-{day}T{clock}").replace(tzinfo=ZONE).astimezone(UTC)


def turn(
    number: int,
    when: str,
    who: str,
    kind: str,
    *,
    reply_to: int | None = None,
    mentions: Sequence[str] = (),
    text: str | None = None,
) -> Turn:
    """Return a turn whose message has this number."""
    reply = None if reply_to is None else f"m{reply_to}"
    said = text or (f"问题{number}" if TurnKind(kind).asks else None)
    return Turn(f"m{number}", who, at(when), TurnKind(kind), reply, tuple(mentions), said)


def facts(policy: str | Policy, *turns: Turn, kind: GroupKind = GroupKind.CUSTOMER) -> Facts:
    """Return a group of two colleagues, their admin, an owner and two customers, all there from the start."""
    members = {
        who: [(EVER, Member("g", who, name, _role(who), supervisor="admin"))]
        for who, name in NAMES.items()
    }
    people = {
        who: Person(who, name, "客服部", employed_from=EVER)
        for who, name in NAMES.items()
        if who not in CUSTOMERS
    }
    return Facts(
        group_id="g",
        policy=BOOK[policy] if isinstance(policy, str) else policy,
        company=None,
        worktime=WORKTIME,
        group=[(EVER, Group("g", "客户群", kind, owner="owner", admin="admin"))],
        members=members,
        people=people,
        turns=sorted(turns, key=lambda one: (one.sent_at, one.message_id)),
    )


def late(minutes: float) -> str:
    """Return ten o'clock on an ordinary Monday and so many minutes."""
    when = at("11-23 10:00:00") + timedelta(minutes=minutes)
    return f"{when.astimezone(ZONE):%m-%d %H:%M:%S}"


def _role(who: str) -> SenderRole:
    return SenderRole.CUSTOMER if who in CUSTOMERS else SenderRole.STAFF
