"""Messages of WeCom's session archive (会话内容存档, decrypted) as the service asks for them. Pure.

record ─ action ─ send ── msgtype ─ its words ─ Asked
                ├ recall ─ Recall
                └ anything without words, or outside a group ─ Skipped, with the reason
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from moderation.errors import MessageError, ModerationError
from moderation.types import MAX_TEXT, GroupKind, SenderRole, check_text
from service.asked import Asked

Record = Mapping[str, Any]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EXTERNAL = re.compile(r"w[mo][\w-]{20,}", re.ASCII)
"""Ids that WeCom gives to people outside the firm; an employee `womin` is not one."""
_ROBOT = re.compile(r"wb[\w-]{20,}", re.ASCII)
_WORDS = {
    "text": ("content",),
    "markdown": ("content",),
    "link": ("title", "description", "link_url"),
    "weapp": ("title", "description"),
    "file": ("filename",),
    "docmsg": ("title", "link_url"),
    "news": ("title", "description", "url"),
    "todo": ("title", "content"),
    "vote": ("votetitle", "voteitem"),
    "collect": ("title",),
    "calendar": ("title", "place", "remarks"),
    "meeting": ("topic", "address", "remarks"),
    "redpacket": ("wish",),
    "sphfeed": ("sph_name", "feed_desc"),
}
"""Where each type of message keeps the words that its readers see."""
_BODIES = {"markdown": "info", "news": "info", "docmsg": "doc"}
"""Types whose content stands under another name than their own."""
_OF_ITEMS = ("mixed", "chatrecord")
_WORDLESS = (
    *("image", "voice", "video", "emotion", "card", "location", "agree", "disagree", "qydiskfile"),
    *("meeting_voice_call", "voip_doc_share", "voiptext", "external_redpacket"),
)


class ArchiveError(ModerationError):
    """A record that is not what WeCom documents."""


@dataclass(frozen=True, slots=True)
class Recall:
    """A message taken back by its sender."""

    group_id: str
    message_id: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """A record with nothing to judge, and why."""

    reason: str


def convert(record: Record) -> Asked | Recall | Skipped:
    """Return what a record asks of the service.

    Raises:
        ArchiveError: a field that every such record has is missing or of another type.
    """
    try:
        return _convert(record)
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError, MessageError) as error:
        raise ArchiveError(f"not a record of the archive: {error!r}") from error


def is_external(user_id: str) -> bool:
    """Return whether an id belongs to somebody outside the firm."""
    return _EXTERNAL.fullmatch(user_id) is not None


def _convert(record: Record) -> Asked | Recall | Skipped:
    action = record["action"]
    if action == "switch":
        return Skipped("切换企业")
    if not record.get("roomid"):
        return Skipped("不在群里")
    if action == "recall":
        return Recall(record["roomid"], record["revoke"]["pre_msgid"])
    if action != "send":
        return Skipped(f"未知动作 {action}")
    return _sent(record)


def _sent(record: Record) -> Asked | Skipped:
    kind, sender = str(record["msgtype"]), record["from"]
    if _ROBOT.fullmatch(sender):
        return Skipped("机器人发的")
    if kind not in (*_WORDS, *_OF_ITEMS, *_WORDLESS):
        return Skipped(f"未知类型 {kind}")
    text = "" if kind in _WORDLESS else "\n".join(_words(kind, record[_BODIES.get(kind, kind)]))
    if not text.strip():
        return Skipped(f"没有文字 {kind}")
    outside = any(is_external(user) for user in (sender, *record.get("tolist", ())))
    return Asked(
        text=check_text(text[:MAX_TEXT]),
        message_id=record["msgid"],
        group_id=record["roomid"],
        group_kind=GroupKind.CUSTOMER if outside else None,
        sender_id=sender,
        sender_role=SenderRole.CUSTOMER if is_external(sender) else SenderRole.STAFF,
        sent_at=_EPOCH + timedelta(milliseconds=record["msgtime"]),
    )


def _words(kind: str, body: Record) -> Iterator[str]:
    """Yield the words of a message, of its parts in order where it is made of other messages."""
    if kind in _OF_ITEMS:
        for item in body["item"]:
            inner = item["type"].removeprefix("ChatRecord").lower()
            yield from _words(inner, _content(item))
    elif kind == "news" and "item" in body:
        for item in body["item"]:
            yield from _words(kind, item)
    else:
        for name in _WORDS.get(kind, ()):
            value = body.get(name) or ()
            yield from [value] if isinstance(value, str) else value


def _content(item: Record) -> Record:
    """Return the content of a part: WeCom packs it as JSON in a string."""
    content: Record = json.loads(item["content"])
    return content
