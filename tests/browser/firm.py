"""A small firm for tests that change things: a sales group under `shenzhen`, a quality group under `suzhou-2017`."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from typing import Any

from service.rosterrows import GroupIn, MemberIn
from service.storage import rosterbook
from tests.browser.site import Site

AD = "诚信代开发票，加微信详谈"
_numbers = count(1)


def enrol(
    site: Site,
    group_id: str = "g-sales",
    policy: str = "shenzhen",
    member_id: str = "u-1",
    group_name: str = "销售群",
    **said: Any,
) -> None:
    """Let a group and a member of it be known."""
    now = datetime.now(UTC)
    with site.state.database.write() as connection:
        about = GroupIn(name=group_name, policy=policy)
        rosterbook.put_group(connection, now, "test", group_id, about, now)
        member = MemberIn(**{"name": "李想", "wage": Decimal("8000")} | said)
        rosterbook.put_member(connection, now, "test", (group_id, member_id), member, now)


def post(site: Site, text: str = AD, group_id: str = "g-sales", sender_id: str = "u-1") -> str:
    """Let the bot send a message that is flagged; return its case."""
    answer = site.bot(
        "/v1/classify",
        text=text,
        message_id=f"m-{next(_numbers)}",
        group_id=group_id,
        sender_id=sender_id,
    )
    assert answer["case_id"] is not None
    return str(answer["case_id"])
