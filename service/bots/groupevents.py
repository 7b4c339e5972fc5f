"""What WeCom tells of a group's life, as events. Pure.

Two sources: the description of a group (`groupinfo`), of which each member's entry says when he came and
who brought him in, and the callback `change_external_chat` as JSON, its XML element for element. An
event's id follows from what it says, so telling it again changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from moderation.types import SenderRole
from service.bots.archive import ArchiveError, Record, Skipped, is_external
from service.eventforms import EventIn, Kind

CALLBACK = "change_external_chat"
_MEMBERS = {"add_member": Kind.JOINED, "del_member": Kind.LEFT}


def of_group(info: Record) -> list[EventIn]:
    """Return when a group began and when each of its members came, as its description says.

    Raises:
        ArchiveError: it is no description of a group.
    """
    try:
        if "group_chat" in info:
            chat = info["group_chat"]
            came = [
                (one["userid"], one.get("join_time"), (one.get("invitor") or {}).get("userid"))
                for one in chat["member_list"]
            ]
            return list(_begun(chat["chat_id"], chat.get("create_time"), came))
        members = [(one["memberid"], one.get("jointime"), None) for one in info["members"]]
        return list(_begun(info["roomid"], info.get("room_create_time"), members))
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError, OSError) as error:
        raise ArchiveError(f"no group of WeCom: {error!r}") from error


def of_callback(record: Record) -> list[EventIn] | Skipped:
    """Return what a callback says; what it does not say itself is for the group's description.

    Raises:
        ArchiveError: it is no such callback.
    """
    try:
        return _told(record)
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError, OSError) as error:
        raise ArchiveError(f"no callback of WeCom: {error!r}") from error


def gone(group_id: str, at: datetime, user: str) -> EventIn:
    """Return that somebody left, or was found at a time to have left."""
    return _event(Kind.LEFT, group_id, at, user)


def _begun(
    group_id: str, created: int | None, came: Iterable[tuple[str, int | None, str | None]]
) -> Iterator[EventIn]:
    if created:
        yield _event(Kind.GROUP_CREATED, group_id, _time(created))
    for user, joined, inviter in came:
        if joined:
            yield _joined(group_id, _time(joined), user, inviter or None)


def _told(record: Record) -> list[EventIn] | Skipped:
    change, detail = record["ChangeType"], record.get("UpdateDetail", "")
    group_id, at = record["ChatId"], _time(int(record["CreateTime"]))
    if change == "dismiss":
        return [_event(Kind.DISSOLVED, group_id, at)]
    kind = _MEMBERS.get(detail) if change == "update" else None
    if kind is None:
        return Skipped(f"待群资料 {detail or change}")
    users = _items(record.get("MemChangeList"))
    if not users:
        return Skipped(f"没有成员 {detail}")
    make = _joined if kind is Kind.JOINED else gone
    return [make(group_id, at, user) for user in users]


def _items(listed: Any) -> list[str]:
    """Return the entries of a list, which as XML turned into JSON may be one entry alone."""
    found = listed.get("Item") if isinstance(listed, dict) else listed
    return [found] if isinstance(found, str) else list(found or ())


def _joined(group_id: str, at: datetime, user: str, by: str | None = None) -> EventIn:
    role = SenderRole.CUSTOMER if is_external(user) else SenderRole.STAFF
    return _event(Kind.JOINED, group_id, at, user, by=by, role=role)


def _event(
    kind: Kind, group_id: str, at: datetime, user: str | None = None, **said: Any
) -> EventIn:
    parts = (kind.value, group_id, at.isoformat(), user or "")
    mark = hashlib.blake2b("\x1f".join(parts).encode(), digest_size=16).hexdigest()
    return EventIn(
        event_id=f"wecom-{mark}", kind=kind, group_id=group_id, at=at, member_id=user, **said
    )


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
