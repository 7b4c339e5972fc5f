"""Bots that send, repeat and recall messages, and remember what they were told."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field, replace

from service.client import AnswerError, Asked, AsyncClient

CLEAN = (
    "今天下午三点在二楼会议室开周会，请带上第{n}号进度表。",
    "{n}号线停机检修，预计两小时",
    "收到，{n}号订单马上处理",
    "第{n}批货已经装车，明早到仓库",
)
FOUL = (
    "诚信代开发嘌，加薇详谈，编号{n}",
    "ｖｘ：ａｂｃ{n} 亻言用卡 花呗套现",
    "你​nm​sl，去尼玛的，滚{n}次",
    "数据库密码是 Tiger-{n}x",
    "点击领取 http://prize{n}.example.top/a",
)
PEOPLE = 100


@dataclass(slots=True)
class Told:
    """What the service has said to all: cases, claims and notice numbers, and what it should not have."""

    cases: dict[tuple[str, str], str | None] = field(default_factory=dict)
    recalled: set[tuple[str, str]] = field(default_factory=set)
    claimed: dict[str, str] = field(default_factory=dict)
    numbers: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    enough: bool = False
    """Set to send everybody home."""

    @property
    def flagged(self) -> set[str]:
        """Return the ids of all cases acknowledged."""
        return {case_id for case_id in self.cases.values() if case_id is not None}


class Bot:
    """The bot of one group. Asks any of the service's processes, as a load balancer would."""

    def __init__(self, group_id: str, clients: list[AsyncClient], told: Told, seed: int) -> None:
        self.group_id = group_id
        self.clients = clients
        self.told = told
        self.chance = random.Random(seed)
        self.sent: list[Asked] = []

    async def run(self) -> None:
        """Send until told to stop."""
        ways = (self.send, self.send_twice, self.repeat, self.reuse, self.recall)
        while not self.told.enough:
            (way,) = self.chance.choices(ways, (80, 5, 8, 4, 3))
            try:
                await way()
            except AnswerError as error:
                self.told.wrong.append(f"{way.__name__}: {error}")
            self.told.done[way.__name__] += 1

    async def send(self) -> None:
        """Send something new."""
        message = self._message()
        self._note(message, await self._ask(message))

    async def send_twice(self) -> None:
        """Send something new through two processes at once, as a bot that lost patience does."""
        message = self._message()
        both = await asyncio.gather(*(self._ask(message, client) for client in self.clients[:2]))
        for case_id in both:
            self._note(message, case_id)

    async def repeat(self) -> None:
        """Send something that was answered before."""
        if self.sent:
            message = self.chance.choice(self.sent)
            self._note(message, await self._ask(message))

    async def reuse(self) -> None:
        """Use the id of an answered message for another text, which must be refused."""
        if self.sent:
            message = self.chance.choice(self.sent)
            try:
                await self._ask(replace(message, text=f"{message.text}！"))
            except AnswerError as error:
                if error.status != 409:
                    raise
            else:
                self.told.wrong.append(f"another text was taken for {message.message_id}")

    async def recall(self) -> None:
        """Take a message back."""
        if self.sent:
            message_id = str(self.chance.choice(self.sent).message_id)
            key = (self.group_id, message_id)
            answer = await self.chance.choice(self.clients).recall(message_id, self.group_id)
            if answer.case_id != self.told.cases[key]:
                self.told.wrong.append(f"recalled {key}: {answer.case_id}")
            self.told.recalled.add(key)

    def _message(self) -> Asked:
        texts = self.chance.choice((CLEAN, FOUL))
        number = self.chance.randrange(1_000_000)
        return Asked(
            text=self.chance.choice(texts).format(n=number),
            message_id=f"m-{self.chance.getrandbits(64):x}",
            group_id=self.group_id,
            sender_id=f"u-{self.chance.randrange(PEOPLE)}",
        )

    async def _ask(self, message: Asked, client: AsyncClient | None = None) -> str | None:
        answer = await (client or self.chance.choice(self.clients)).classify(message)
        return answer.case_id

    def _note(self, message: Asked, case_id: str | None) -> None:
        key = (self.group_id, str(message.message_id))
        if key not in self.told.cases:
            self.told.cases[key] = case_id
            self.sent.append(message)
        elif self.told.cases[key] != case_id:
            self.told.wrong.append(f"{key}: {self.told.cases[key]}, then {case_id}")
