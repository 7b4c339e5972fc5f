"""`/`: paste a message and see the whole decision. The first page that a newcomer sees; leaves no trace."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form
from fastapi.responses import HTMLResponse

from moderation import Message, Moderator
from moderation.errors import MessageError
from moderation.normalize import normalize
from moderation.taxonomy import taxonomy
from moderation.types import GroupKind, SenderRole
from service.pages.marking import pieces
from service.pages.shell import Visit, in_thread, visit

router = APIRouter(include_in_schema=False)
EXAMPLES = (
    "诚信代开发嘌，加薇详谈",
    "可代開·发嘌，亻言用卡提额加V：abc123",
    "3号线停机检修，预计两小时",
    "谨防刷单诈骗，财务提醒大家不要转账",
    "数据库密码是 Tiger-2024x，别外传",
    "你个木琴，nmsl",
)
STEPS = {
    "width": "全角转半角",
    "styled": "花体、圈码还原",
    "traditional": "繁体转简体",
    "lookalike": "形近字还原",
    "invisible": "去掉不可见字符",
    "emoji": "表情转文字",
    "separator": "去掉字间分隔",
    "split": "拆字合并",
    "repeat": "重复压缩",
    "homophone": "谐音还原",
    "initials": "缩写还原",
}
"""The normaliser's steps in words; `case` is how people write and is not mentioned."""
Visiting = Annotated[Visit, Depends(visit)]


@router.get("/")
async def form(guest: Visiting) -> HTMLResponse:
    """Show the empty form."""
    given = {
        "text": "",
        "policy": guest.state.settings.default_policy,
        "group_kind": GroupKind.WORK.value,
        "sender_role": SenderRole.STAFF.value,
        "occurrence": 1,
    }
    return guest.show("tryit.html", **_choices(guest), given=given, result=None, problem=None)


@router.post("/")
async def judge(
    guest: Visiting,
    text: Annotated[str, Form()] = "",
    policy: Annotated[str, Form()] = "",
    group_kind: Annotated[GroupKind, Form()] = GroupKind.WORK,
    sender_role: Annotated[SenderRole, Form()] = SenderRole.STAFF,
    occurrence: Annotated[int, Form(ge=1, le=99)] = 1,
) -> HTMLResponse:
    """Judge what was pasted and show everything about the decision."""
    given: dict[str, Any] = {
        "text": text.strip(),
        "policy": policy or guest.state.settings.default_policy,
        "group_kind": group_kind.value,
        "sender_role": sender_role.value,
        "occurrence": occurrence,
    }
    result, problem = None, None
    try:
        message = Message(
            given["text"],
            policy=given["policy"],
            group_kind=group_kind,
            sender_role=sender_role,
            occurrence=occurrence,
        )
        result = await in_thread(lambda: _judged(guest.state.moderator, message))
    except MessageError:
        problem = "请贴入一条消息（1 到 10000 字）。"
    template = "part_decision.html" if guest.is_part else "tryit.html"
    return guest.show(template, **_choices(guest), given=given, result=result, problem=problem)


def _judged(moderator: Moderator, message: Message) -> dict[str, Any]:
    decision = moderator.moderate([message], with_scores=True)[0]
    read = normalize([message.text])[0]
    body = decision.to_dict()
    scores = sorted((decision.scores or {}).items(), key=lambda item: -item[1])
    return {
        "decision": body,
        "pieces": pieces(message.text, body["findings"]),
        "read_as": read.text if set(read.steps) & STEPS.keys() else None,
        "steps": [STEPS[step] for step in read.steps if step in STEPS],
        "scores": [(taxonomy()[name].name, score) for name, score in scores[:8]],
        "title": moderator.policies[message.policy or ""].title,
    }


def _choices(guest: Visit) -> dict[str, Any]:
    return {
        "examples": EXAMPLES,
        "policies": list(guest.state.moderator.policies),
        "kinds": [kind.value for kind in GroupKind],
        "roles": [role.value for role in SenderRole],
    }
