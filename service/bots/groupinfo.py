"""What WeCom says of a group, as rows of the roster. Pure.

Two shapes: a customer group (客户群, `externalcontact/groupchat/get`) and an internal group (内部群,
`msgaudit/groupchat/get`), to which whoever asks WeCom adds the `roomid` asked for: the answer lacks it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from moderation.types import GroupKind, SenderRole
from service.bots.archive import ArchiveError, Record, is_external
from service.rosterrows import GroupRow, MemberRow

Rows = list[GroupRow | MemberRow]


def rows(info: Record) -> Rows:
    """Return the group and its members.

    Raises:
        ArchiveError: it has neither shape.
    """
    try:
        if "group_chat" in info:
            return list(_customer_group(info["group_chat"]))
        return list(_internal_group(info))
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise ArchiveError(f"no group of WeCom: {error!r}") from error


def _customer_group(chat: Record) -> Iterator[GroupRow | MemberRow]:
    admins = chat.get("admin_list") or [{"userid": chat["owner"]}]
    yield _group(
        chat["chat_id"], chat.get("name"), chat["owner"], admins[0]["userid"], outside=True
    )
    for member in chat["member_list"]:
        names = {"nickname": member.get("group_nickname"), "name": member.get("name")}
        yield _member(chat["chat_id"], member["userid"], member.get("join_time"), **names)


def _internal_group(room: Record) -> Iterator[GroupRow | MemberRow]:
    ids = [member["memberid"] for member in room["members"]]
    owner = room["creator"]
    yield _group(room["roomid"], room.get("roomname"), owner, owner, any(map(is_external, ids)))
    for member in room["members"]:
        yield _member(room["roomid"], member["memberid"], member.get("jointime"))


def _group(group_id: str, name: str | None, owner: str, admin: str, outside: bool) -> GroupRow:
    """Return a group; one that nobody has named is called by its id."""
    kind = GroupKind.CUSTOMER if outside else GroupKind.WORK
    return GroupRow(group_id=group_id, name=name or group_id, kind=kind, owner=owner, admin=admin)


def _member(group_id: str, user: str, joined: int | None, **names: str | None) -> MemberRow:
    """Return a member; what WeCom does not say is left out, so that it stays as it is known."""
    given: dict[str, Any] = {field: name for field, name in names.items() if name}
    if joined:
        given["joined"] = datetime.fromtimestamp(joined, UTC)
    role = SenderRole.CUSTOMER if is_external(user) else SenderRole.STAFF
    return MemberRow(group_id=group_id, member_id=user, role=role, **given)
